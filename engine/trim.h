// Trimming: how far a MAXLEN or MINID trim goes (streams specification section 6).
//
// Whole blocks are counted off by the directory alone; only the block in which the trim ends is
// looked into, and with DELREF the pending records of what goes. ACKED: engine/acked_trim.h.
// Thread: loop.
#pragma once

#include <cstdint>

#include "engine/core.h"
#include "engine/engine.h"

namespace engine {

// Sees to it that all TrimStream will look into is in memory (kNotLoaded otherwise), if the stream
// were `extra` entries longer.
Status RequireForTrimPlan(Core& core, Op& op, Stream& stream, const TrimArgs& args, uint64_t extra);

// The number of entries removed.
int64_t TrimStream(Core& core, Stream& stream, const TrimArgs& args);

}  // namespace engine
