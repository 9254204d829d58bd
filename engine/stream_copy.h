// A deep copy of a stream, for COPY and MOVE: entries, counters, groups, consumers, pending records
// with their times and order. Thread: loop.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/core.h"
#include "engine/status.h"

namespace engine {

// Has everything of the stream in memory: kNotLoaded otherwise, kLimit when it is larger than
// kMaxCopyBytes.
Status PrepareCopy(Core& core, Op& op, Stream& stream);
// Makes the copy under a name that is free. Precondition: PrepareCopy.
void CopyStream(Core& core, Op& op, Stream& from, uint32_t db, std::string_view key);

}  // namespace engine
