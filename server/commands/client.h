// CLIENT and its subcommands.
//
// Thread: loop.
#pragma once

#include "server/core/command.h"

namespace server {

Outcome CmdClientGetName(CommandContext& context);
Outcome CmdClientHelp(CommandContext& context);
Outcome CmdClientId(CommandContext& context);
Outcome CmdClientInfo(CommandContext& context);
Outcome CmdClientKill(CommandContext& context);
Outcome CmdClientList(CommandContext& context);
Outcome CmdClientMaintNotifications(CommandContext& context);
Outcome CmdClientNoEvict(CommandContext& context);
Outcome CmdClientNoTouch(CommandContext& context);
Outcome CmdClientReply(CommandContext& context);
Outcome CmdClientSetInfo(CommandContext& context);
Outcome CmdClientSetName(CommandContext& context);
Outcome CmdClientUnblock(CommandContext& context);

}  // namespace server
