// Parked records: how they are found, and how they become dead letters once these can be written
// (delivery specification, section 3). Thread: loop.
#pragma once

#include "engine/core.h"
#include "engine/status.h"
#include "engine/steward.h"

namespace engine {

// Milliseconds between two tries to move what is parked.
inline constexpr int64_t kMoveParkedEveryMs = 1000;

// Whether the group has parked records that are tried again, by MoveParked() alone.
bool MovesParked(Core& core, Group& group);

// The stream's parked records will be looked at again if any is to become a letter. To be called
// whenever one was parked, and when a stream with parked ones has got another policy or name.
void ExpectParked(Core& core, const Op& op, Stream& stream);
// A task of the steward: parked records of groups whose ON-EXHAUST is DEADLETTER become letters,
// oldest first, until one fails.
Result<TaskResult> MoveParked(Core& core, Op& op, Stream& stream);

}  // namespace engine
