#include "engine/file_limit.h"

#include <sys/resource.h>

#include <algorithm>

namespace engine {
namespace {

// Standard streams, log, loop, sockets that listen, locks, directories, manifest.
constexpr int64_t kOthers = 26;
// Beside those that RocksDB keeps open for the next read, it opens all of level 0 when it compacts.
constexpr int64_t kFewestTables = 40;
constexpr int64_t kMostTables = 512;
constexpr int64_t kFewestLevel0 = 8;
constexpr int64_t kMostLevel0 = 36;
constexpr int64_t kFewestSegments = 14;
constexpr int64_t kMostSegments = 110;
constexpr int64_t kFewestKept = kOthers + kFewestTables + kFewestSegments;
constexpr int64_t kMostKept = kOthers + kMostTables + kMostSegments;

}  // namespace

FileShares ShareFiles(int64_t limit) {
  FileShares shares;
  shares.kept = std::clamp(limit / 2, kFewestKept, kMostKept);
  shares.journal = std::clamp(shares.kept / 5, kFewestSegments, kMostSegments);
  shares.tables = std::clamp(shares.kept - kOthers - shares.journal, kFewestTables, kMostTables);
  // Two families may be compacted at a time.
  shares.level0 = std::clamp(shares.tables / 4, kFewestLevel0, kMostLevel0);
  return shares;
}

int64_t OpenFileLimit() {
  rlimit limit = {};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > INT32_MAX) {
    return INT32_MAX;
  }
  return static_cast<int64_t>(limit.rlim_cur);
}

}  // namespace engine
