// CONSUMER-TTL and GROUP-TTL: the steward's task that removes consumers and groups which nobody
// uses any more (delivery specification, section 1).
//
// A consumer has last been there when it was seen, or was known to wait for entries; the time
// before the server's start does not count against it. Nothing is done per delivery: each round
// looks at all consumers of groups with such a policy and tells when the next one may be due.
// Thread: loop.
#pragma once

#include <cstdint>

#include "engine/core.h"
#include "engine/op.h"
#include "engine/status.h"
#include "engine/steward.h"
#include "engine/stream.h"

namespace engine {

// A task of the steward.
Result<TaskResult> RemoveIdle(Core& core, Op& op, Stream& stream);

// The group, or a consumer of it, is new, or has another name: has the steward look when something
// may have been idle for too long. For calls that may have effects.
void ExpectIdle(Core& core, const Op& op, Stream& stream, Group& group);
// The same for all groups of the stream.
void ExpectIdle(Core& core, const Op& op, Stream& stream);
// A consumer that was there at `last_ms` is about to go: the group is not idle for longer than
// since then. For calls that have effects.
void KeepLastSeen(Core& core, Stream& stream, Group& group, int64_t last_ms);

}  // namespace engine
