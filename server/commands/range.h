// XLEN, XRANGE and XREVRANGE. Rules: streams specification section 7. Thread: loop.
#pragma once

#include "server/core/command.h"

namespace server {

Outcome CmdXLen(CommandContext& context);
Outcome CmdXRange(CommandContext& context);
Outcome CmdXRevRange(CommandContext& context);

}  // namespace server
