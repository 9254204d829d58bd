#include "server/core/command_notes.h"

#include <cstddef>
#include <string>
#include <utility>

#include "engine/check.h"
#include "server/core/command_table.h"
#include "server/core/secrets.h"
#include "server/core/server_context.h"
#include "server/core/session.h"
#include "server/core/transport.h"
#include "server/limits.h"

namespace server {
namespace {

constexpr int64_t kMicrosPerSecond = 1'000'000;
constexpr int64_t kMicrosPerMilli = 1000;

void NoteLatency(ServerContext& server, const CommandRun& run) {
  const int64_t threshold_ms = server.settings().latency_monitor_threshold;
  const int64_t elapsed_ms = run.elapsed_us / kMicrosPerMilli;
  if (threshold_ms == 0 || elapsed_ms < threshold_ms) return;
  const bool is_fast = (run.spec.flags & kFast) != 0;
  server.latency_monitor().Add(is_fast ? latency_event::kFastCommand : latency_event::kCommand,
                               run.end.unix_us / kMicrosPerSecond, elapsed_ms);
}

void NoteSlow(ServerContext& server, const CommandRun& run) {
  const Settings& settings = server.settings();
  const int64_t slow_us = settings.slowlog_log_slower_than;
  if (slow_us < 0 || run.elapsed_us < slow_us || settings.slowlog_max_len == 0 ||
      (run.spec.flags & kSkipSlowlog) != 0) {
    return;
  }
  SlowCommand slow = {.unix_seconds = run.end.unix_us / kMicrosPerSecond,
                      .micros = run.elapsed_us,
                      .args = CutArguments(WithoutSecrets(run.spec, run.args)),
                      .client_address = run.session.transport.Info().peer_address,
                      .client_name = run.session.name};
  server.slow_log().Add(std::move(slow), static_cast<size_t>(settings.slowlog_max_len));
}

void SendToMonitor(ServerContext& server, Session& monitor, std::string_view line,
                   engine::Turn seen_turn, engine::Turn released_turn) {
  if (!monitor.is_open() || monitor.reply_mode != ReplyMode::kOn) return;
  if (monitor.pending_bytes() > kMonitorOutputBytes) {
    server.log().Warning("client closed: it monitors and does not take what it is sent",
                         {{"client", monitor.id}, {"bytes", monitor.pending_bytes()}});
    server.client_control().Kill(monitor);
    return;
  }
  monitor.Push(line, seen_turn, released_turn);
}

}  // namespace

void NoteRun(ServerContext& server, const CommandRun& run) {
  if (server.settings().latency_tracking) {
    server.stats().AddLatency(CommandIndex(run.spec), run.elapsed_us);
  }
  NoteLatency(server, run);
  NoteSlow(server, run);
}

void ShowToMonitors(ServerContext& server, const CommandRun& run, engine::Turn released_turn) {
  Monitors& monitors = server.monitors();
  if (monitors.empty() || (run.spec.flags & kAdmin) != 0) return;
  const TransportInfo transport = run.session.transport.Info();
  // Of a UNIX socket the address is "/path:0".
  const std::string& local = transport.local_address;
  const std::string address = transport.is_unix_socket ? "unix:" + local.substr(0, local.rfind(':'))
                                                       : transport.peer_address;
  std::string line;
  resp::Writer(&line).SimpleString(
      MonitorLine(run.end.unix_us, run.session.db, address, WithoutSecrets(run.spec, run.args)));
  // From the end: one that is closed leaves the list.
  for (size_t i = monitors.size(); i-- > 0;) {
    Session* const monitor = server.clients().Find(monitors[i]);
    CHECK(monitor != nullptr);
    SendToMonitor(server, *monitor, line, run.seen_turn, released_turn);
  }
}

}  // namespace server
