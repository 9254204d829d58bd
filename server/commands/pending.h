// XACK, XNACK, XPENDING, XCLAIM and XAUTOCLAIM: what was delivered and not yet acknowledged.
//
// Rules: streams specification sections 13 and 14. Thread: loop.
#pragma once

#include "server/core/command.h"

namespace server {

Outcome CmdXAck(CommandContext& context);
Outcome CmdXNack(CommandContext& context);
Outcome CmdXPending(CommandContext& context);
Outcome CmdXClaim(CommandContext& context);
Outcome CmdXAutoClaim(CommandContext& context);

}  // namespace server
