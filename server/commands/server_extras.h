// MODULE, LOLWUT: what clients and tools ask a server that has no modules, and for fun.
//
// Thread: loop.
#pragma once

#include "server/core/command.h"

namespace server {

Outcome CmdLolwut(CommandContext& context);
Outcome CmdModuleHelp(CommandContext& context);
Outcome CmdModuleList(CommandContext& context);

}  // namespace server
