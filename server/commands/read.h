// XREAD and XREADGROUP. Rules: streams specification sections 9 to 11. Thread: loop.
#pragma once

#include "server/core/command.h"

namespace server {

Outcome CmdXRead(CommandContext& context);
Outcome CmdXReadGroup(CommandContext& context);

}  // namespace server
