// SAVE, BGSAVE, LASTSAVE and SHUTDOWN.
//
// Thread: loop.
#pragma once

#include "server/core/command.h"

namespace server {

Outcome CmdSave(CommandContext& context);
Outcome CmdBgRewriteAof(CommandContext& context);
Outcome CmdBgSave(CommandContext& context);
Outcome CmdLastSave(CommandContext& context);
Outcome CmdShutdown(CommandContext& context);

}  // namespace server
