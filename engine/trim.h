// Trimming: how far a MAXLEN or MINID trim goes (streams specification section 6).
//
// Whole blocks are counted off by the directory alone; only the block in which the trim ends is
// looked into. Thread: loop.
#pragma once

#include <cstdint>

#include "engine/core.h"
#include "engine/engine.h"

namespace engine {

// Notes what TrimStream will look into, if the stream were `extra` entries longer, in op.needs.
void RequireForTrimPlan(Core& core, Op& op, Stream& stream, const TrimArgs& args, uint64_t extra);

// Trims by one effect, or none. The number of entries removed.
int64_t TrimStream(Core& core, Stream& stream, const TrimArgs& args);

}  // namespace engine
