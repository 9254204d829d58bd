// All options as typed values: what the server and the engine are set up with. Filled in from the
// option table (server/core/config_options.h), which holds the defaults and the rules.
//
// Owner: Config. Thread: loop; main before the loop runs.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/options.h"
#include "engine/policy.h"

namespace server {

enum class DebugAccess : uint8_t { kNobody, kEverybody, kLocal };
enum class LogThreshold : uint8_t { kDebug, kVerbose, kNotice, kWarning, kNothing };

// A connection is closed when its unsent replies exceed `hard_bytes`, or `soft_bytes` for longer
// than `soft_seconds`. 0 = no limit.
struct OutputLimit {
  int64_t hard_bytes = 0;
  int64_t soft_bytes = 0;
  int64_t soft_seconds = 0;
};
enum class ClientClass : uint8_t { kNormal, kReplica, kPubSub };
inline constexpr size_t kClientClasses = 3;

struct SaveRule {
  int64_t seconds = 0;
  int64_t changes = 0;
};

// A rule of a policy, and how it is written.
struct RuleSetting {
  std::string text;
  engine::PolicyRule rule;
};

// Two numbers of a version in one.
inline constexpr int64_t kVersionStep = 1000;

// A number of bytes that is chosen by the size of the disk.
inline constexpr int64_t kAutomatic = -1;

struct Settings {
  // Network.
  std::vector<std::string> bind;
  int64_t port = 0;  // 0 = no TCP.
  std::string unixsocket;
  int64_t unixsocketperm = 0;  // 0 = as the umask has it.
  int64_t tcp_backlog = 0;
  int64_t tcp_keepalive_seconds = 0;
  int64_t timeout_seconds = 0;
  int64_t auth_timeout_seconds = 0;  // To log in where a password is set; 0 = no limit.
  int64_t maxclients = 0;
  bool protected_mode = false;
  std::string requirepass;
  int64_t proto_max_bulk_len = 0;
  int64_t client_query_buffer_limit = 0;
  int64_t request_timeout_seconds = 0;  // For a request to become whole; 0 = no limit.
  int64_t maxmemory_clients = 0;        // Bytes; negative = percent of maxmemory. See below.
  std::array<OutputLimit, kClientClasses> client_output_buffer_limit;

  // Storage.
  std::string dir;
  int64_t databases = 0;
  int64_t appendfsync = 0;  // See fsync_mode().
  int64_t cache_size = 0;
  int64_t cache_idle_time_seconds = 0;
  int64_t maxmemory = 0;
  int64_t maxmemory_policy = 0;
  int64_t reader_threads = 0;
  int64_t restart_grace_ms = 0;
  int64_t checkpoint_bytes = 0;
  int64_t min_free_disk = 0;  // Bytes, or kAutomatic.
  int64_t disk_ballast = 0;   // Likewise.
  int64_t journal_segment_bytes = 0;
  int64_t stream_node_max_entries = 0;
  int64_t stream_node_max_bytes = 0;
  int64_t stream_idmp_duration = 0;
  int64_t stream_idmp_maxsize = 0;
  std::vector<RuleSetting> group_policy;  // The first that matches and names an option decides.
  std::vector<RuleSetting> stream_policy;

  // Process.
  std::string logfile;
  int64_t loglevel = 0;  // See log_threshold().
  std::string pidfile;
  bool daemonize = false;
  std::string redis_version;
  int64_t redis_version_code = 0;    // 8010 for 8.10.x; see tells_of().
  int64_t enable_debug_command = 0;  // See debug_access().

  // Looking back.
  int64_t slowlog_log_slower_than = 0;  // Microseconds; negative = never.
  int64_t slowlog_max_len = 0;
  int64_t latency_monitor_threshold = 0;  // Milliseconds; 0 = off.
  bool latency_tracking = false;
  std::vector<double> latency_percentiles;  // Shown by INFO latencystats.

  // Read back by clients and tests; nothing here acts on them.
  bool appendonly = false;
  std::string dbfilename;
  std::vector<SaveRule> save;
  int64_t hz = 0;
  int64_t cluster_enabled = 0;
  std::string notify_keyspace_events;
  bool replica_read_only = false;
  bool stop_writes_on_bgsave_error = false;

  engine::DiskLimits disk_limits() const {
    return {.min_free_bytes = min_free_disk, .ballast_bytes = disk_ballast};
  }
  engine::FsyncMode fsync_mode() const { return static_cast<engine::FsyncMode>(appendfsync); }
  DebugAccess debug_access() const { return static_cast<DebugAccess>(enable_debug_command); }
  // Whether fields that are new in this version of the protocol's server are shown: old clients
  // fail on names that they do not know.
  bool tells_of(int64_t major, int64_t minor) const {
    return redis_version_code >= major * kVersionStep + minor;
  }
  // Bytes that all clients' buffers may take; 0 = no limit.
  int64_t client_memory_limit() const {
    constexpr int64_t kPercent = 100;
    if (maxmemory_clients >= 0) return maxmemory_clients;
    return maxmemory / kPercent * -maxmemory_clients;
  }
  LogThreshold log_threshold() const { return static_cast<LogThreshold>(loglevel); }
  const OutputLimit& output_limit(ClientClass kind) const {
    return client_output_buffer_limit[static_cast<size_t>(kind)];
  }
};

}  // namespace server
