// The store: checkpoints in RocksDB. The journal holds what came after the newest one.
//
// Owner: the engine. Thread: reads (Get, MultiGet, Scan, statistics) from any thread;
// WriteCheckpoint and VerifyChecksums from one thread at a time. Destroying the store waits for
// RocksDB's own threads and must not overlap any call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "engine/status.h"
#include "engine/types.h"

namespace rocksdb {
class FileSystem;
}

namespace engine {

// Column families. The numbers are part of the batch encoding in memory, not of the disk format.
enum class Family : unsigned char { kKeys, kBlocks, kGroups, kSide, kSystem };
inline constexpr size_t kFamilyCount = 5;

// A key that begins with this byte belongs to the store itself (the stamp); callers never write or
// see one.
inline constexpr char kReservedKeyPrefix = '\0';

enum class StoreLogLevel : unsigned char { kDebug, kInfo, kWarning, kError };

struct StoreOptions {
  std::string directory;
  // Only for a directory known to be new. Otherwise a store that is not there is kCorruption.
  bool create_if_missing = false;
  // What RocksDB may keep in memory: an eighth is block cache (data, index and filter blocks), the
  // rest is for memtables, which hold one checkpoint and are empty between two. The largest batch
  // is max_batch_bytes().
  size_t memory_budget_bytes = size_t{72} << 20;
  int background_threads = 2;
  // The newest checkpoint that somebody else knows of (the journal). Called when RocksDB's record
  // of its files has a torn end: taking that off may not bring back an older checkpoint.
  std::function<Result<Turn>()> newest_known_turn;
  // For tests: null is the real one.
  std::shared_ptr<rocksdb::FileSystem> file_system;
  // The bytes that a compaction reads, when it begins. From any thread.
  std::function<void(uint64_t bytes)> on_compaction;
  // False: tables are not rewritten, since one of them cannot be read.
  bool compactions = true;
  // RocksDB's log lines. From any thread. Must not block or throw; what it cannot keep it drops.
  std::function<void(int level, std::string_view text)> log;
};

// Changes of one checkpoint, in order. A flat buffer; not thread-safe, movable.
class Batch {
 public:
  void Put(Family family, std::string_view key, std::string_view value);
  // kBlocks only: appends `value`, a self-contained segment, to what the key holds.
  void Merge(std::string_view key, std::string_view value);
  // Either of them (kMerge: kBlocks only), as `append` says, which appends the value: spares a copy
  // of a large one.
  enum class As : uint8_t { kPut, kMerge };
  void Append(Family family, std::string_view key, absl::FunctionRef<As(std::string*)> append);
  void Delete(Family family, std::string_view key);
  // All keys with begin <= key < end.
  void DeleteRange(Family family, std::string_view begin, std::string_view end);

  // The same, but before everything that does not say "first", whenever it was added.
  void DeleteFirst(Family family, std::string_view key);
  void DeleteRangeFirst(Family family, std::string_view begin, std::string_view end);

  // Bytes of the encoded batch, about what it takes in memtables.
  size_t byte_size() const { return first_.size() + bytes_.size(); }
  bool empty() const { return first_.empty() && bytes_.empty(); }
  // Keeps the capacity.
  void Clear() {
    first_.clear();
    bytes_.clear();
  }
  // Room for about that many bytes in all.
  void Reserve(size_t bytes) { bytes_.reserve(bytes); }

 private:
  friend class Store;
  static void Add(std::string* to, unsigned char operation, Family family, std::string_view a,
                  std::string_view b);
  using Visitor = absl::FunctionRef<void(unsigned char operation, Family family, std::string_view a,
                                         std::string_view b)>;
  static void ForEach(std::string_view operations, Visitor visit);

  std::string first_;
  std::string bytes_;
};

class Store {
 public:
  // kCorruption: damaged, incomplete or absent. kIo: the environment failed, or another process has
  // it.
  static Result<std::unique_ptr<Store>> Open(const StoreOptions& options);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // The turn of the newest checkpoint, 0 for a store without one. kCorruption when the stamps of
  // the families differ.
  Result<Turn> CheckpointTurn() const;
  // Whether it takes no more checkpoints until it is opened again. Thread: any.
  bool has_failed() const;
  // The tag that came with it; empty without a checkpoint.
  Result<std::string> CheckpointTag() const;

  // kNotFound if the key does not exist.
  Result<std::string> Get(Family family, std::string_view key) const;

  // One result per key, nothing where the key does not exist. Any other failure fails the call.
  Result<std::vector<std::optional<std::string>>> MultiGet(
      Family family, std::span<const std::string_view> keys) const;

  // Visits keys with begin <= key < end in order, at most `max_items`, until `visit` returns false.
  // An empty `end` is the end of the family. The views are valid during the call of `visit` only.
  // OK also when nothing was there; a read error is never taken for the end.
  using Visitor = std::function<bool(std::string_view key, std::string_view value)>;
  Status Scan(Family family, std::string_view begin, std::string_view end, size_t max_items,
              const Visitor& visit) const;

  // A fixed state for several reads. Pins what it sees on disk: keep it short.
  class Snapshot {
   public:
    ~Snapshot();
    Snapshot(const Snapshot&) = delete;
    Snapshot& operator=(const Snapshot&) = delete;
    Result<std::string> Get(Family family, std::string_view key) const;
    Status Scan(Family family, std::string_view begin, std::string_view end, size_t max_items,
                const Visitor& visit) const;

   private:
    friend class Store;
    Snapshot(const Store* store, const void* handle) : store_(store), handle_(handle) {}
    const Store* const store_;
    const void* const handle_;
  };
  // The snapshot must go before the store does.
  std::unique_ptr<Snapshot> TakeSnapshot() const;

  // Writes `batch` and the stamp (turn, tag) to all families as one step and returns when it is on
  // disk. After any failure the store accepts no more writes: close it and open it again; whether
  // the checkpoint took place is told by CheckpointTurn then. `batch` is unchanged.
  Status WriteCheckpoint(const Batch& batch, Turn turn, std::string_view journal_tag);

  // Compactions may write so many bytes from now on, UINT64_MAX = any number; checkpoints are not
  // held up. Called at intervals of a tenth of a second. Thread: any.
  void LimitCompactions(uint64_t bytes);
  // What `batch` has deleted is to leave the disk soon. After WriteCheckpoint.
  void ReclaimDeleted(const Batch& batch);

  // Reads everything and compares checksums. Slow.
  Status VerifyChecksums() const;

  // The largest batch the memtables are sized for.
  size_t max_batch_bytes() const;

  struct Statistics {
    uint64_t live_disk_bytes = 0;   // Table files of the current version.
    uint64_t total_disk_bytes = 0;  // With files that only snapshots and iterators still need.
    uint64_t memtable_bytes = 0;
    uint64_t block_cache_bytes = 0;
    uint64_t table_reader_bytes = 0;  // Index and filter memory outside the block cache.
    uint64_t pending_compaction_bytes = 0;
    uint64_t running_compactions = 0;
    uint64_t running_flushes = 0;
    uint64_t estimated_keys = 0;
    bool write_stopped = false;
    bool background_error = false;
    bool compaction_met_damage = false;  // It ended the store's writing; see StoreOptions.
  };
  Statistics GetStatistics() const;

 private:
  struct Impl;
  explicit Store(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace engine
