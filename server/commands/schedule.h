// XSCHEDULE, XUNSCHEDULE and XSCHEDULED: entries that are added later (delivery specification,
// section 6). Thread: loop.
#pragma once

#include "server/core/command.h"

namespace server {

Outcome CmdXSchedule(CommandContext& context);
Outcome CmdXUnschedule(CommandContext& context);
Outcome CmdXScheduled(CommandContext& context);

}  // namespace server
