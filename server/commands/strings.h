// Commands on strings. A stream, or any key, may be replaced by SET; all others answer WRONGTYPE to
// what is no string.
//
// Thread: loop.
#pragma once

#include "server/core/command.h"

namespace server {

Outcome CmdSet(CommandContext& context);
Outcome CmdSetNx(CommandContext& context);
// SETEX and PSETEX.
Outcome CmdSetEx(CommandContext& context);
Outcome CmdGet(CommandContext& context);
Outcome CmdGetDel(CommandContext& context);
Outcome CmdGetEx(CommandContext& context);
Outcome CmdGetSet(CommandContext& context);
Outcome CmdMGet(CommandContext& context);
Outcome CmdMSet(CommandContext& context);
Outcome CmdMSetNx(CommandContext& context);
Outcome CmdIncr(CommandContext& context);
Outcome CmdDecr(CommandContext& context);
Outcome CmdIncrBy(CommandContext& context);
Outcome CmdDecrBy(CommandContext& context);
Outcome CmdAppend(CommandContext& context);
Outcome CmdStrLen(CommandContext& context);

}  // namespace server
