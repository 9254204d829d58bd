#include "server/core/stats.h"

#include <utility>

#include "server/core/command_table.h"
#include "server/limits.h"

namespace server {
namespace {

constexpr std::string_view kOtherErrors = "OTHER";

}  // namespace

Stats::Stats(int64_t start_unix_ms)
    : start_unix_ms_(start_unix_ms),
      commands_(AllCommands().size()),
      latencies_(AllCommands().size()) {}

void Stats::CountError(std::string_view text) {
  ++error_replies;
  const std::string_view prefix = text.substr(0, text.find(' '));
  const auto found = errors_.find(prefix);
  if (found != errors_.end()) {
    ++found->second;
  } else {
    ++errors_[std::string(errors_.size() < kMaxErrorKinds ? prefix : kOtherErrors)];
  }
}

void Stats::SampleRate(int64_t monotonic_us) {
  const int64_t elapsed_us = monotonic_us - sampled_at_us_;
  if (elapsed_us <= 0) return;
  const uint64_t count = commands_processed - sampled_commands_;
  rate_samples_[rate_next_] = count * 1'000'000 / static_cast<uint64_t>(elapsed_us);
  rate_next_ = (rate_next_ + 1) % kRateSamples;
  sampled_at_us_ = monotonic_us;
  sampled_commands_ = commands_processed;
}

uint64_t Stats::ops_per_second() const {
  uint64_t sum = 0;
  for (uint64_t sample : rate_samples_) sum += sample;
  return sum / kRateSamples;
}

void Stats::Reset() {
  Stats fresh(start_unix_ms_);
  fresh.used_memory_peak = used_memory_peak;
  fresh.sampled_at_us_ = sampled_at_us_;
  *this = std::move(fresh);
}

}  // namespace server
