// XREDRIVE. Rules: delivery specification section 5. Thread: loop.
#pragma once

#include "server/core/command.h"

namespace server {

Outcome CmdXRedrive(CommandContext& context);

}  // namespace server
