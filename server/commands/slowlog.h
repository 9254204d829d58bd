// SLOWLOG and its subcommands.
//
// Thread: loop.
#pragma once

#include "server/core/command.h"

namespace server {

Outcome CmdSlowLogGet(CommandContext& context);
Outcome CmdSlowLogHelp(CommandContext& context);
Outcome CmdSlowLogLen(CommandContext& context);
Outcome CmdSlowLogReset(CommandContext& context);

}  // namespace server
