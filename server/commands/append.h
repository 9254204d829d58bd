// XADD, XTRIM, XDEL and XSETID: commands that change entries and the counters of a stream.
//
// Rules: streams specification sections 5, 6 and 8. Thread: loop.
#pragma once

#include "server/core/command.h"

namespace server {

Outcome CmdXAdd(CommandContext& context);
Outcome CmdXTrim(CommandContext& context);
Outcome CmdXDel(CommandContext& context);
Outcome CmdXSetId(CommandContext& context);

}  // namespace server
