// MULTI, EXEC, DISCARD, WATCH, UNWATCH. How a queue runs: server/core/transaction.h.
//
// Thread: loop.
#pragma once

#include "server/core/command.h"

namespace server {

Outcome CmdMulti(CommandContext& context);
Outcome CmdExec(CommandContext& context);
Outcome CmdDiscard(CommandContext& context);
Outcome CmdWatch(CommandContext& context);
Outcome CmdUnwatch(CommandContext& context);

}  // namespace server
