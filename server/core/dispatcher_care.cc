// The part of Dispatcher beside running commands: clients that are idle or have to wait for the end
// of a CLIENT PAUSE, and what is told and kept of the commands that ran.
#include <string>
#include <utility>

#include "engine/check.h"
#include "server/core/command_table.h"
#include "server/core/dispatcher.h"
#include "server/core/secrets.h"
#include "server/core/transport.h"
#include "server/limits.h"

namespace server {

// --- Idle clients
// --------------------------------------------------------------------------------

void Dispatcher::CloseIdleClients() {
  const Settings& settings = context_.settings();
  const bool wants_login = !settings.requirepass.empty() && settings.auth_timeout_seconds > 0;
  if (settings.timeout_seconds <= 0 && !wants_login) return;
  const int64_t now_us = context_.clock().MonotonicMicros();
  for (size_t i = 0; i < kIdleChecksPerTick; ++i) {
    Session* const session = context_.clients().After(idle_cursor_);
    idle_cursor_ = session == nullptr ? 0 : session->id;
    if (session == nullptr) return;
    CloseIfIdle(*session, now_us);
  }
}

void Dispatcher::CloseIfIdle(Session& session, int64_t now_us) {
  constexpr int64_t kMicrosPerSecond = 1'000'000;
  const Settings& settings = context_.settings();
  const int64_t timeout_us = settings.timeout_seconds * kMicrosPerSecond;
  const int64_t login_us = settings.auth_timeout_seconds * kMicrosPerSecond;
  const bool must_log_in = !session.authenticated && !settings.requirepass.empty();
  if (must_log_in && login_us > 0 && now_us - session.connected_at_us > login_us) {
    Kill(session);
    return;
  }
  const bool can_be_idle = session.state == SessionState::kReady || !session.is_open();
  if (can_be_idle && !session.is_monitor && timeout_us > 0 &&
      now_us - session.last_used_us > timeout_us) {
    Kill(session);
  }
}

// --- CLIENT PAUSE
// --------------------------------------------------------------------------------

bool Dispatcher::IsPaused(const Session& session, const CommandSpec& spec) const {
  return context_.pause().HoldsBack(spec.flags, timer_.now().monotonic_us) && !session.is_monitor;
}

void Dispatcher::WaitForPauseEnd(Session& session) {
  session.state = SessionState::kPaused;
  paused_.push_back(session.id);
  context_.pause().NoteWaiting();
}

// They go on in the order in which they came.
void Dispatcher::ReleasePaused() {
  if (paused_.empty() || context_.pause().Holds(timer_.now().monotonic_us)) return;
  for (ClientId id : std::exchange(paused_, {})) {
    Session* const session = context_.clients().Find(id);
    if (session == nullptr || session->state != SessionState::kPaused) continue;
    context_.pause().NoteGone();
    WaitForRetry(*session);
  }
}

// --- What is noted of a run
// ----------------------------------------------------------------------

void Dispatcher::NoteRun(const Session& session, const CommandSpec& spec,
                         const resp::Request& request, int64_t elapsed_us) {
  constexpr int64_t kMicrosPerSecond = 1'000'000;
  constexpr int64_t kMicrosPerMilli = 1000;
  const Settings& settings = context_.settings();
  if (settings.latency_tracking) context_.stats().AddLatency(CommandIndex(spec), elapsed_us);
  const int64_t now_s = timer_.now().unix_us / kMicrosPerSecond;
  const int64_t elapsed_ms = elapsed_us / kMicrosPerMilli;
  const int64_t threshold_ms = settings.latency_monitor_threshold;
  if (threshold_ms > 0 && elapsed_ms >= threshold_ms) {
    const bool is_fast = (spec.flags & kFast) != 0;
    context_.latency_monitor().Add(is_fast ? latency_event::kFastCommand : latency_event::kCommand,
                                   now_s, elapsed_ms);
  }
  const int64_t slow_us = settings.slowlog_log_slower_than;
  if (slow_us < 0 || elapsed_us < slow_us || settings.slowlog_max_len == 0 ||
      (spec.flags & kSkipSlowlog) != 0) {
    return;
  }
  SlowCommand slow = {.unix_seconds = now_s,
                      .micros = elapsed_us,
                      .args = CutArguments(WithoutSecrets(spec, request.args)),
                      .client_address = session.transport.Info().peer_address,
                      .client_name = session.name};
  context_.slow_log().Add(std::move(slow), static_cast<size_t>(settings.slowlog_max_len));
}

void Dispatcher::ShowToMonitors(const Session& session, const CommandSpec& spec,
                                const resp::Request& request, engine::Turn seen_turn) {
  Monitors& monitors = context_.monitors();
  if ((spec.flags & (kAdmin | kSkipMonitor)) != 0) return;
  const TransportInfo transport = session.transport.Info();
  // Of a UNIX socket the address is "/path:0".
  const std::string& local = transport.local_address;
  const std::string address = transport.is_unix_socket ? "unix:" + local.substr(0, local.rfind(':'))
                                                       : transport.peer_address;
  const std::string line =
      MonitorLine(timer_.now().unix_us, session.db, address, WithoutSecrets(spec, request.args));
  // From the end: one that is closed leaves the list.
  for (size_t i = monitors.size(); i-- > 0;) {
    Session* const monitor = context_.clients().Find(monitors[i]);
    CHECK(monitor != nullptr);
    SendToMonitor(*monitor, line, seen_turn);
  }
}

void Dispatcher::SendToMonitor(Session& monitor, std::string_view line, engine::Turn seen_turn) {
  if (!monitor.is_open() || monitor.reply_mode != ReplyMode::kOn) return;
  if (monitor.output.size() > kMonitorOutputBytes) {
    context_.log().Warning("client closed: it monitors and does not take what it is sent",
                           {{"client", monitor.id}, {"bytes", monitor.output.size()}});
    Kill(monitor);
    return;
  }
  const size_t mark = monitor.output.BeginReply();
  monitor.writer.SimpleString(line);
  monitor.output.EndReply(mark, seen_turn, engine_.released_turn());
  if (!monitor.is_feeding) monitor.transport.OutputReady();
}

}  // namespace server
