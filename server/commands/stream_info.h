// XINFO and its subcommands. Rules: streams specification section 15. Thread: loop.
#pragma once

#include "server/core/command.h"

namespace server {

Outcome CmdXInfoStream(CommandContext& context);
Outcome CmdXInfoGroups(CommandContext& context);
Outcome CmdXInfoConsumers(CommandContext& context);
// dead_letter_info.cc
Outcome CmdXInfoDeadLetter(CommandContext& context);
// pending_info.cc
Outcome CmdXInfoPending(CommandContext& context);
Outcome CmdXInfoHelp(CommandContext& context);

}  // namespace server
