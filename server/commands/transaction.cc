#include "server/commands/transaction.h"

#include <memory>
#include <string_view>
#include <vector>

#include "server/commands/missing_objects.h"
#include "server/core/server_context.h"
#include "server/core/session.h"
#include "server/core/transaction.h"

namespace server {
namespace {

using engine::KeyType;
using engine::Result;

// Whether each watched key is there, or not, as it was. Changes are told as they happen; this finds
// keys whose time is up and that nobody has noticed yet.
Outcome CheckWatchedKeys(CommandContext& context, bool* unchanged) {
  MissingObjects missing;
  engine::Op& op = context.op;
  *unchanged = context.server.watches().AllOf(context.session.id, [&](const WatchedKey& key) {
    op.db = key.db;
    const Result<KeyType> type = context.engine.TypeOf(op, key.name);
    if (missing.Note(type.status())) return true;
    // One that cannot be read is there.
    const bool exists = !type.ok() || *type != KeyType::kNone;
    return exists == key.existed;
  });
  op.db = context.session.db;
  return *unchanged ? Outcome(missing.status()) : Done();
}

Outcome Execute(CommandContext& context) {
  const Session& session = context.session;
  if (session.transaction->is_spoiled()) return Error::kTransactionSpoiled;
  bool unchanged = !context.server.watches().IsTouched(session.id);
  if (unchanged) RETURN_IF_FAILED(CheckWatchedKeys(context, &unchanged));
  if (unchanged) return RunTransaction(context, *session.transaction);
  context.op.needs.clear();
  // The null tells of a change, of which it is not known when it was: it waits for all there are.
  context.engine.KeyCount(context.op);
  context.out.NullArray();
  return Done();
}

}  // namespace

Outcome CmdMulti(CommandContext& context) {
  if (context.session.in_transaction()) return Error::kNestedMulti;
  context.session.transaction = std::make_unique<CommandQueue>();
  context.out.SimpleString("OK");
  return Done();
}

Outcome CmdExec(CommandContext& context) {
  if (!context.session.in_transaction()) return Error::kExecWithoutMulti;
  Outcome outcome = Execute(context);
  // When something is to be fetched first it runs again, with the same queue.
  if (!outcome.not_loaded()) EndTransaction(context.server, context.session);
  return outcome;
}

Outcome CmdDiscard(CommandContext& context) {
  if (!context.session.in_transaction()) return Error::kDiscardWithoutMulti;
  EndTransaction(context.server, context.session);
  context.out.SimpleString("OK");
  return Done();
}

Outcome CmdWatch(CommandContext& context) {
  if (context.session.in_transaction()) return Error::kWatchInMulti;
  MissingObjects missing;
  std::vector<bool> exists;
  const auto keys = context.args.subspan(1);
  for (std::string_view key : keys) {
    const Result<KeyType> type = context.engine.TypeOf(context.op, key);
    missing.Note(type.status());
    exists.push_back(!type.ok() || *type != KeyType::kNone);
  }
  RETURN_IF_ERROR(missing.status());
  for (size_t i = 0; i < keys.size(); ++i) {
    context.server.watches().Add(context.session.id,
                                 {.db = context.op.db, .name = keys[i], .existed = exists[i]});
  }
  context.out.SimpleString("OK");
  return Done();
}

Outcome CmdUnwatch(CommandContext& context) {
  context.server.watches().Forget(context.session.id);
  context.out.SimpleString("OK");
  return Done();
}

}  // namespace server
