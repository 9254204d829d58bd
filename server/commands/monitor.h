// MONITOR.
//
// Thread: loop.
#pragma once

#include "server/core/command.h"

namespace server {

Outcome CmdMonitor(CommandContext& context);

}  // namespace server
