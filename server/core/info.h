// The text of INFO. The caller collects the values; here they get their names and their order.
//
// Field names are those that monitoring tools read: connection specification section 7. Names that
// begin with `weir_` are ours. Thread: any.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "server/core/latency_histogram.h"
#include "server/core/settings.h"

namespace server {

// What one command has cost so far.
struct CommandCost {
  std::string_view name;
  uint64_t calls = 0;
  uint64_t micros = 0;
  uint64_t rejected_calls = 0;
  uint64_t failed_calls = 0;
};

struct CommandLatency {
  std::string_view name;
  const LatencyHistogram* runs = nullptr;
};

struct KeyspaceRow {
  uint32_t db = 0;
  int64_t keys = 0;
  int64_t expires = 0;  // Keys with an expiry.
  int64_t mean_ttl_ms = 0;
};

// Everything INFO tells, at one moment. Views must outlive the call.
struct InfoSnapshot {
  explicit InfoSnapshot(const Settings& the_settings) : settings(the_settings) {}

  const Settings& settings;
  engine::Engine::Stats engine;
  bool can_write = true;
  std::string_view writes = "all";  // Which commands that change something are accepted.
  std::string_view config_file;
  std::string_view executable;
  std::string_view run_id;          // 40 hex digits, new at each start.
  std::string_view replication_id;  // 40 hex digits.
  int64_t unix_micros = 0;
  int64_t uptime_seconds = 0;

  uint64_t connected_clients = 0;
  uint64_t blocked_clients = 0;
  uint64_t blocking_keys = 0;
  uint64_t watching_clients = 0;
  uint64_t watched_keys = 0;
  uint64_t subscribers = 0;
  uint64_t channels = 0;
  uint64_t patterns = 0;
  uint64_t shard_channels = 0;

  uint64_t used_memory = 0;

  uint64_t connections_received = 0;
  uint64_t commands_processed = 0;
  uint64_t ops_per_second = 0;
  uint64_t net_input_bytes = 0;
  uint64_t net_output_bytes = 0;
  uint64_t rejected_connections = 0;
  uint64_t evicted_clients = 0;
  uint64_t client_buffer_bytes = 0;  // Of all clients together.
  uint64_t expired_keys = 0;
  uint64_t keyspace_hits = 0;
  uint64_t keyspace_misses = 0;
  uint64_t error_replies = 0;

  std::vector<CommandCost> commands;                          // Those that were called.
  std::vector<CommandLatency> latencies;                      // The same.
  std::vector<std::pair<std::string_view, uint64_t>> errors;  // Prefix and count.
  std::vector<KeyspaceRow> keyspace;                          // Databases that have keys.
  engine::Engine::StreamStats streams;
  uint64_t blocked_producers = 0;
};

// `sections` as the client named them, in any case; none = the default ones. Sections come in a
// fixed order, unknown names are left out.
std::string FormatInfo(const InfoSnapshot& snapshot, std::span<const std::string_view> sections);

// Whether FormatInfo will show the section, so that what is costly to collect can be left out.
bool WantsInfoSection(std::span<const std::string_view> sections, std::string_view section);

// A name in which nothing upsets those who take INFO apart: bytes outside `A-Za-z0-9_.:{}-` as `%`
// and two hex digits.
std::string PercentEncoded(std::string_view name);

// Memory as people read it: "1.50M".
std::string HumanBytes(uint64_t bytes);

}  // namespace server
