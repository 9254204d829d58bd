// Counters of the server, for INFO. Plain numbers: one thread writes and reads them.
//
// Owner: ServerContext. Thread: loop.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/btree_map.h"
#include "server/core/latency_histogram.h"

namespace server {

struct CommandCounters {
  uint64_t calls = 0;
  uint64_t micros = 0;
  uint64_t rejected = 0;  // Refused before it ran; not in calls.
  uint64_t failed = 0;    // Ran and answered an error.
};

class Stats {
 public:
  explicit Stats(int64_t start_unix_ms);

  int64_t start_unix_ms() const { return start_unix_ms_; }

  // One for each row of the command table, in its order.
  const std::vector<CommandCounters>& commands() const { return commands_; }
  CommandCounters& command(size_t index) { return commands_[index]; }

  // How long runs of the command took; null when none has been noted.
  const LatencyHistogram* latencies(size_t index) const { return latencies_[index].get(); }
  void AddLatency(size_t index, int64_t micros) {
    if (latencies_[index] == nullptr) [[unlikely]] {
      latencies_[index] = std::make_unique<LatencyHistogram>();
    }
    latencies_[index]->Add(micros);
  }

  // Counts an error reply by its first word.
  void CountError(std::string_view text);
  // By first word.
  const absl::btree_map<std::string, uint64_t, std::less<>>& errors() const { return errors_; }

  uint64_t connections_received = 0;
  uint64_t rejected_connections = 0;
  uint64_t evicted_clients = 0;  // Closed because all together took too much memory.
  uint64_t commands_processed = 0;
  uint64_t error_replies = 0;
  uint64_t net_input_bytes = 0;
  uint64_t net_output_bytes = 0;
  uint64_t expired_keys = 0;
  uint64_t keyspace_hits = 0;
  uint64_t keyspace_misses = 0;
  uint64_t used_memory_peak = 0;

  // The rate is the mean of the last samples.
  void SampleRate(int64_t monotonic_us);
  uint64_t ops_per_second() const;

  // CONFIG RESETSTAT. The peak stays.
  void Reset();

 private:
  static constexpr size_t kRateSamples = 16;

  int64_t start_unix_ms_;
  std::vector<CommandCounters> commands_;
  std::vector<std::unique_ptr<LatencyHistogram>> latencies_;  // As commands_.
  absl::btree_map<std::string, uint64_t, std::less<>> errors_;
  std::array<uint64_t, kRateSamples> rate_samples_ = {};
  size_t rate_next_ = 0;
  int64_t sampled_at_us_ = 0;
  uint64_t sampled_commands_ = 0;
};

}  // namespace server
