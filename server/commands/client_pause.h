// CLIENT PAUSE and UNPAUSE.
//
// Thread: loop.
#pragma once

#include "server/core/command.h"

namespace server {

Outcome CmdClientPause(CommandContext& context);
Outcome CmdClientUnpause(CommandContext& context);

}  // namespace server
