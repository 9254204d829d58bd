// XDELEX and XACKDEL: removing entries with regard to the groups that hold them.
//
// Rules: streams specification sections 4.3, 8 and 13. Thread: loop.
#pragma once

#include "server/core/command.h"

namespace server {

Outcome CmdXDelEx(CommandContext& context);
Outcome CmdXAckDel(CommandContext& context);

}  // namespace server
