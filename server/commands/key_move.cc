#include "server/commands/key_move.h"

#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

#include "server/commands/stream_args.h"
#include "server/core/args.h"
#include "server/core/server_context.h"
#include "server/core/text.h"

namespace server {
namespace {

using engine::Code;
using engine::Result;

bool FitsInt(int64_t value) {
  return value >= std::numeric_limits<int32_t>::min() &&
         value <= std::numeric_limits<int32_t>::max();
}

Outcome CheckDb(const CommandContext& context, int64_t index, uint32_t* db) {
  if (index < 0 || index >= context.server.settings().databases) return Error::kDbOutOfRange;
  *db = static_cast<uint32_t>(index);
  return Done();
}

Outcome ReadDb(const CommandContext& context, std::string_view text, uint32_t* db) {
  const std::optional<int64_t> index = ParseInteger(text);
  if (!index) return Error::kNotInteger;
  if (!FitsInt(*index)) return Error::kDbNotInt32;
  return CheckDb(context, *index, db);
}

Outcome ReadSwapIndex(std::string_view text, Error error, int64_t* index) {
  const std::optional<int64_t> number = ParseInteger(text);
  if (!number || !FitsInt(*number)) return error;
  *index = *number;
  return Done();
}

Outcome RenameTo(CommandContext& context, bool replace, bool* renamed) {
  const std::string_view from = context.args[1];
  const std::string_view to = context.args[2];
  const Result<bool> done = context.engine.Rename(context.op, from, to, replace);
  if (!done.ok()) return done.status();
  *renamed = *done;
  if (!*done || from == to) return Done();
  context.SignalKey(from);
  context.SignalKey(to);
  context.KeyChanged(from, key_event::kRenameFrom);
  context.KeyChanged(to, key_event::kRenameTo);
  return Done();
}

struct CopyOptions {
  uint32_t db = 0;
  bool replace = false;
};

Outcome ReadCopyOptions(const CommandContext& context, CopyOptions* options) {
  constexpr size_t kFirstOption = 3;
  const Arguments args = context.args;
  for (size_t i = kFirstOption; i < args.size(); ++i) {
    if (EqualsIgnoreCase(args[i], "REPLACE")) {
      options->replace = true;
    } else if (EqualsIgnoreCase(args[i], "DB") && i + 1 < args.size()) {
      RETURN_IF_FAILED(ReadDb(context, args[++i], &options->db));
    } else {
      return Error::kSyntax;
    }
  }
  return Done();
}

}  // namespace

Outcome CmdRename(CommandContext& context) {
  bool renamed = false;
  RETURN_IF_FAILED(RenameTo(context, /*replace=*/true, &renamed));
  context.out.SimpleString("OK");
  return Done();
}

Outcome CmdRenameNx(CommandContext& context) {
  bool renamed = false;
  RETURN_IF_FAILED(RenameTo(context, /*replace=*/false, &renamed));
  context.out.Integer(renamed ? 1 : 0);
  return Done();
}

Outcome CmdMove(CommandContext& context) {
  const std::string_view key = context.args[1];
  uint32_t db = 0;
  RETURN_IF_FAILED(ReadDb(context, context.args[2], &db));
  if (db == context.op.db) return Error::kSameObject;
  const Result<bool> moved = context.engine.Move(context.op, key, db);
  if (!moved.ok() && moved.code() != Code::kNotFound) return moved.status();
  const bool done = moved.ok() && *moved;
  if (done) {
    context.SignalKey(key);
    context.server.SignalKey(db, key);
    context.KeyChanged(key, key_event::kMoveFrom);
    context.KeyChanged(db, key, key_event::kMoveTo);
  }
  context.out.Integer(done ? 1 : 0);
  return Done();
}

Outcome CmdCopy(CommandContext& context) {
  const std::string_view from = context.args[1];
  const std::string_view to = context.args[2];
  CopyOptions options{.db = context.op.db};
  RETURN_IF_FAILED(ReadCopyOptions(context, &options));
  if (options.db == context.op.db && from == to) return Error::kSameObject;
  const Result<bool> copied =
      context.engine.Copy(context.op, from, options.db, to, options.replace);
  if (!copied.ok() && copied.code() != Code::kNotFound) return copied.status();
  const bool done = copied.ok() && *copied;
  if (done) {
    context.server.SignalKey(options.db, to);
    context.KeyChanged(options.db, to, key_event::kCopyTo);
  }
  context.out.Integer(done ? 1 : 0);
  return Done();
}

Outcome CmdSwapDb(CommandContext& context) {
  int64_t first = 0;
  int64_t second = 0;
  RETURN_IF_FAILED(ReadSwapIndex(context.args[1], Error::kFirstDbIndex, &first));
  RETURN_IF_FAILED(ReadSwapIndex(context.args[2], Error::kSecondDbIndex, &second));
  uint32_t dbs[2] = {};
  RETURN_IF_FAILED(CheckDb(context, first, &dbs[0]));
  RETURN_IF_FAILED(CheckDb(context, second, &dbs[1]));
  RETURN_IF_FAILED(context.engine.SwapDatabases(context.op, dbs[0], dbs[1]));
  if (dbs[0] != dbs[1]) {
    for (const uint32_t db : dbs) context.SignalDatabase(db);
  }
  context.out.SimpleString("OK");
  return Done();
}

}  // namespace server
