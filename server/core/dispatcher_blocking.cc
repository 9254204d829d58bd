// The part of Dispatcher about clients that wait for data, or with an entry for room: how they
// block, run again, and give up.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "engine/check.h"
#include "server/core/dispatcher.h"
#include "server/limits.h"

namespace server {
namespace {

// The moment `ms` from now, or the last one before never.
int64_t After(int64_t now_us, int64_t ms) {
  return now_us + std::min(ms, (Waiters::kForever - 1 - now_us) / 1000) * 1000;
}

}  // namespace

void Dispatcher::Block(Session& session) {
  ParkedCommand& parked = *session.parked;
  session.state = SessionState::kBlocked;
  ReleasePins(parked);
  WaitRequest wait = *std::exchange(session.park_request, std::nullopt);
  const std::optional<WaitRequest::Claim> claim = wait.claim;
  // Its place and its deadline stay what they were when it blocked first.
  if (!parked.wait) {
    parked.wait = std::move(wait);
    const int64_t timeout_ms = parked.wait->timeout_ms;
    Waiters& line = parked.wait->for_room ? context_.producers() : context_.waiters();
    line.Add(session.id, session.db, *parked.wait,
             timeout_ms > 0 ? After(timer_.now().monotonic_us, timeout_ms) : Waiters::kForever);
    engine_.SetProducersWait(context_.producers().client_count() > 0);
  } else if (wait.for_room) {
    parked.wait->refusal = std::move(wait.refusal);
  }
  if (claim) {
    // At a whole millisecond, as times of delivery are: of readers that wait for one record the
    // first in line is then the first to run.
    const int64_t now_us = timer_.now().monotonic_us / 1000 * 1000;
    context_.waiters().LookAgain(session.id, After(now_us, claim->wait_ms));
  }
}

void Dispatcher::StopWaiting(Session& session) {
  // While it could not run the readers behind it in its group were passed over.
  if (session.state != SessionState::kBlocked) context_.waiters().SignalKeysOf(session.id);
  context_.waiters().Remove(session.id);
  if (!context_.producers().Contains(session.id)) return;
  // What there is no room for may have stood in the way of something smaller. While they are being
  // served the next one runs anyway.
  if (session.state != SessionState::kBlocked || !is_serving_) {
    context_.producers().SignalKeysOf(session.id);
  }
  context_.producers().Remove(session.id);
  engine_.SetProducersWait(context_.producers().client_count() > 0);
}

bool Dispatcher::Unblock(Session& session, UnblockReason reason) {
  if (!context_.IsBlocked(session.id)) return false;
  NoteWaitEnded(session);
  ++session.load_number;  // A fetch under way is for nobody any more.
  const CommandSpec& spec = session.parked->spec;
  const WaitRequest& wait = *session.parked->wait;
  const size_t mark = session.BeginReply();
  if (reason == UnblockReason::kError) {
    Finish(session, spec, mark, Error::kUnblocked, /*seen_turn=*/0);
  } else if (wait.timeout_reply == TimeoutReply::kRefusal) {
    CountRefusal(session.db, wait.keys.front());
    Finish(session, spec, mark, wait.refusal, /*seen_turn=*/0);
  } else {
    if (wait.timeout_reply == TimeoutReply::kZero) {
      session.writer.Integer(0);
    } else {
      session.writer.NullArray();
    }
    Finish(session, spec, mark, Done(), /*seen_turn=*/0);
  }
  Unpark(session);
  return true;
}

void Dispatcher::CountRefusal(uint32_t db, const std::string& key) {
  if (!engine_.CanWrite().ok()) return;
  const Instant& now = timer_.now();
  engine::Op op;
  op.now = engine_.TimeNow(now.unix_us / 1000, now.monotonic_us / 1000);
  op.db = db;
  const engine::Result<engine::Stream*> stream = engine_.OpenStream(op, key);
  if (stream.ok()) {
    engine_.CountRefusal(op, **stream);
  } else if (stream.code() == engine::Code::kNotLoaded) {
    auto pins = std::make_shared<engine::Pins>();
    engine::Pins* const held = pins.get();
    engine_.StartLoad(std::move(op.needs), held,
                      [this, db, key, pins = std::move(pins)](const engine::Status& status) {
                        if (status.ok()) CountRefusal(db, key);
                        engine_.ReleasePins(pins.get());
                      });
  }
}

void Dispatcher::ServeReady() {
  // A client that is run again may have objects fetched, end, and come here.
  if (is_serving_) return;
  is_serving_ = true;
  const auto wake_up = [this](ClientId id) { return WakeUp(id); };
  while (wake_ups_left_ > 0 && context_.has_ready() && !engine_.TurnIsFull() &&
         !context_.clients_need_too_much()) {
    // Readers first: what they take and acknowledge may be the room that others wait for.
    Waiters& line = context_.waiters().has_ready() ? context_.waiters() : context_.producers();
    wake_ups_left_ -= line.Serve(1, wake_up);
  }
  is_serving_ = false;
}

Waiters::WakeUp Dispatcher::WakeUp(ClientId id) {
  Session* const session = context_.clients().Find(id);
  CHECK(session != nullptr);
  if (session->state != SessionState::kBlocked) return Waiters::WakeUp::kBusy;
  if (session->parked->wait->for_room && IsPaused(*session, session->parked->spec)) {
    holds_producers_ = true;
    return Waiters::WakeUp::kBusy;
  }
  if (Rerun(*session) == Run::kDone) return Waiters::WakeUp::kServed;
  return session->state == SessionState::kBlocked ? Waiters::WakeUp::kBlocked
                                                  : Waiters::WakeUp::kBusy;
}

void Dispatcher::ServeTimeouts() {
  const int64_t now_us = timer_.now().monotonic_us;
  for (size_t i = 0; i < kTimeoutsPerTurn; ++i) {
    std::optional<ClientId> id = context_.waiters().Expired(now_us);
    if (!id) id = context_.producers().Expired(now_us);
    if (!id) return;
    Unblock(*context_.clients().Find(*id), UnblockReason::kTimeout);
  }
}

}  // namespace server
