#include "server/core/info.h"

#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <iterator>

#include "fmt/format.h"
#include "server/core/process_usage.h"
#include "server/core/text.h"
#include "server/core/version.h"

namespace server {
namespace {

// Lines of one section.
class SectionWriter {
 public:
  explicit SectionWriter(std::string* out) : out_(out) {}

  template <typename Value>
  void Field(std::string_view name, const Value& value) {
    fmt::format_to(std::back_inserter(*out_), "{}:{}\r\n", name, value);
  }

 private:
  std::string* out_;
};

std::string Ratio(double numerator, double denominator) {
  return fmt::format("{:.2f}", denominator > 0 ? numerator / denominator : 0.0);
}

std::string_view OkOrErr(bool ok) { return ok ? "ok" : "err"; }

void WriteServer(const InfoSnapshot& snapshot, SectionWriter& out) {
  constexpr int64_t kSecondsPerDay = 86400;
  out.Field("redis_version", snapshot.settings.redis_version);
  out.Field("weir_version", kWeirVersion);
  out.Field("redis_mode", "standalone");
  out.Field("os", OperatingSystem());
  out.Field("arch_bits", sizeof(void*) * 8);
  out.Field("multiplexing_api", "libevent");
  out.Field("process_id", getpid());
  out.Field("process_supervised", "no");
  out.Field("run_id", snapshot.run_id);
  out.Field("tcp_port", snapshot.settings.port);
  out.Field("server_time_usec", snapshot.unix_micros);
  out.Field("uptime_in_seconds", snapshot.uptime_seconds);
  out.Field("uptime_in_days", snapshot.uptime_seconds / kSecondsPerDay);
  out.Field("hz", snapshot.settings.hz);
  out.Field("configured_hz", snapshot.settings.hz);
  out.Field("executable", snapshot.executable);
  out.Field("config_file", snapshot.config_file);
  out.Field("io_threads_active", 0);
}

void WriteClients(const InfoSnapshot& snapshot, SectionWriter& out) {
  out.Field("connected_clients", snapshot.connected_clients);
  out.Field("cluster_connections", 0);
  out.Field("maxclients", snapshot.settings.maxclients);
  out.Field("blocked_clients", snapshot.blocked_clients);
  out.Field("tracking_clients", 0);
  out.Field("pubsub_clients", snapshot.subscribers);
  out.Field("watching_clients", snapshot.watching_clients);
  out.Field("clients_in_timeout_table", 0);
  out.Field("total_watched_keys", snapshot.watched_keys);
  out.Field("total_blocking_keys", snapshot.blocking_keys);
  out.Field("total_blocking_keys_on_nokey", 0);
}

void WriteMemory(const InfoSnapshot& snapshot, SectionWriter& out) {
  const uint64_t resident = ResidentBytes();
  const uint64_t system = SystemMemoryBytes();
  const uint64_t peak = std::max({PeakResidentBytes(), resident, snapshot.used_memory});
  const auto maxmemory = static_cast<uint64_t>(snapshot.settings.maxmemory);
  out.Field("used_memory", snapshot.used_memory);
  out.Field("used_memory_human", HumanBytes(snapshot.used_memory));
  out.Field("used_memory_rss", resident);
  out.Field("used_memory_rss_human", HumanBytes(resident));
  out.Field("used_memory_peak", peak);
  out.Field("used_memory_peak_human", HumanBytes(peak));
  out.Field("used_memory_dataset", snapshot.engine.memory_bytes);
  out.Field("total_system_memory", system);
  out.Field("total_system_memory_human", HumanBytes(system));
  out.Field("maxmemory", maxmemory);
  out.Field("maxmemory_human", HumanBytes(maxmemory));
  out.Field("maxmemory_policy", "noeviction");
  out.Field("mem_fragmentation_ratio",
            Ratio(static_cast<double>(resident), static_cast<double>(snapshot.used_memory)));
  out.Field("mem_clients_normal", snapshot.client_buffer_bytes);
  out.Field("mem_allocator", "libc");
  out.Field("weir_cache_size", snapshot.settings.cache_size);
  out.Field("weir_dirty_bytes", snapshot.engine.dirty_bytes);
  out.Field("weir_cached_objects", snapshot.engine.cached_objects);
}

void WritePersistence(const InfoSnapshot& snapshot, SectionWriter& out) {
  const engine::Engine::Stats& engine = snapshot.engine;
  out.Field("loading", 0);
  out.Field("async_loading", 0);
  out.Field("rdb_changes_since_last_save", engine.changes_since_checkpoint);
  out.Field("rdb_bgsave_in_progress", engine.checkpoint_running ? 1 : 0);
  out.Field("rdb_last_save_time", engine.last_checkpoint_unix_s);
  out.Field("rdb_last_bgsave_status", OkOrErr(engine.last_checkpoint_ok));
  out.Field("rdb_last_bgsave_time_sec", -1);
  out.Field("rdb_current_bgsave_time_sec", -1);
  out.Field("rdb_saves", engine.checkpoints);
  out.Field("aof_enabled", 1);
  out.Field("aof_rewrite_in_progress", 0);
  out.Field("aof_rewrite_scheduled", 0);
  out.Field("aof_last_bgrewrite_status", "ok");
  out.Field("aof_last_write_status", OkOrErr(snapshot.can_write));
  out.Field("aof_current_size", engine.journal_bytes);
  out.Field("weir_turn", engine.turn);
  out.Field("weir_durable_turn", engine.durable_turn);
  out.Field("weir_checkpoint_turn", engine.checkpoint_turn);
  out.Field("weir_disk_bytes", engine.disk_bytes);
  out.Field("weir_disk_free", engine.disk_free_bytes);
  out.Field("weir_disk_floor", engine.disk_floor_bytes);
  out.Field("weir_disk_ballast", engine.disk_ballast_bytes);
  out.Field("weir_writes", snapshot.writes);
  out.Field("weir_loads", engine.loads);
  out.Field("weir_blocking_loads", engine.blocking_loads);
}

void WriteStats(const InfoSnapshot& snapshot, SectionWriter& out) {
  out.Field("total_connections_received", snapshot.connections_received);
  out.Field("total_commands_processed", snapshot.commands_processed);
  out.Field("instantaneous_ops_per_sec", snapshot.ops_per_second);
  out.Field("total_net_input_bytes", snapshot.net_input_bytes);
  out.Field("total_net_output_bytes", snapshot.net_output_bytes);
  out.Field("rejected_connections", snapshot.rejected_connections);
  out.Field("sync_full", 0);
  out.Field("sync_partial_ok", 0);
  out.Field("sync_partial_err", 0);
  out.Field("expired_keys", snapshot.expired_keys);
  out.Field("evicted_keys", 0);
  out.Field("evicted_clients", snapshot.evicted_clients);
  out.Field("keyspace_hits", snapshot.keyspace_hits);
  out.Field("keyspace_misses", snapshot.keyspace_misses);
  out.Field("pubsub_channels", snapshot.channels);
  out.Field("pubsub_patterns", snapshot.patterns);
  out.Field("pubsubshard_channels", snapshot.shard_channels);
  out.Field("latest_fork_usec", 0);
  out.Field("total_error_replies", snapshot.error_replies);
}

void WriteReplication(const InfoSnapshot& snapshot, SectionWriter& out) {
  out.Field("role", "master");
  out.Field("connected_slaves", 0);
  out.Field("master_failover_state", "no-failover");
  out.Field("master_replid", snapshot.replication_id);
  out.Field("master_replid2", std::string(snapshot.replication_id.size(), '0'));
  out.Field("master_repl_offset", snapshot.engine.durable_turn);
  out.Field("second_repl_offset", -1);
  out.Field("repl_backlog_active", 0);
}

void WriteCpu(const InfoSnapshot&, SectionWriter& out) {
  const ProcessorTime used = ProcessorTimeUsed();
  out.Field("used_cpu_sys", fmt::format("{:.6f}", used.system_seconds));
  out.Field("used_cpu_user", fmt::format("{:.6f}", used.user_seconds));
}

void WriteModules(const InfoSnapshot&, SectionWriter&) {}

void WriteCommandStats(const InfoSnapshot& snapshot, SectionWriter& out) {
  for (const CommandCost& cost : snapshot.commands) {
    out.Field(fmt::format("cmdstat_{}", cost.name),
              fmt::format("calls={},usec={},usec_per_call={},rejected_calls={},failed_calls={}",
                          cost.calls, cost.micros,
                          Ratio(static_cast<double>(cost.micros), static_cast<double>(cost.calls)),
                          cost.rejected_calls, cost.failed_calls));
  }
}

void WriteErrorStats(const InfoSnapshot& snapshot, SectionWriter& out) {
  for (const auto& [prefix, count] : snapshot.errors) {
    out.Field(fmt::format("errorstat_{}", prefix), fmt::format("count={}", count));
  }
}

void WriteLatencyStats(const InfoSnapshot& snapshot, SectionWriter& out) {
  for (const CommandLatency& latency : snapshot.latencies) {
    std::string values;
    for (double percent : snapshot.settings.latency_percentiles) {
      const auto micros = static_cast<double>(latency.runs->PercentileMicros(percent));
      values += fmt::format("{}p{}={:.3f}", values.empty() ? "" : ",", percent, micros);
    }
    out.Field(fmt::format("latency_percentiles_usec_{}", latency.name), values);
  }
}

void WriteCluster(const InfoSnapshot&, SectionWriter& out) { out.Field("cluster_enabled", 0); }

void WriteKeyspace(const InfoSnapshot& snapshot, SectionWriter& out) {
  for (const KeyspaceRow& row : snapshot.keyspace) {
    out.Field(fmt::format("db{}", row.db), fmt::format("keys={},expires={},avg_ttl={},subexpiry=0",
                                                       row.keys, row.expires, row.mean_ttl_ms));
  }
}

// Numbered from 1, so that the names do not change with the rest.
void WriteTopGroups(SectionWriter& out, std::string_view what,
                    const std::vector<engine::TopGroup>& groups) {
  size_t place = 0;
  for (const engine::TopGroup& group : groups) {
    out.Field(fmt::format("top-{}-{}", what, ++place),
              fmt::format("db={},key={},group={},{}={}", group.db, PercentEncoded(group.key),
                          PercentEncoded(group.group), what, group.value));
  }
}

void WriteStreams(const InfoSnapshot& snapshot, SectionWriter& out) {
  const engine::Engine::StreamStats& streams = snapshot.streams;
  out.Field("streams", streams.totals.streams);
  out.Field("entries", streams.totals.entries);
  out.Field("groups", streams.totals.groups);
  out.Field("consumers", streams.totals.consumers);
  out.Field("pending", streams.totals.pending);
  out.Field("due", snapshot.streams.due);
  out.Field("oldest-pending-ms", streams.oldest_pending_ms);
  out.Field("letters", streams.totals.letters);
  out.Field("parked", streams.totals.parked);
  out.Field("scheduled", snapshot.streams.totals.scheduled);
  out.Field("rejected", streams.totals.rejected);
  out.Field("blocked-producers", snapshot.blocked_producers);
  WriteTopGroups(out, "pending", streams.most_pending);
  WriteTopGroups(out, "lag", streams.most_lag);
}

struct Section {
  std::string_view name;   // As clients ask for it.
  std::string_view title;  // As it is shown.
  void (*write)(const InfoSnapshot& snapshot, SectionWriter& out);
  bool is_default = true;
};

constexpr Section kSections[] = {
    {"server", "Server", WriteServer},
    {"clients", "Clients", WriteClients},
    {"memory", "Memory", WriteMemory},
    {"persistence", "Persistence", WritePersistence},
    {"stats", "Stats", WriteStats},
    {"replication", "Replication", WriteReplication},
    {"cpu", "CPU", WriteCpu},
    {"modules", "Modules", WriteModules},
    {"commandstats", "Commandstats", WriteCommandStats, false},
    {"errorstats", "Errorstats", WriteErrorStats},
    {"latencystats", "Latencystats", WriteLatencyStats, false},
    {"cluster", "Cluster", WriteCluster},
    {"keyspace", "Keyspace", WriteKeyspace},
    {"streams", "Streams", WriteStreams, false},
};

bool Wants(std::span<const std::string_view> asked, const Section& section) {
  if (asked.empty()) return section.is_default;
  for (std::string_view name : asked) {
    if (EqualsIgnoreCase(name, section.name)) return true;
    if (EqualsIgnoreCase(name, "all") || EqualsIgnoreCase(name, "everything")) return true;
    if (EqualsIgnoreCase(name, "default") && section.is_default) return true;
  }
  return false;
}

}  // namespace

std::string FormatInfo(const InfoSnapshot& snapshot, std::span<const std::string_view> sections) {
  std::string text;
  for (const Section& section : kSections) {
    if (!Wants(sections, section)) continue;
    if (!text.empty()) text += "\r\n";
    text.append("# ").append(section.title).append("\r\n");
    SectionWriter writer(&text);
    section.write(snapshot, writer);
  }
  return text;
}

bool WantsInfoSection(std::span<const std::string_view> sections, std::string_view section) {
  for (const Section& known : kSections) {
    if (known.name == section) return Wants(sections, known);
  }
  return false;
}

std::string PercentEncoded(std::string_view name) {
  constexpr std::string_view kPlain = "_.:{}-";
  std::string encoded;
  for (const char c : name) {
    const bool is_plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                          (c >= '0' && c <= '9') || kPlain.find(c) != kPlain.npos;
    encoded += is_plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return encoded;
}

std::string HumanBytes(uint64_t bytes) {
  constexpr char kUnits[] = {'K', 'M', 'G', 'T', 'P', 'E'};
  if (bytes < 1024) return fmt::format("{}B", bytes);
  auto value = static_cast<double>(bytes) / 1024;
  size_t unit = 0;
  while (value >= 1024 && unit + 1 < std::size(kUnits)) {
    value /= 1024;
    ++unit;
  }
  return fmt::format("{:.2f}{}", value, kUnits[unit]);
}

}  // namespace server
