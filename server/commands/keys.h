// Commands on keys of any type and on whole databases. DEL also serves UNLINK: both detach the
// value at once and free it in bounded steps.
//
// Thread: loop.
#pragma once

#include "server/core/command.h"

namespace server {

Outcome CmdDel(CommandContext& context);
Outcome CmdExists(CommandContext& context);
Outcome CmdType(CommandContext& context);
Outcome CmdKeys(CommandContext& context);
Outcome CmdScan(CommandContext& context);
Outcome CmdDbSize(CommandContext& context);
Outcome CmdRandomKey(CommandContext& context);
Outcome CmdFlushDb(CommandContext& context);
Outcome CmdFlushAll(CommandContext& context);

}  // namespace server
