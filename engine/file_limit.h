// How the open files that the system allows are shared: by clients, RocksDB's tables, segments of
// the journal. Whoever takes more than its share leaves the others without, and a journal that
// cannot open a file is the end of the server. Thread: any.
#pragma once

#include <cstdint>

namespace engine {

struct FileShares {
  int64_t kept = 0;     // For all but clients.
  int64_t tables = 0;   // Of these, for RocksDB.
  int64_t level0 = 0;   // Tables of one family in level 0 with which writes stop.
  int64_t journal = 0;  // And for segments, spares included.
};

// For a process that may have `limit` files open.
FileShares ShareFiles(int64_t limit);
// That number as it is now.
int64_t OpenFileLimit();

}  // namespace engine
