#include "engine/store_tuning.h"

#include <rocksdb/convenience.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/table_properties_collectors.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <utility>

#include "engine/file_limit.h"
#include "engine/store_merge.h"

namespace engine {
namespace {

constexpr uint64_t kSoftPendingCompactionBytes = uint64_t{8} << 30;
constexpr uint64_t kHardPendingCompactionBytes = uint64_t{32} << 30;

bool Supports(rocksdb::CompressionType type) {
  const auto types = rocksdb::GetSupportedCompressions();
  return std::find(types.begin(), types.end(), type) != types.end();
}

}  // namespace

size_t BlockCacheBytes(size_t budget) { return budget / 8; }

size_t MemtableBytes(size_t budget) { return budget - BlockCacheBytes(budget); }

rocksdb::DBOptions DatabaseOptions(const StoreOptions& options,
                                   std::shared_ptr<rocksdb::Logger> logger,
                                   std::shared_ptr<rocksdb::EventListener> listener) {
  rocksdb::DBOptions db;
  db.create_if_missing = options.create_if_missing;
  db.create_missing_column_families = options.create_if_missing;
  db.atomic_flush = true;
  db.info_log = std::move(logger);
  db.listeners = {std::move(listener)};
  db.max_bgerror_resume_count = 0;
  // Room is taken when it is written: a compaction would reserve a whole table before it knows
  // that it writes next to nothing.
  db.allow_fallocate = false;
  db.paranoid_checks = true;
  db.max_open_files = static_cast<int>(ShareFiles(OpenFileLimit()).tables);
  db.max_background_jobs = std::max(options.background_threads, 1) + 1;
  db.max_subcompactions = 1;
  // No switch of memtables by total size: only WriteCheckpoint flushes.
  db.db_write_buffer_size = 0;
  db.avoid_flush_during_shutdown = true;
  db.allow_2pc = false;
  db.recycle_log_file_num = 0;
  db.WAL_ttl_seconds = 0;
  db.stats_dump_period_sec = 0;
  db.stats_persist_period_sec = 0;
  db.bytes_per_sync = uint64_t{1} << 20;
  db.compaction_readahead_size = size_t{512} << 10;
  db.enable_pipelined_write = false;
  return db;
}

bool IsSmallDisk(const std::string& directory) {
  constexpr uint64_t kSmallBytes = uint64_t{1} << 30;
  struct statvfs info {};
  return ::statvfs(directory.c_str(), &info) == 0 &&
         static_cast<uint64_t>(info.f_blocks) * info.f_frsize < kSmallBytes;
}

rocksdb::ColumnFamilyOptions FamilyOptions(Family family, size_t budget, bool is_small_disk,
                                           const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::BlockBasedTableOptions table;
  table.format_version = 5;
  table.checksum = rocksdb::kXXH3;
  table.block_cache = cache;
  table.cache_index_and_filter_blocks = true;
  table.cache_index_and_filter_blocks_with_high_priority = true;
  // In parts of a few KiB: the index of a table of some hundred MiB is larger than the cache takes,
  // and would be read and decompressed anew for each value.
  table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
  table.partition_filters = true;
  table.metadata_block_size = 8 << 10;
  table.pin_top_level_index_and_filter = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  // A value of `blocks` is about 16 KiB; of the rest much smaller.
  table.block_size = family == Family::kBlocks ? 16 << 10 : 8 << 10;
  if (family == Family::kKeys || family == Family::kSide) {
    // Asked for names that may not exist.
    table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
    table.whole_key_filtering = true;
  }

  rocksdb::ColumnFamilyOptions cf;
  cf.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  // Never reached by a batch of max_batch_bytes(), so no memtable is switched in the middle of a
  // checkpoint. Memory is taken as it fills, in arena blocks of the size below.
  cf.write_buffer_size = MemtableBytes(budget);
  cf.arena_block_size = family == Family::kBlocks ? 1 << 20 : 256 << 10;
  cf.max_write_buffer_number = 2;
  cf.max_write_buffer_size_to_maintain = 0;
  const auto level0 = static_cast<int>(ShareFiles(OpenFileLimit()).level0);
  cf.level0_slowdown_writes_trigger = level0 / 2 + 2;
  cf.level0_stop_writes_trigger = level0;
  cf.soft_pending_compaction_bytes_limit = kSoftPendingCompactionBytes;
  cf.hard_pending_compaction_bytes_limit = kHardPendingCompactionBytes;
  cf.level_compaction_dynamic_level_bytes = true;
  cf.target_file_size_base = size_t{is_small_disk ? 1u : 32u} << 20;
  cf.max_bytes_for_level_base = size_t{is_small_disk ? 4u : 128u} << 20;
  cf.level0_file_num_compaction_trigger = is_small_disk ? 2 : 4;
  // Each table is not read again when it is written: that would find bad memory, and takes an
  // eighth of all processor time under load (docs/performance.md).
  cf.paranoid_file_checks = false;
  cf.periodic_compaction_seconds = 24 * 60 * 60;
  cf.compression =
      Supports(rocksdb::kLZ4Compression) ? rocksdb::kLZ4Compression : rocksdb::kNoCompression;
  cf.bottommost_compression = Supports(rocksdb::kZSTD) ? rocksdb::kZSTD : cf.compression;
  cf.bottommost_compression_opts.enabled = true;
  cf.bottommost_compression_opts.level = 1;
  if (family == Family::kBlocks) {
    cf.merge_operator = std::make_shared<ConcatenationMerge>();
    // A queue adds at one end and deletes at the other: a table of level 0 spans the whole stream,
    // and so does one of a stream that only grows, by the records of its directory. It is merged
    // with all of the next level: that one is kept small.
    cf.target_file_size_base = size_t{1} << 20;
    cf.target_file_size_multiplier = 4;
    cf.max_bytes_for_level_base = size_t{4} << 20;
  }
  // Tables that are mostly tombstones are compacted soon. In a queue that keeps its length each
  // table of level 0 has as many tombstones as blocks, all of them in a row: that is no reason.
  constexpr size_t kNeverByWindow = size_t{1} << 20;
  cf.table_properties_collector_factories = {
      family == Family::kBlocks
          ? rocksdb::NewCompactOnDeletionCollectorFactory(kNeverByWindow, kNeverByWindow, 0.75)
          : rocksdb::NewCompactOnDeletionCollectorFactory(128, 64, 0.5)};
  return cf;
}

}  // namespace engine
