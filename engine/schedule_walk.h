// Scheduled entries wherever they are: in memory, or in the store alone. Thread: loop.
#pragma once

#include <cstddef>
#include <vector>

#include "engine/core.h"
#include "engine/op.h"
#include "engine/schedule.h"

namespace engine {

// The first `count` scheduled entries within the bounds. kNotLoaded, with op.needs, when the store
// has to be asked; op.pins keeps what it says for the next run. Until the next change.
Result<std::vector<Schedule::Item>> FindScheduled(Core& core, Op& op, Stream& stream,
                                                  ScheduleToken first, ScheduleToken last,
                                                  size_t count);

}  // namespace engine
