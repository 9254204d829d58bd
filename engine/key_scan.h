// One step of a walk over a database's keys, as SCAN takes it. Thread: loop.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "engine/core.h"
#include "engine/engine.h"

namespace engine {

// See Engine::Scan().
Result<ScanResult> ScanKeys(Core& core, Op& op, uint64_t cursor, int64_t count,
                            std::string_view pattern, std::optional<KeyType> type);

}  // namespace engine
