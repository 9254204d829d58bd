// COMMAND and its subcommands: the command table as clients see it.
//
// Thread: loop.
#pragma once

#include "server/core/command.h"

namespace server {

Outcome CmdCommand(CommandContext& context);
Outcome CmdCommandCount(CommandContext& context);
Outcome CmdCommandDocs(CommandContext& context);
Outcome CmdCommandGetKeys(CommandContext& context);
Outcome CmdCommandGetKeysAndFlags(CommandContext& context);
Outcome CmdCommandHelp(CommandContext& context);
Outcome CmdCommandInfo(CommandContext& context);
Outcome CmdCommandList(CommandContext& context);

}  // namespace server
