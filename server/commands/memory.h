// MEMORY and its subcommands.
//
// Thread: loop.
#pragma once

#include "server/core/command.h"

namespace server {

Outcome CmdMemoryDoctor(CommandContext& context);
Outcome CmdMemoryHelp(CommandContext& context);
Outcome CmdMemoryMallocStats(CommandContext& context);
Outcome CmdMemoryPurge(CommandContext& context);
Outcome CmdMemoryStats(CommandContext& context);

}  // namespace server
