// Runs commands: takes requests out of a connection's input, checks and executes them, and turns
// outcomes into replies; parks what cannot end now and runs it again later.
//
// The owner of the sockets drives it:
//
//   Connect -> Feed, Feed, ... (input) -> Disconnect          for each connection
//   RunDueWork, then Engine::EndTurn, then send output        at the end of each turn of the loop
//
// A session executes one command at a time, in order. While its command is parked, Feed takes no
// input; InputWanted of the transport tells when it does again.
// Owner: server::Server. Thread: loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"
#include "resp/request.h"
#include "server/core/clock.h"
#include "server/core/command.h"
#include "server/core/server_context.h"
#include "server/core/session.h"
#include "server/core/waiters.h"

namespace server {

class Transport;

enum class FeedOutcome : uint8_t {
  kNeedMore,   // All whole requests have been executed.
  kMoreLater,  // The turn has had enough of this connection, or of all: call again next turn.
  kParked,     // A command waits. Call again after InputWanted.
  kClosing,    // No more input is taken. The transport has been told how to close.
};

struct FeedResult {
  FeedOutcome outcome = FeedOutcome::kNeedMore;
  size_t consumed = 0;  // Leading bytes of the input that are done with.
  size_t wanted = 1;    // kNeedMore: a hint for how much to read.
};

class Dispatcher : public ClientControl {
 public:
  // Both must outlive this, and the engine must deliver no callback after it.
  Dispatcher(ServerContext& context, engine::Engine& engine);
  ~Dispatcher() override;
  Dispatcher(const Dispatcher&) = delete;
  Dispatcher& operator=(const Dispatcher&) = delete;

  // A new client. The session is valid until Disconnect, or Transport::CloseNow.
  Session& Connect(Transport& transport);
  // The connection is gone: whatever the client waited for is given up.
  void Disconnect(Session& session);

  // Executes requests at the start of `input`, as many as the limits of a turn allow. `input` must
  // stay in place during the call.
  FeedResult Feed(Session& session, std::string_view input);

  // Once in each turn of the loop, after all input: blocked readers that can go on, time-outs,
  // commands that are to be tried again. Frees disconnected sessions, so nobody may hold one.
  void RunDueWork();
  // Whether RunDueWork has something to do at once; the loop must not sleep then.
  bool HasDueWork() const { return context_.has_ready(); }
  // When RunDueWork must be called at the latest, on the monotonic clock. Waiters::kForever =
  // never.
  int64_t NextDueMicros() const;

  // About ten times a second: samples what INFO shows, closes connections that have been idle for
  // longer than option `timeout`.
  void Tick();

  bool Unblock(Session& session, UnblockReason reason) override;
  void Kill(Session& session) override;
  void CloseAfterReply(Session& session) override;

 private:
  // What became of one run of a command.
  enum class Run : uint8_t { kDone, kParked };

  void CloseIdleClients();
  void CloseIfIdle(Session& session, int64_t now_us);

  void LookAhead(const Session& session, std::string_view input);
  FeedOutcome FeedRequests(Session& session, std::string_view input, FeedResult* result);
  void FailProtocol(Session& session);
  void Execute(Session& session, const resp::Request& request);
  // The row of the command, or null with the refusal in `refusal`.
  const CommandSpec* Resolve(std::span<const std::string_view> args, Outcome* refusal);
  // Whether it only joins the transaction.
  static bool IsQueued(const Session& session, const CommandSpec& spec);
  Outcome Queue(Session& session, const CommandSpec& spec, const resp::Request& request);
  uint32_t FlagsOf(const Session& session, const CommandSpec& spec) const;
  // Whether the command may run, or be queued, at all now: authentication, memory, state of the
  // storage, and what the connection is. With kLimit the command waits for room.
  Outcome Admit(const Session& session, const CommandSpec& spec);
  uint64_t RequestBytes(const Session& session, const CommandSpec& spec) const;
  bool IsOverMemoryLimit();
  void Refuse(Session& session, const CommandSpec* spec, const Outcome& refusal);

  Run RunCommand(Session& session, const CommandSpec& spec, const resp::Request& request,
                 bool is_rerun);
  void Finish(Session& session, const CommandSpec& spec, size_t mark, const Outcome& outcome,
              engine::Turn seen_turn);
  // `keeps_reply`: whatever CLIENT REPLY says.
  void EndReply(Session& session, size_t mark, engine::Turn seen_turn, bool keeps_reply = false);

  void Park(Session& session, const CommandSpec& spec, const resp::Request& request);
  void Block(Session& session);
  Run Load(Session& session, std::vector<engine::LoadItem> items);
  void OnLoaded(ClientId id, uint64_t load_number, const std::shared_ptr<engine::Pins>& pins,
                const engine::Status& status);
  // Runs a parked command again.
  Run Rerun(Session& session);
  // The parked command has ended; the session goes on.
  void Unpark(Session& session);
  void StopWaiting(Session& session);
  // An entry has waited for room in vain.
  void CountRefusal(uint32_t db, const std::string& key);
  // A wait in a group that no read ends: the consumer was there until now.
  void NoteWaitEnded(const Session& session);
  void ListenToEngine();
  // CLIENT PAUSE.
  bool IsPaused(const Session& session, const CommandSpec& spec) const;
  void WaitForPauseEnd(Session& session);
  void ReleasePaused();
  // Whether a client that has not logged in must wait because of wrong passwords; it does then.
  bool IsHeldUp(Session& session);
  void ReleaseHeldUp();
  void ReleasePins(ParkedCommand& parked);
  void WaitForRetry(Session& session);

  void ServeReady();
  Waiters::WakeUp WakeUp(ClientId id);
  void RetryWaiting();
  void ServeTimeouts();
  void CloseOverflowed();

  ServerContext& context_;
  engine::Engine& engine_;
  CommandTimer timer_;
  const CommandSpec* const ping_;   // Tells about a broken storage although it needs none.
  const CommandSpec* const debug_;  // Has a lock of its own.
  const CommandSpec* const exec_;
  // What was resolved last; the next request tends to be for the same command.
  std::string newest_name_;
  const CommandSpec* newest_command_ = nullptr;
  std::deque<ClientId> retries_;
  std::deque<ClientId> paused_;
  size_t wake_ups_left_;
  bool is_serving_ = false;
  bool holds_producers_ = false;  // Until the end of a CLIENT PAUSE; they are signalled then.
  ClientId idle_cursor_ = 0;
  uint64_t memory_bytes_ = 0;  // As of memory_read_at_us_.
  int64_t memory_read_at_us_ = 0;
};

}  // namespace server
