// RocksDB's files on a disk whose power can be cut.
#pragma once

#include <memory>

#include "tests/torture/cut_disk.h"

namespace rocksdb {
class FileSystem;
}

namespace tests {

// `disk` outlives it.
std::shared_ptr<rocksdb::FileSystem> MakeCutFileSystem(CutDisk& disk);

}  // namespace tests
