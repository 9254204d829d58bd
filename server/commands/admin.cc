#include "server/commands/admin.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <utility>

#include "engine/stream_id.h"
#include "server/core/server_context.h"
#include "server/core/session.h"
#include "server/core/text.h"

namespace server {
namespace {

using engine::Code;
using engine::Status;

// What a client that waits for its checkpoint is parked on. A key of that name only causes needless
// wake-ups: SAVE ends when its own checkpoint has, and parks again otherwise.
constexpr std::string_view kCheckpointEnd("\0checkpoint", 11);

// How a checkpoint ended, left where the parked command finds it when it is run again.
constexpr engine::StreamId kSaved = {.ms = 1, .seq = 0};
constexpr engine::StreamId kNotSaved = {.ms = 0, .seq = 0};

Outcome StartCheckpoint(CommandContext& context, std::function<void(Status)> done) {
  const Status status = context.engine.StartCheckpoint(std::move(done));
  if (status.code() == Code::kLimit) return Error::kSaveRunning;
  return status;
}

// The client may have gone, or may wait for something else after a CLIENT UNBLOCK.
void EndSave(ServerContext& server, ClientId client, const Status& result) {
  Session* const session = server.clients().Find(client);
  if (session == nullptr || session->parked == nullptr) return;
  ParkedCommand& parked = *session->parked;
  if (parked.spec.handler != CmdSave || !parked.wait) return;
  parked.wait->resolved_ids = {result.ok() ? kSaved : kNotSaved};
  server.waiters().Signal(session->db, kCheckpointEnd);
}

// Before the first checkpoint it is the start.
int64_t LastSaveUnixSeconds(CommandContext& context) {
  constexpr int64_t kMillisPerSecond = 1000;
  const int64_t start = context.server.stats().start_unix_ms() / kMillisPerSecond;
  return std::max(context.engine.GetStats().last_checkpoint_unix_s, start);
}

struct ShutdownWords {
  bool save = false;
  bool no_save = false;
  bool abort = false;
  bool other = false;  // NOW or FORCE: a stop here neither waits for anybody nor can be refused.
};

Outcome ReadShutdownWords(std::span<const std::string_view> words, ShutdownWords* result) {
  for (std::string_view word : words) {
    if (EqualsIgnoreCase(word, "SAVE")) {
      result->save = true;
    } else if (EqualsIgnoreCase(word, "NOSAVE")) {
      result->no_save = true;
    } else if (EqualsIgnoreCase(word, "ABORT")) {
      result->abort = true;
    } else if (EqualsIgnoreCase(word, "NOW") || EqualsIgnoreCase(word, "FORCE")) {
      result->other = true;
    } else {
      return Error::kSyntax;
    }
  }
  const bool anything_else = result->save || result->no_save || result->other;
  if ((result->save && result->no_save) || (result->abort && anything_else)) {
    return Error::kSyntax;
  }
  return Done();
}

}  // namespace

// Parks until the checkpoint has ended, so that the others go on meanwhile.
Outcome CmdSave(CommandContext& context) {
  // It may have waited before its first run: for the end of a CLIENT PAUSE.
  const ParkedCommand* const parked = context.session.parked.get();
  if (parked == nullptr || !parked->has_run) {
    ServerContext* const server = &context.server;  // Outlives the engine's callbacks.
    const ClientId client = context.session.id;
    RETURN_IF_FAILED(StartCheckpoint(
        context, [server, client](const Status& result) { EndSave(*server, client, result); }));
  }
  if (context.resolved_ids.empty()) {
    WaitRequest wait;
    wait.keys.emplace_back(kCheckpointEnd);
    context.Park(std::move(wait));
    return Done();
  }
  if (context.resolved_ids[0] == kNotSaved) return Status(Code::kIo, "the checkpoint failed");
  context.out.SimpleString("OK");
  return Done();
}

Outcome CmdBgSave(CommandContext& context) {
  constexpr size_t kMaxArguments = 2;
  const bool schedule =
      context.args.size() == kMaxArguments && EqualsIgnoreCase(context.args[1], "SCHEDULE");
  if (context.args.size() > 1 && !schedule) return Error::kSyntax;
  RETURN_IF_FAILED(StartCheckpoint(context, [](const Status&) {}));
  context.out.SimpleString(context.may_block ? "Background saving started"
                                             : "Background saving scheduled");
  return Done();
}

// The journal is what an append-only file is elsewhere; a checkpoint lets go of what lies before
// it. One that runs already does the same.
Outcome CmdBgRewriteAof(CommandContext& context) {
  const Status status = context.engine.StartCheckpoint([](const Status&) {});
  const bool runs_already = status.code() == Code::kLimit;
  if (!status.ok() && !runs_already) return status;
  context.out.SimpleString(runs_already || !context.may_block
                               ? "Background append only file rewriting scheduled"
                               : "Background append only file rewriting started");
  return Done();
}

Outcome CmdLastSave(CommandContext& context) {
  context.out.Integer(LastSaveUnixSeconds(context));
  return Done();
}

Outcome CmdShutdown(CommandContext& context) {
  ShutdownWords words;
  RETURN_IF_FAILED(ReadShutdownWords(context.args.subspan(1), &words));
  // A stop that has begun ends before the next command, so there never is one to take back.
  if (words.abort) return Error::kNoShutdown;
  context.server.log().Notice("stopping", {{"by", "SHUTDOWN"}});
  context.server.client_control().CloseAfterReply(context.session);
  context.server.control().RequestShutdown(!words.no_save);
  return Done();
}

}  // namespace server
