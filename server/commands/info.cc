#include "server/commands/info.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "server/core/command_table.h"
#include "server/core/info.h"
#include "server/core/server_context.h"

namespace server {
namespace {

constexpr int64_t kMillisPerSecond = 1000;

// Which commands are refused because the disk is full, or checkpoints fail.
std::string_view DescribeWrites(const engine::Engine& engine) {
  if (engine.CanWrite().code() == engine::Code::kNoSpace) return "none";
  return engine.CanGrow(0).ok() ? "all" : "no-growth";
}

void CollectClients(ServerContext& server, InfoSnapshot* snapshot) {
  snapshot->connected_clients = server.clients().size();
  snapshot->blocked_clients = server.waiters().client_count() + server.producers().client_count() +
                              server.pause().waiting_clients();
  snapshot->client_buffer_bytes = server.client_memory().bytes();
  snapshot->blocking_keys = server.waiters().key_count() + server.producers().key_count();
  snapshot->watching_clients = server.watches().client_count();
  snapshot->watched_keys = server.watches().key_count();
  snapshot->subscribers = server.pubsub().client_count();
  snapshot->channels = server.pubsub().channel_count();
  snapshot->patterns = server.pubsub().pattern_count();
  snapshot->shard_channels = server.pubsub().shard_channel_count();
}

void CollectStats(const Stats& stats, InfoSnapshot* snapshot) {
  snapshot->connections_received = stats.connections_received;
  snapshot->commands_processed = stats.commands_processed;
  snapshot->ops_per_second = stats.ops_per_second();
  snapshot->net_input_bytes = stats.net_input_bytes;
  snapshot->net_output_bytes = stats.net_output_bytes;
  snapshot->rejected_connections = stats.rejected_connections;
  snapshot->evicted_clients = stats.evicted_clients;
  snapshot->expired_keys = stats.expired_keys;
  snapshot->keyspace_hits = stats.keyspace_hits;
  snapshot->keyspace_misses = stats.keyspace_misses;
  snapshot->error_replies = stats.error_replies;
}

void CollectCommands(const Stats& stats, InfoSnapshot* snapshot) {
  const std::span<const CommandSpec> rows = AllCommands();
  for (size_t i = 0; i < stats.commands().size(); ++i) {
    const CommandCounters& row = stats.commands()[i];
    if (row.calls == 0 && row.rejected == 0) continue;
    snapshot->commands.push_back({rows[i].name, row.calls, row.micros, row.rejected, row.failed});
  }
}

void CollectLatencies(const Stats& stats, InfoSnapshot* snapshot) {
  for (const CommandSpec& spec : AllCommands()) {
    const LatencyHistogram* const runs = stats.latencies(CommandIndex(spec));
    if (runs != nullptr) snapshot->latencies.push_back({spec.name, runs});
  }
}

void CollectErrors(const Stats& stats, InfoSnapshot* snapshot) {
  for (const auto& [prefix, count] : stats.errors()) snapshot->errors.emplace_back(prefix, count);
}

void CollectKeyspace(CommandContext& context, InfoSnapshot* snapshot) {
  const auto databases = static_cast<uint32_t>(snapshot->settings.databases);
  for (uint32_t db = 0; db < databases; ++db) {
    const int64_t keys = context.engine.KeyCountOf(db);
    if (keys == 0) continue;
    const engine::Engine::ExpiryStats expiries = context.engine.ExpiryStatsOf(db, context.op.now);
    snapshot->keyspace.push_back({db, keys, expiries.keys, expiries.mean_ttl_ms});
  }
}

void CollectStreams(CommandContext& context, InfoSnapshot* snapshot) {
  snapshot->streams = context.engine.GetStreamStats(context.op.now);
  snapshot->blocked_producers = context.server.producers().client_count();
}

}  // namespace

Outcome CmdInfo(CommandContext& context) {
  const std::span<const std::string_view> sections = context.args.subspan(1);
  ServerContext& server = context.server;
  InfoSnapshot snapshot(server.config().settings());
  snapshot.engine = context.engine.GetStats();
  snapshot.engine.last_checkpoint_unix_s = std::max(
      snapshot.engine.last_checkpoint_unix_s, server.stats().start_unix_ms() / kMillisPerSecond);
  snapshot.can_write = context.engine.CanWrite().code() != engine::Code::kIo;
  snapshot.writes = DescribeWrites(context.engine);
  snapshot.config_file = server.config().file();
  snapshot.executable = server.executable();
  snapshot.run_id = server.run_id();
  snapshot.replication_id = server.replication_id();
  snapshot.unix_micros = server.clock().UnixMicros();
  snapshot.uptime_seconds =
      (context.op.now.unix_ms - server.stats().start_unix_ms()) / kMillisPerSecond;
  snapshot.used_memory = snapshot.engine.memory_bytes;
  CollectClients(server, &snapshot);
  CollectStats(server.stats(), &snapshot);
  if (WantsInfoSection(sections, "commandstats")) CollectCommands(server.stats(), &snapshot);
  if (WantsInfoSection(sections, "latencystats")) CollectLatencies(server.stats(), &snapshot);
  if (WantsInfoSection(sections, "errorstats")) CollectErrors(server.stats(), &snapshot);
  if (WantsInfoSection(sections, "keyspace")) CollectKeyspace(context, &snapshot);
  if (WantsInfoSection(sections, "streams")) CollectStreams(context, &snapshot);
  context.out.Verbatim(FormatInfo(snapshot, sections));
  return Done();
}

}  // namespace server
