// Commands that give values other names, or other databases.
//
// Thread: loop.
#pragma once

#include "server/core/command.h"

namespace server {

Outcome CmdRename(CommandContext& context);
Outcome CmdRenameNx(CommandContext& context);
Outcome CmdMove(CommandContext& context);
Outcome CmdCopy(CommandContext& context);
Outcome CmdSwapDb(CommandContext& context);

}  // namespace server
