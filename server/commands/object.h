// What can be told of keys and of the memory they take: OBJECT, MEMORY USAGE, TOUCH.
//
// Thread: loop.
#pragma once

#include "server/core/command.h"

namespace server {

Outcome CmdTouch(CommandContext& context);
Outcome CmdObjectEncoding(CommandContext& context);
Outcome CmdObjectFreq(CommandContext& context);
Outcome CmdObjectIdleTime(CommandContext& context);
Outcome CmdObjectRefCount(CommandContext& context);
Outcome CmdObjectHelp(CommandContext& context);
Outcome CmdMemoryUsage(CommandContext& context);

}  // namespace server
