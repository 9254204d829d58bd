// CLIENT TRACKING and what belongs to it. Clients are never told about changed keys, so tracking
// can only be switched off.
//
// Thread: loop.
#pragma once

#include "server/core/command.h"

namespace server {

Outcome CmdClientCaching(CommandContext& context);
Outcome CmdClientGetRedir(CommandContext& context);
Outcome CmdClientTracking(CommandContext& context);
Outcome CmdClientTrackingInfo(CommandContext& context);

}  // namespace server
