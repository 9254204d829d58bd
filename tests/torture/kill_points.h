// Places at which a child of a harness can be killed: the points of our own code
// (engine/fault_point.h) and sync points of RocksDB. Both are only there in test builds: ours with
// WEIR_FAULT_POINTS, RocksDB's in a library that was built without NDEBUG, as Debian's is.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

namespace tests {

// All names, ours first.
const std::vector<const char*>& KillPoints();
bool IsOfRocksDb(std::string_view point);

inline constexpr int kAnyPoint = -1;

// Which pass of which point is the last one.
struct Death {
  int point = kAnyPoint;  // Index into KillPoints(); kAnyPoint: all are counted together.
  uint64_t pass = 0;      // 0 = lives on.
};

// In a child: counts the passes of each point in `counts` (shared memory, as many as points) and
// dies at `death`, after `last_words`. Counts from now on; call before threads start.
void Arm(const Death& death, std::atomic<uint64_t>* counts, std::function<void()> last_words);

}  // namespace tests
