// How RocksDB is set up: its options, and how the memory budget is shared out. Changes nothing.
#pragma once

#include <rocksdb/cache.h>
#include <rocksdb/env.h>
#include <rocksdb/listener.h>
#include <rocksdb/options.h>

#include <cstddef>
#include <memory>
#include <string>

#include "engine/store.h"

namespace engine {

size_t BlockCacheBytes(size_t budget);
// All memtables together. A checkpoint fills them and flushes them before the next one begins, so
// the budget is for one batch, with what the skip lists and arenas add to its bytes (a quarter).
size_t MemtableBytes(size_t budget);

rocksdb::DBOptions DatabaseOptions(const StoreOptions& options,
                                   std::shared_ptr<rocksdb::Logger> logger,
                                   std::shared_ptr<rocksdb::EventListener> listener);
// On a small file system compactions have to be small, too: what they replace is deleted only when
// they have ended.
bool IsSmallDisk(const std::string& directory);
rocksdb::ColumnFamilyOptions FamilyOptions(Family family, size_t budget, bool is_small_disk,
                                           const std::shared_ptr<rocksdb::Cache>& cache);

}  // namespace engine
