// LATENCY and its subcommands.
//
// Thread: loop.
#pragma once

#include "server/core/command.h"

namespace server {

Outcome CmdLatencyDoctor(CommandContext& context);
Outcome CmdLatencyGraph(CommandContext& context);
Outcome CmdLatencyHelp(CommandContext& context);
Outcome CmdLatencyHistogram(CommandContext& context);
Outcome CmdLatencyHistory(CommandContext& context);
Outcome CmdLatencyLatest(CommandContext& context);
Outcome CmdLatencyReset(CommandContext& context);

}  // namespace server
