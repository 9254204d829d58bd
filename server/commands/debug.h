// DEBUG, for tests of clients: option `enable-debug-command` says who may use it, which the
// dispatcher checks.
//
// Thread: loop.
#pragma once

#include "server/core/command.h"

namespace server {

Outcome CmdDebug(CommandContext& context);

}  // namespace server
