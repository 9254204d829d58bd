#include "server/core/latency_monitor.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <vector>

#include "fmt/format.h"
#include "server/limits.h"

namespace server {
namespace {

// Lines of a graph above its labels, and what fills the highest of them: by thirds of a line.
constexpr int64_t kGraphLines = 4;
constexpr std::string_view kFillings = "_o#";

int64_t MeanOf(const LatencySeries& series) {
  int64_t sum = 0;
  for (const LatencySample& sample : series.samples) sum += sample.millis;
  return sum / static_cast<int64_t>(series.samples.size());
}

// "5s", "3m", "2h", "4d": two digits at most, unless it is very long ago.
std::string AgeLabel(int64_t seconds) {
  constexpr int64_t kMinute = 60;
  constexpr int64_t kHour = 60 * kMinute;
  constexpr int64_t kDay = 24 * kHour;
  if (seconds < kMinute) return fmt::format("{}s", seconds);
  if (seconds < kHour) return fmt::format("{}m", seconds / kMinute);
  if (seconds < kDay) return fmt::format("{}h", seconds / kHour);
  return fmt::format("{}d", seconds / kDay);
}

}  // namespace

void LatencyMonitor::Add(std::string_view event, int64_t unix_seconds, int64_t millis) {
  const auto found = events_.find(event);
  LatencySeries& series = found == events_.end() ? events_[std::string(event)] : found->second;
  series.worst_millis = std::max(series.worst_millis, millis);
  if (!series.samples.empty() && series.samples.back().unix_seconds == unix_seconds) {
    series.samples.back().millis = std::max(series.samples.back().millis, millis);
    return;
  }
  series.samples.push_back({unix_seconds, millis});
  if (series.samples.size() > kLatencySamples) series.samples.pop_front();
}

const LatencySeries* LatencyMonitor::Find(std::string_view event) const {
  const auto found = events_.find(event);
  return found == events_.end() ? nullptr : &found->second;
}

bool LatencyMonitor::Reset(std::string_view event) {
  const auto found = events_.find(event);
  if (found == events_.end()) return false;
  events_.erase(found);
  return true;
}

size_t LatencyMonitor::ResetAll() {
  const size_t count = events_.size();
  events_.clear();
  return count;
}

std::string DrawLatencyGraph(std::string_view event, const LatencySeries& series,
                             int64_t now_unix_seconds) {
  const auto [low, high] = std::ranges::minmax_element(series.samples, {}, &LatencySample::millis);
  std::string text = fmt::format("{} - high {} ms, low {} ms (all time high {} ms)\n{:-<80}\n",
                                 event, high->millis, low->millis, series.worst_millis, "");
  const auto levels = kGraphLines * static_cast<int64_t>(kFillings.size());
  const int64_t range = std::max<int64_t>(high->millis - low->millis, 1);
  std::vector<std::string> labels;
  for (const LatencySample& sample : series.samples) {
    labels.push_back(AgeLabel(std::max<int64_t>(now_unix_seconds - sample.unix_seconds, 0)));
  }
  for (int64_t line = kGraphLines - 1; line >= 0; --line) {
    for (const LatencySample& sample : series.samples) {
      const int64_t level = (sample.millis - low->millis) * (levels - 1) / range;
      const int64_t inside = level - line * static_cast<int64_t>(kFillings.size());
      text += inside < 0 ? ' '
              : inside >= static_cast<int64_t>(kFillings.size())
                  ? kFillings.back()
                  : kFillings[static_cast<size_t>(inside)];
    }
    text += '\n';
  }
  text += '\n';
  const size_t label_lines = std::ranges::max_element(labels, {}, &std::string::size)->size();
  for (size_t line = 0; line < label_lines; ++line) {
    for (const std::string& label : labels) text += line < label.size() ? label[line] : ' ';
    text += '\n';
  }
  return text;
}

std::string DescribeLatency(const LatencyMonitor& monitor, int64_t threshold_ms,
                            int64_t now_unix_seconds) {
  if (threshold_ms == 0) {
    return "The latency monitor is off. It begins with \"CONFIG SET latency-monitor-threshold "
           "<milliseconds>\" to note what takes at least that long.\n";
  }
  if (monitor.events().empty()) {
    return fmt::format("Nothing took {} milliseconds or longer.\n", threshold_ms);
  }
  std::string text =
      fmt::format("What took {} milliseconds or longer, newest seconds only:\n\n", threshold_ms);
  for (const auto& [event, series] : monitor.events()) {
    fmt::format_to(
        std::back_inserter(text),
        "{}: {} seconds with such an event, {} ms on average, {} ms at worst (all time "
        "{} ms), the last {} ago.\n",
        event, series.samples.size(), MeanOf(series),
        std::ranges::max_element(series.samples, {}, &LatencySample::millis)->millis,
        series.worst_millis,
        AgeLabel(std::max<int64_t>(now_unix_seconds - series.samples.back().unix_seconds, 0)));
  }
  text +=
      "\nSLOWLOG GET names the commands, INFO latencystats says how long each of them usually "
      "takes. Long commands are those that read or trim much at once: give them a COUNT or LIMIT. "
      "If short ones are slow too, the machine has too little processor time for this process.\n";
  return text;
}

}  // namespace server
