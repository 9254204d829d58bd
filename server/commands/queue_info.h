// XINFO QUEUE: a stream as a queue with bounds. Rules: delivery specification section 8. Thread:
// loop.
#pragma once

#include "server/core/command.h"

namespace server {

Outcome CmdXInfoQueue(CommandContext& context);

}  // namespace server
