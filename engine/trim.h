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

// The stream as the trim will find it: with `extra` entries more at its end, and without its `gone`
// oldest ones, so that it begins at `first_id` (0-0: as it does now). That block, if it does not
// begin there, is in memory.
struct TrimBase {
  uint64_t extra = 0;
  uint64_t gone = 0;
  StreamId first_id;
};

// Sees to it that all TrimStream will look into is in memory (kNotLoaded otherwise).
Status RequireForTrimPlan(Core& core, Op& op, Stream& stream, const TrimArgs& args,
                          const TrimBase& base);

// The number of entries removed.
int64_t TrimStream(Core& core, Stream& stream, const TrimArgs& args);

}  // namespace engine
