// The latency monitor: for each kind of event the newest times at which it took longer than option
// `latency-monitor-threshold`.
//
// Owner: ServerContext. Thread: loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>

#include "absl/container/btree_map.h"

namespace server {

// The events there are.
namespace latency_event {
inline constexpr std::string_view kCommand = "command";
inline constexpr std::string_view kFastCommand = "fast-command";  // Of commands flagged as fast.
}  // namespace latency_event

struct LatencySample {
  int64_t unix_seconds = 0;
  int64_t millis = 0;  // The worst of that second.
};

struct LatencySeries {
  std::deque<LatencySample> samples;  // Oldest first; never empty.
  int64_t worst_millis = 0;           // Of all times, also of samples that were dropped.
};

class LatencyMonitor {
 public:
  using Map = absl::btree_map<std::string, LatencySeries, std::less<>>;

  void Add(std::string_view event, int64_t unix_seconds, int64_t millis);
  const Map& events() const { return events_; }
  // Null when the event never took long.
  const LatencySeries* Find(std::string_view event) const;
  // False when there was nothing.
  bool Reset(std::string_view event);
  size_t ResetAll();

 private:
  Map events_;
};

// The samples of an event as a picture of characters, a column for each, with their ages below.
std::string DrawLatencyGraph(std::string_view event, const LatencySeries& series,
                             int64_t now_unix_seconds);
// What the samples say, for people. `threshold_ms` 0 = the monitor is off.
std::string DescribeLatency(const LatencyMonitor& monitor, int64_t threshold_ms,
                            int64_t now_unix_seconds);

}  // namespace server
