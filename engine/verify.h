// Invariants of a stream in memory, verified from its blocks and pages up. Thread: loop.
#pragma once

#include "engine/checker.h"
#include "engine/core.h"

namespace engine {

// Loads each block and page in turn. A failure to load is a fault, too.
void VerifyStream(Core& core, Stream& stream, CheckReport* report);

}  // namespace engine
