#include "server/core/transaction.h"

#include <cstdint>
#include <optional>
#include <utility>

#include "engine/check.h"
#include "server/core/args.h"
#include "server/core/clock.h"
#include "server/core/command_keys.h"
#include "server/core/command_notes.h"
#include "server/core/command_table.h"
#include "server/core/server_context.h"
#include "server/core/session.h"
#include "server/limits.h"

namespace server {
namespace {

constexpr std::string_view kLineEnd = "\r\n";

// The database that the commands behind this one run in.
uint32_t DatabaseAfter(const CommandSpec& spec, const std::vector<std::string_view>& args,
                       uint32_t db, int64_t databases) {
  if (spec.name != "select") return db;
  const std::optional<int64_t> index = ParseInteger(args[1]);
  return index && *index >= 0 && *index < databases ? static_cast<uint32_t>(*index) : db;
}

// Asks for all keys that the commands name. Errors of single keys are for their commands to tell.
Outcome RequireKeys(CommandContext& exec, const CommandQueue& queue) {
  engine::Op& op = exec.op;
  std::vector<std::string_view> args;
  std::vector<int> positions;
  bool misses = false;
  for (size_t i = 0; i < queue.size(); ++i) {
    const CommandSpec& spec = queue.Get(i, &args);
    op.db = DatabaseAfter(spec, args, op.db, exec.server.settings().databases);
    positions.clear();
    if ((spec.flags & (kWrite | kReadonly)) == 0 || !FindKeys(spec, args, &positions)) continue;
    for (int position : positions) {
      const auto type = exec.engine.TypeOf(op, args[static_cast<size_t>(position)]);
      misses |= type.code() == engine::Code::kNotLoaded;
    }
  }
  return misses ? Outcome(engine::Status(engine::Code::kNotLoaded)) : Done();
}

void Count(CommandContext& context, const Outcome& outcome, int64_t elapsed_us) {
  CommandCounters& counters = context.server.stats().command(CommandIndex(context.spec));
  ++counters.calls;
  ++context.server.stats().commands_processed;
  counters.micros += static_cast<uint64_t>(elapsed_us);
  if (!outcome.ok()) ++counters.failed;
}

// One command's element of the reply. kNotLoaded, or done.
Outcome RunQueued(CommandContext& exec, const CommandSpec& spec,
                  const std::vector<std::string_view>& args, CommandTimer* timer) {
  Session& session = exec.session;
  engine::Op& op = exec.op;
  op.db = session.db;
  const resp::Request request = {.args = args};
  const size_t mark = exec.out.size();
  CommandContext context = {.session = session,
                            .server = exec.server,
                            .engine = exec.engine,
                            .op = op,
                            .out = exec.out,
                            .spec = spec,
                            .args = args,
                            .request = request,
                            .may_block = false};
  const bool must_not_miss = op.read_misses;
  const Outcome outcome = spec.handler(context);
  const int64_t elapsed_us = timer->Advance();
  if (outcome.not_loaded()) {
    CHECK(!must_not_miss);
    return outcome;
  }
  context.TellMisses();
  // Running all of it again would do twice what this command may have done.
  if ((spec.flags & kReadonly) == 0) op.read_misses = true;
  if (op.read_misses) exec.engine.ReleasePins(op.pins);
  Count(context, outcome, elapsed_us);
  const CommandRun run = {.session = session,
                          .spec = spec,
                          .args = args,
                          .end = timer->now(),
                          .elapsed_us = elapsed_us,
                          .seen_turn = op.seen_turn};
  NoteRun(exec.server, run);
  ShowToMonitors(exec.server, run, exec.engine.released_turn());
  const bool wanted_to_block = session.park_request.has_value();
  session.park_request.reset();
  if (wanted_to_block || !outcome.ok()) exec.out.Rewind(mark);
  if (!outcome.ok()) {
    WriteErrorReply(exec.server, exec.out, outcome);
  } else if (wanted_to_block) {
    exec.out.NullArray();
  }
  return Done();
}

}  // namespace

// --- CommandQueue
// ----------------------------------------------------------------------------------

bool CommandQueue::Add(const CommandSpec& spec, const resp::Request& request) {
  if (is_spoiled_) return true;
  size_t size = memory_bytes() + sizeof(Command);
  for (std::string_view arg : request.args) size += arg.size() + sizeof(Place);
  if (size > kMaxTransactionBytes) return false;
  commands_.push_back({&spec, places_.size()});
  flags_ |= spec.flags;
  resp::Writer writer(&bytes_);
  for (std::string_view arg : request.args) {
    writer.Bulk(arg);
    places_.push_back({bytes_.size() - kLineEnd.size() - arg.size(), arg.size()});
  }
  return true;
}

const CommandSpec& CommandQueue::Get(size_t index, std::vector<std::string_view>* args) const {
  const size_t end =
      index + 1 < commands_.size() ? commands_[index + 1].first_argument : places_.size();
  args->clear();
  for (size_t i = commands_[index].first_argument; i < end; ++i) {
    args->push_back(std::string_view(bytes_).substr(places_[i].offset, places_[i].size));
  }
  return *commands_[index].spec;
}

size_t CommandQueue::memory_bytes() const {
  return bytes_.size() + places_.size() * sizeof(Place) + commands_.size() * sizeof(Command);
}

// --- EXEC
// ------------------------------------------------------------------------------------------

Outcome RunTransaction(CommandContext& exec, const CommandQueue& queue) {
  RETURN_IF_FAILED(RequireKeys(exec, queue));
  engine::Pins pins;
  const bool has_pins = exec.op.pins != nullptr;
  if (!has_pins) exec.op.pins = &pins;
  CommandTimer timer(exec.server.clock());
  exec.out.ArrayHeader(queue.size());
  const size_t behind_header = exec.out.size();
  const int64_t limit_bytes = exec.server.settings().client_memory_limit();
  Outcome outcome;
  std::vector<std::string_view> args;
  for (size_t i = 0; i < queue.size() && outcome.ok(); ++i) {
    const CommandSpec& spec = queue.Get(i, &args);
    outcome = RunQueued(exec, spec, args, &timer);
    if (limit_bytes > 0 && std::cmp_greater(exec.out.size() - behind_header, limit_bytes)) {
      // All of it takes effect, but there is no room for the reply: the client will be closed.
      exec.session.output.Rewind(behind_header);
      exec.server.pubsub().NoteOverflow(exec.session.id);
    }
  }
  if (!has_pins) {
    exec.engine.ReleasePins(&pins);
    exec.op.pins = nullptr;
  }
  return outcome;
}

void EndTransaction(ServerContext& server, Session& session) {
  session.transaction.reset();
  server.watches().Forget(session.id);
}

}  // namespace server
