// INFO.
//
// Thread: loop.
#pragma once

#include "server/core/command.h"

namespace server {

Outcome CmdInfo(CommandContext& context);

}  // namespace server
