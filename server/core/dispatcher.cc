#include "server/core/dispatcher.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "engine/check.h"
#include "engine/limits.h"
#include "resp/peek.h"
#include "server/core/command_notes.h"
#include "server/core/command_table.h"
#include "server/core/stream_events.h"
#include "server/core/text.h"
#include "server/core/transaction.h"
#include "server/core/transport.h"
#include "server/core/unknown_command.h"
#include "server/limits.h"

namespace server {
namespace {

using engine::Code;

// Requests that a web page can make a browser send here. A connection that begins a line so is no
// client of ours.
bool IsCrossProtocol(std::string_view name) {
  return EqualsIgnoreCase(name, "POST") || EqualsIgnoreCase(name, "Host:");
}

constexpr int64_t kNeverMillis = INT64_MAX;
// Beyond that a wait is as good as any: the loop looks again.
constexpr int64_t kLongestWaitMs = 86'400'000;
// Whether option `enable-debug-command` lets this client use DEBUG.
bool MayDebug(const Settings& settings, const Session& session) {
  switch (settings.debug_access()) {
    case DebugAccess::kNobody:
      return false;
    case DebugAccess::kEverybody:
      return true;
    case DebugAccess::kLocal:
      return session.transport.Info().is_local;
  }
  return false;
}

}  // namespace

// --- Connections
// -----------------------------------------------------------------------------------

Dispatcher::Dispatcher(ServerContext& context, engine::Engine& engine)
    : context_(context),
      engine_(engine),
      timer_(context.clock()),
      ping_(FindCommand("ping")),
      debug_(FindCommand("debug")),
      exec_(FindCommand("exec")),
      wake_ups_left_(kWakeUpsPerTurn) {
  context_.set_client_control(this);
  ListenToEngine();
}

Dispatcher::~Dispatcher() { context_.set_client_control(nullptr); }

Session& Dispatcher::Connect(Transport& transport) {
  ++context_.stats().connections_received;
  const int64_t now_us = context_.clock().MonotonicMicros();
  Session& session = context_.clients().Add(transport, context_.buffers(), now_us);
  session.authenticated = context_.settings().requirepass.empty();
  return session;
}

void Dispatcher::Disconnect(Session& session) {
  if (session.state == SessionState::kClosed) return;
  if (session.state == SessionState::kPaused) context_.pause().NoteGone();
  context_.monitors().Remove(session);
  NoteWaitEnded(session);
  StopWaiting(session);
  // What a fetch under way brings is released when it ends.
  if (session.parked != nullptr && session.state != SessionState::kLoading) {
    ReleasePins(*session.parked);
  }
  context_.watches().Forget(session.id);
  context_.pubsub().UnsubscribeAll(session);
  ++session.load_number;
  session.state = SessionState::kClosed;
  context_.clients().Remove(session);
}

void Dispatcher::Kill(Session& session) {
  if (session.state == SessionState::kClosed) return;
  Disconnect(session);
  session.transport.CloseNow();
}

void Dispatcher::CloseAfterReply(Session& session) {
  if (!session.is_open()) return;
  session.state = SessionState::kClosing;
  session.transport.CloseAfterReply();
}

void Dispatcher::Tick() {
  if (context_.ticks_paused()) return;
  Stats& stats = context_.stats();
  stats.SampleRate(context_.clock().MonotonicMicros());
  stats.used_memory_peak = std::max(stats.used_memory_peak, engine_.GetStats().memory_bytes);
  CloseIdleClients();
}

// --- Input
// -----------------------------------------------------------------------------------------

FeedResult Dispatcher::Feed(Session& session, std::string_view input) {
  FeedResult result;
  session.is_feeding = true;
  timer_.Start();
  result.outcome = FeedRequests(session, input, &result);
  engine_.ForgetPrepared();
  session.is_feeding = false;
  return result;
}

FeedOutcome Dispatcher::FeedRequests(Session& session, std::string_view input, FeedResult* result) {
  resp::ParserLimits limits = {.max_bulk_bytes = context_.settings().proto_max_bulk_len};
  for (size_t count = 0;; ++count) {
    if (!session.is_open()) return FeedOutcome::kClosing;
    if (session.state != SessionState::kReady) return FeedOutcome::kParked;
    // While readers are left that a command has made ready nothing else may run: it could take from
    // them what they were woken for.
    if (count == kCommandsPerTurn || result->consumed >= kInputBytesPerTurn ||
        session.output.size() > kOutputPauseBytes || context_.has_ready() || engine_.TurnIsFull()) {
      return FeedOutcome::kMoreLater;
    }
    limits.authenticated = session.authenticated || context_.settings().requirepass.empty();
    if (!limits.authenticated) {
      if (session.output.size() > kUnauthenticatedOutputBytes) return FeedOutcome::kMoreLater;
      if (result->consumed < input.size() && IsHeldUp(session)) return FeedOutcome::kParked;
    }
    if (limits.authenticated && count % engine::kLookaheadNames == 0 &&
        engine_.WantsLookahead(session.db)) {
      LookAhead(session, input.substr(result->consumed));
    }
    const resp::ParseResult parsed = session.parser.Next(input.substr(result->consumed), limits);
    if (parsed == resp::ParseResult::kProtocolError) {
      FailProtocol(session);
      return FeedOutcome::kClosing;
    }
    result->consumed += session.parser.consumed();
    if (parsed == resp::ParseResult::kNeedMore) {
      result->wanted = session.parser.wanted();
      return FeedOutcome::kNeedMore;
    }
    session.may_send_request = false;
    Execute(session, session.parser.request());
    if (context_.has_ready()) ServeReady();
  }
}

void Dispatcher::LookAhead(const Session& session, std::string_view input) {
  std::array<std::string_view, engine::kLookaheadNames> names;
  const size_t count = resp::PeekSecondArguments(input, names);
  // One alone would have to wait all the same.
  if (count > 1) engine_.PrepareFor(session.db, std::span(names).first(count));
}

void Dispatcher::FailProtocol(Session& session) {
  const size_t mark = session.BeginReply();
  session.writer.Error(session.parser.error());
  context_.stats().CountError(session.parser.error());
  EndReply(session, mark, 0);
  CloseAfterReply(session);
}

void Dispatcher::Execute(Session& session, const resp::Request& request) {
  session.last_used_us = timer_.now().monotonic_us;
  ++session.command_count;
  Outcome refusal;
  const CommandSpec* const spec = Resolve(request.args, &refusal);
  if (spec == nullptr && IsCrossProtocol(request.args[0])) {
    CloseAfterReply(session);
    return;
  }
  if (spec != nullptr) {
    session.last_command = spec;
    if (!ArityMatches(*spec, request.args.size())) {
      refusal = Outcome(Error::kWrongArity, {spec->name});
    } else {
      refusal = Admit(session, *spec);
    }
  }
  if (refusal.ok() && IsPaused(session, *spec)) {
    Park(session, *spec, request);
    WaitForPauseEnd(session);
    return;
  }
  if (refusal.ok() && IsQueued(session, *spec)) refusal = Queue(session, *spec, request);
  if (refusal.ok()) {
    if (!IsQueued(session, *spec)) RunCommand(session, *spec, request, /*is_rerun=*/false);
  } else if (refusal.code() == Code::kLimit) {
    Park(session, *spec, request);
    WaitForRetry(session);
  } else {
    Refuse(session, spec, refusal);
  }
}

const CommandSpec* Dispatcher::Resolve(std::span<const std::string_view> args, Outcome* refusal) {
  if (newest_command_ == nullptr || args[0] != newest_name_) {
    const CommandSpec* const found = FindCommand(args[0]);
    if (found == nullptr) {
      *refusal = UnknownCommand(args);
      return nullptr;
    }
    newest_name_ = args[0];
    newest_command_ = found;
  }
  const CommandSpec* const command = newest_command_;
  // A container alone is judged by its own arity, or runs.
  if ((command->flags & kContainer) == 0 || args.size() < 2) return command;
  const CommandSpec* const subcommand = FindSubcommand(*command, args[1]);
  if (subcommand == nullptr) *refusal = UnknownSubcommand(*command, args[1]);
  return subcommand;
}

bool Dispatcher::IsQueued(const Session& session, const CommandSpec& spec) {
  return session.in_transaction() && (spec.flags & kNotQueued) == 0;
}

Outcome Dispatcher::Queue(Session& session, const CommandSpec& spec, const resp::Request& request) {
  if (!session.transaction->Add(spec, request)) {
    return {Error::kTransactionTooLarge, {std::to_string(kMaxTransactionBytes)}};
  }
  const size_t mark = session.BeginReply();
  session.writer.SimpleString("QUEUED");
  EndReply(session, mark, 0);
  return Done();
}

uint32_t Dispatcher::FlagsOf(const Session& session, const CommandSpec& spec) const {
  // EXEC does what its commands do.
  constexpr uint32_t kOfQueued = kWrite | kDenyOom | kMayReplicate;
  const bool runs_queue = &spec == exec_ && session.in_transaction();
  return spec.flags | (runs_queue ? session.transaction->flags() & kOfQueued : 0);
}

Outcome Dispatcher::Admit(const Session& session, const CommandSpec& spec) {
  if (&spec == debug_ && !MayDebug(context_.settings(), session)) return Error::kDebugNotAllowed;
  const uint32_t flags = FlagsOf(session, spec);
  if (!session.authenticated && (spec.flags & kNoAuthNeeded) == 0 &&
      !context_.settings().requirepass.empty()) {
    return Error::kNoAuth;
  }
  if (session.in_transaction() && (flags & kNoMulti) != 0) return Error::kNotInTransaction;
  if ((flags & kDenyOom) != 0 && IsOverMemoryLimit()) return Error::kOutOfMemory;
  if ((flags & kWrite) != 0 || &spec == ping_) {
    const engine::Status status = engine_.CanWrite();
    // Only what changes something now has to wait for room. A full disk is no reason to take the
    // server for dead.
    const bool needs_room = (flags & kWrite) != 0 && !IsQueued(session, spec);
    const bool is_exempt =
        status.code() == Code::kLimit || (status.code() == Code::kNoSpace && &spec == ping_);
    if (!status.ok() && (needs_room || !is_exempt)) return status;
  }
  if ((flags & kDenyOom) != 0) {
    const engine::Status status = engine_.CanGrow(RequestBytes(session, spec));
    if (!status.ok()) return status;
  }
  if (session.in_subscribe_mode() && (flags & kWhileSubscribed) == 0) {
    return {Error::kSubscribed, {spec.name}};
  }
  return Done();
}

// Of the command that is about to run: while it waits for something nothing else is parsed.
uint64_t Dispatcher::RequestBytes(const Session& session, const CommandSpec& spec) const {
  const bool runs_queue = &spec == exec_ && session.in_transaction();
  return runs_queue ? session.transaction->memory_bytes() : session.parser.consumed();
}

bool Dispatcher::IsOverMemoryLimit() {
  const int64_t limit_bytes = context_.settings().maxmemory;
  if (limit_bytes <= 0) return false;
  const int64_t now_us = timer_.now().monotonic_us;
  if (memory_bytes_ == 0 || now_us - memory_read_at_us_ > kMemoryCheckMicros) {
    memory_bytes_ = engine_.GetStats().memory_bytes;
    memory_read_at_us_ = now_us;
  }
  return memory_bytes_ > static_cast<uint64_t>(limit_bytes);
}

void Dispatcher::Refuse(Session& session, const CommandSpec* spec, const Outcome& refusal) {
  if (spec != nullptr) ++context_.stats().command(CommandIndex(*spec)).rejected;
  const size_t mark = session.BeginReply();
  if (spec == exec_) {
    // Whatever the reason, the transaction is over.
    constexpr std::string_view kPlainPrefix = "ERR ";
    std::string reason = refusal.Text();
    if (reason.starts_with(kPlainPrefix)) reason.erase(0, kPlainPrefix.size());
    EndTransaction(context_, session);
    WriteErrorReply(context_, session.writer, {Error::kTransactionRefused, {reason}});
  } else {
    if (session.in_transaction()) session.transaction->Spoil();
    WriteErrorReply(context_, session.writer, refusal);
  }
  EndReply(session, mark, 0);
}

// --- One run
// ---------------------------------------------------------------------------------------

Dispatcher::Run Dispatcher::RunCommand(Session& session, const CommandSpec& spec,
                                       const resp::Request& request, bool is_rerun) {
  ParkedCommand* const parked = session.parked.get();
  const Instant& now = timer_.now();
  engine::Op op;
  op.now = engine_.TimeNow(now.unix_us / 1000, now.monotonic_us / 1000);
  op.db = session.db;
  std::span<const engine::StreamId> resolved_ids;
  if (parked != nullptr) {
    op.pins = parked->pins.get();
    op.read_misses = parked->load_rounds > kMaxLoadRounds;
    if (parked->wait) resolved_ids = parked->wait->resolved_ids;
  }
  const size_t mark = session.BeginReply();
  CommandContext context = {.session = session,
                            .server = context_,
                            .engine = engine_,
                            .op = op,
                            .out = session.writer,
                            .spec = spec,
                            .args = request.args,
                            .request = request,
                            .is_rerun = is_rerun,
                            .resolved_ids = resolved_ids};
  const Outcome outcome = spec.handler(context);
  if (engine_.has_events()) ReportStreamEvents(context_, engine_);
  const int64_t elapsed_us = timer_.Advance();
  context_.stats().command(CommandIndex(spec)).micros += static_cast<uint64_t>(elapsed_us);
  if (!outcome.not_loaded()) context.TellMisses();
  const bool parks = outcome.ok() && session.park_request.has_value();
  const bool is_first_run = parked == nullptr || !parked->has_run;
  const CommandRun run = {.session = session,
                          .spec = spec,
                          .args = request.args,
                          .end = timer_.now(),
                          .elapsed_us = elapsed_us,
                          .seen_turn = op.seen_turn};
  if (!parks && !outcome.not_loaded()) {
    session.park_request.reset();
    NoteRun(context_, run);
    Finish(session, spec, mark, outcome, op.seen_turn);
    if (is_first_run) ShowToMonitors(context_, run, engine_.released_turn());
    return Run::kDone;
  }
  session.output.Rewind(mark);
  session.EndReply(mark, /*turn=*/0, engine_.released_turn());
  Park(session, spec, request);
  session.parked->has_run = true;
  if (is_first_run) ShowToMonitors(context_, run, engine_.released_turn());
  if (!session.is_open()) return Run::kDone;
  if (!parks) return Load(session, std::move(op.needs));
  Block(session);
  return Run::kParked;
}

void Dispatcher::Finish(Session& session, const CommandSpec& spec, size_t mark,
                        const Outcome& outcome, engine::Turn seen_turn) {
  CommandCounters& counters = context_.stats().command(CommandIndex(spec));
  ++counters.calls;
  ++context_.stats().commands_processed;
  if (!outcome.ok()) {
    ++counters.failed;
    session.output.Rewind(mark);
    WriteErrorReply(context_, session.writer, outcome);
  }
  const bool keeps_reply = outcome.ok() && (spec.flags & kRepliesByPush) != 0;
  EndReply(session, mark, seen_turn, keeps_reply);
}

void Dispatcher::EndReply(Session& session, size_t mark, engine::Turn seen_turn, bool keeps_reply) {
  if (session.reply_mode != ReplyMode::kOn) {
    if (!keeps_reply) session.output.Rewind(mark);
    if (session.reply_mode == ReplyMode::kSkipThis) session.reply_mode = ReplyMode::kOn;
    if (session.reply_mode == ReplyMode::kSkipNext) session.reply_mode = ReplyMode::kSkipThis;
  }
  session.EndReply(mark, seen_turn, engine_.released_turn());
}

// --- Parked commands
// -------------------------------------------------------------------------------

void Dispatcher::Park(Session& session, const CommandSpec& spec, const resp::Request& request) {
  if (session.parked == nullptr) session.parked = std::make_unique<ParkedCommand>(spec, request);
}

Dispatcher::Run Dispatcher::Load(Session& session, std::vector<engine::LoadItem> items) {
  ParkedCommand& parked = *session.parked;
  if (parked.pins == nullptr) parked.pins = std::make_shared<engine::Pins>();
  session.state = SessionState::kLoading;
  const uint64_t number = ++session.load_number;
  ++parked.load_rounds;
  engine_.StartLoad(std::move(items), parked.pins.get(),
                    [this, id = session.id, number, pins = parked.pins](engine::Status status) {
                      OnLoaded(id, number, pins, status);
                    });
  // Without reader threads the callback has run already, and so, perhaps, has the command.
  return session.parked == nullptr ? Run::kDone : Run::kParked;
}

void Dispatcher::OnLoaded(ClientId id, uint64_t load_number,
                          const std::shared_ptr<engine::Pins>& pins, const engine::Status& status) {
  Session* const session = context_.clients().Find(id);
  if (session == nullptr || session->load_number != load_number ||
      session->state != SessionState::kLoading) {
    engine_.ReleasePins(pins.get());
    return;
  }
  if (!status.ok() && &session->parked->spec == exec_) {
    // The command that needs it will meet the error; the others of the transaction run.
    session->parked->load_rounds = kMaxLoadRounds + 1;
  } else if (!status.ok()) {
    const size_t mark = session->BeginReply();
    Finish(*session, session->parked->spec, mark, status, /*seen_turn=*/0);
    Unpark(*session);
    return;
  }
  // Other clients may not run between a key's becoming ready and its readers. And many may have
  // been given what they asked for at once, each with a large reply.
  if ((context_.has_ready() && !context_.IsBlocked(id)) || context_.clients_need_too_much()) {
    WaitForRetry(*session);
    return;
  }
  timer_.Start();
  Rerun(*session);
}

Dispatcher::Run Dispatcher::Rerun(Session& session) {
  const CommandSpec& spec = session.parked->spec;
  Outcome refusal = Admit(session, spec);
  if (refusal.code() == Code::kLimit) {
    WaitForRetry(session);
    return Run::kParked;
  }
  const resp::Request request = session.parked->request();
  // What had to wait for the end of a CLIENT PAUSE may be inside MULTI.
  const bool is_queued = refusal.ok() && IsQueued(session, spec);
  if (is_queued) refusal = Queue(session, spec, request);
  if (!refusal.ok()) Refuse(session, &spec, refusal);
  if (is_queued || !refusal.ok()) {
    Unpark(session);
    return Run::kDone;
  }
  if (RunCommand(session, spec, request, /*is_rerun=*/true) == Run::kParked) return Run::kParked;
  if (session.parked != nullptr) Unpark(session);
  return Run::kDone;
}

void Dispatcher::Unpark(Session& session) {
  StopWaiting(session);
  ReleasePins(*session.parked);
  session.parked.reset();
  if (session.is_open()) session.state = SessionState::kReady;
  if (session.is_feeding || session.state == SessionState::kClosed) return;
  session.transport.OutputReady();
  if (session.is_open()) session.transport.InputWanted();
}

void Dispatcher::ReleasePins(ParkedCommand& parked) {
  if (parked.pins == nullptr) return;
  engine_.ReleasePins(parked.pins.get());
  parked.pins.reset();
}

void Dispatcher::WaitForRetry(Session& session) {
  session.state = SessionState::kRetry;
  retries_.push_back(session.id);
}

// --- The end of a turn
// -----------------------------------------------------------------------------

void Dispatcher::RunDueWork() {
  timer_.Start();
  wake_ups_left_ = kWakeUpsPerTurn;
  const Instant& now = timer_.now();
  const engine::Now engine_now = engine_.TimeNow(now.unix_us / 1000, now.monotonic_us / 1000);
  engine_.ReapExpired(engine_now);
  engine_.RunDueWork(engine_now);
  if (engine_.has_events()) ReportStreamEvents(context_, engine_);
  context_.waiters().StartDueClaims(now.monotonic_us);
  ServeReady();
  ReleasePaused();
  RetryWaiting();
  ServeTimeouts();
  ReleaseHeldUp();
  CloseOverflowed();
  context_.clients().FreeRemoved();
}

void Dispatcher::CloseOverflowed() {
  for (ClientId id : context_.pubsub().TakeOverflowed()) {
    Session* const session = context_.clients().Find(id);
    if (session == nullptr) continue;
    context_.log().Warning("client closed: more waits to be sent to it than may",
                           {{"client", id}, {"bytes", session->output.size()}});
    Kill(*session);
  }
}

int64_t Dispatcher::NextDueMicros() const {
  const Waiters& waiters = context_.waiters();
  int64_t next_us =
      std::min({waiters.next_deadline_us(), waiters.next_claim_us(),
                context_.producers().next_deadline_us(), context_.logins().next_due_us()});
  const Instant& now = timer_.now();
  if (!retries_.empty()) next_us = std::min(next_us, now.monotonic_us + kRoomPollMicros);
  if (!paused_.empty() || holds_producers_) next_us = std::min(next_us, context_.pause().end_us());
  const engine::Now engine_now = engine_.TimeNow(now.unix_us / 1000, now.monotonic_us / 1000);
  const int64_t reap_ms = engine_.next_reap_unix_ms();
  const int64_t work_ms = engine_.next_due_work_ms();
  if (reap_ms == kNeverMillis && work_ms == kNeverMillis) return next_us;
  const int64_t wait_ms = std::min(reap_ms - engine_now.unix_ms, work_ms - engine_now.store_ms);
  return std::min(next_us,
                  now.monotonic_us + std::clamp<int64_t>(wait_ms, 0, kLongestWaitMs) * 1000);
}

void Dispatcher::RetryWaiting() {
  std::vector<ClientId> without_room;
  size_t left = std::min(retries_.size(), kRetriesPerTurn);
  while (left-- > 0 && !context_.has_ready() && !engine_.TurnIsFull() &&
         !context_.clients_need_too_much()) {
    const ClientId id = retries_.front();
    retries_.pop_front();
    Session* const session = context_.clients().Find(id);
    if (session == nullptr || session->state != SessionState::kRetry) continue;
    if (IsPaused(*session, session->parked->spec)) {
      WaitForPauseEnd(*session);
      continue;
    }
    if (Admit(*session, session->parked->spec).code() == Code::kLimit) {
      without_room.push_back(id);
      continue;
    }
    Rerun(*session);
    ServeReady();
  }
  // First come, first served: they keep their places.
  retries_.insert(retries_.begin(), without_room.begin(), without_room.end());
}

}  // namespace server
