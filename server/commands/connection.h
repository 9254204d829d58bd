// Commands about the client's own connection, and TIME.
//
// Thread: loop.
#pragma once

#include "server/core/command.h"

namespace server {

Outcome CmdPing(CommandContext& context);
Outcome CmdEcho(CommandContext& context);
Outcome CmdHello(CommandContext& context);
Outcome CmdAuth(CommandContext& context);
Outcome CmdSelect(CommandContext& context);
Outcome CmdQuit(CommandContext& context);
Outcome CmdReset(CommandContext& context);
Outcome CmdTime(CommandContext& context);

}  // namespace server
