// Commands on the time at which keys go.
//
// Thread: loop.
#pragma once

#include "server/core/command.h"

namespace server {

// EXPIRE, PEXPIRE, EXPIREAT, PEXPIREAT.
Outcome CmdExpire(CommandContext& context);
// TTL, PTTL, EXPIRETIME, PEXPIRETIME.
Outcome CmdTtl(CommandContext& context);
Outcome CmdPersist(CommandContext& context);

}  // namespace server
