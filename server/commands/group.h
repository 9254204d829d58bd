// XGROUP and its subcommands. Rules: streams specification section 12. Thread: loop.
#pragma once

#include "server/core/command.h"

namespace server {

Outcome CmdXGroupCreate(CommandContext& context);
Outcome CmdXGroupSetId(CommandContext& context);
Outcome CmdXGroupDestroy(CommandContext& context);
Outcome CmdXGroupCreateConsumer(CommandContext& context);
Outcome CmdXGroupDelConsumer(CommandContext& context);
Outcome CmdXGroupHelp(CommandContext& context);

}  // namespace server
