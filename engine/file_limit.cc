#include "engine/file_limit.h"

#include <sys/resource.h>

#include <algorithm>

namespace engine {
namespace {

// Standard streams, log, loop, sockets that listen, locks, directories, manifest; tables that a
// compaction holds open beyond RocksDB's bound.
constexpr int64_t kOthers = 26;
// RocksDB takes no smaller number.
constexpr int64_t kFewestTables = 20;
constexpr int64_t kMostTables = 512;
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
