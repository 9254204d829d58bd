// DEBUG PROTOCOL: one sample of each type of the protocol.
//
// Thread: loop.
#pragma once

#include "server/core/command.h"

namespace server {

Outcome WriteProtocolSample(CommandContext& context);

}  // namespace server
