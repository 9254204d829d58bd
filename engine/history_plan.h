// What a history read shows in a group that may exhaust entries: the consumer's pending records,
// but for those that have no delivery left. Thread: loop.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/core.h"
#include "engine/engine.h"

namespace engine {

struct HistoryPlan {
  std::vector<StreamId> ids;             // To be shown, ascending.
  std::vector<PendingRecord> exhausted;  // Met on the way.
};

// At most `most` ids above args.after. Changes nothing. What is missing is in op.needs; the plan is
// whole when that is empty, and all its entries are in memory.
HistoryPlan PlanHistory(Core& core, Op& op, Stream& stream, Group& group, ConsumerNumber owner,
                        const HistoryArgs& args, int64_t most);

}  // namespace engine
