// The part of Dispatcher beside running commands: what it and the engine tell each other, clients
// that are idle, or have to wait for the end of a CLIENT PAUSE.
#include <string>
#include <string_view>
#include <utility>

#include "absl/functional/function_ref.h"
#include "server/core/dispatcher.h"
#include "server/core/key_event.h"
#include "server/core/transport.h"
#include "server/limits.h"

namespace server {

// --- What the engine tells and asks
// ----------------------------------------------------------------

void Dispatcher::ListenToEngine() {
  engine_.SetExpirySink([this](uint32_t db, std::string_view key) {
    ++context_.stats().expired_keys;
    ReportExpired(context_, engine_, db, key);
  });
  engine_.SetWaitingReaders([this](uint32_t db, std::string_view key, std::string_view group,
                                   absl::FunctionRef<void(std::string_view)> visit) {
    context_.waiters().ForEachConsumer(db, key, group, visit);
  });
}

void Dispatcher::NoteWaitEnded(const Session& session) {
  if (!context_.waiters().Contains(session.id)) return;
  const WaitRequest& wait = *session.parked->wait;
  if (!wait.group_read) return;
  Clock& clock = context_.clock();
  const engine::Now now = engine_.TimeNow(clock.UnixMs(), clock.MonotonicMs());
  for (const std::string& key : wait.keys) {
    engine_.NoteWaited(session.db, key, wait.group, wait.consumer, now);
  }
}

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
  const bool executes =
      session.state == SessionState::kReady && !session.is_subscriber() && !session.is_monitor;
  const bool can_be_idle = executes || !session.is_open();
  if (can_be_idle && timeout_us > 0 && now_us - session.last_used_us > timeout_us) {
    Kill(session);
  }
}

// --- Wrong passwords
// --------------------------------------------------------------------------------

bool Dispatcher::IsHeldUp(Session& session) {
  LoginGuard& logins = context_.logins();
  if (logins.is_idle() || session.may_send_request) return false;
  const std::string network = session.transport.Info().network;
  const int64_t now_us = timer_.now().monotonic_us;
  if (!logins.Holds(network, now_us)) return false;
  logins.Wait(network, session.id, session.login_failures, now_us);
  session.state = SessionState::kHeldUp;
  return true;
}

void Dispatcher::ReleaseHeldUp() {
  if (context_.logins().is_idle()) return;
  const auto is_waiting = [this](ClientId id) {
    const Session* const session = context_.clients().Find(id);
    return session != nullptr && session->state == SessionState::kHeldUp;
  };
  for (ClientId id : context_.logins().TakeDue(timer_.now().monotonic_us, is_waiting)) {
    Session& session = *context_.clients().Find(id);
    session.state = SessionState::kReady;
    session.may_send_request = true;
    session.transport.InputWanted();
  }
}

// --- CLIENT PAUSE
// --------------------------------------------------------------------------------

bool Dispatcher::IsPaused(const Session& session, const CommandSpec& spec) const {
  return context_.pause().HoldsBack(FlagsOf(session, spec), timer_.now().monotonic_us) &&
         !session.is_monitor;
}

void Dispatcher::WaitForPauseEnd(Session& session) {
  session.state = SessionState::kPaused;
  paused_.push_back(session.id);
  context_.pause().NoteWaiting();
}

// They go on in the order in which they came.
void Dispatcher::ReleasePaused() {
  if (paused_.empty() && !holds_producers_) return;
  if (context_.pause().Holds(timer_.now().monotonic_us)) return;
  if (std::exchange(holds_producers_, false)) context_.producers().SignalAll();
  for (ClientId id : std::exchange(paused_, {})) {
    Session* const session = context_.clients().Find(id);
    if (session == nullptr || session->state != SessionState::kPaused) continue;
    context_.pause().NoteGone();
    WaitForRetry(*session);
  }
}

}  // namespace server
