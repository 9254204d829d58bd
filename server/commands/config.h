// CONFIG GET, SET, REWRITE and RESETSTAT.
//
// Thread: loop.
#pragma once

#include "server/core/command.h"

namespace server {

Outcome CmdConfigGet(CommandContext& context);
Outcome CmdConfigHelp(CommandContext& context);
Outcome CmdConfigResetStat(CommandContext& context);
Outcome CmdConfigRewrite(CommandContext& context);
Outcome CmdConfigSet(CommandContext& context);

}  // namespace server
