// The pump: adds scheduled entries to their stream when they are due. A task of the steward.
//
// Entries are added in due order as `XADD key *` would, and leave the schedule in the same turn.
// Thread: loop.
#pragma once

#include "engine/steward.h"

namespace engine {

Result<TaskResult> PumpSchedule(Core& core, Op& op, Stream& stream);

}  // namespace engine
