// The files of RocksDB, with a bound on what its compactions may write: on a nearly full disk they
// must not take the room that the journal and the checkpoints need.
//
// A compaction that meets the bound fails as on a full disk, has changed nothing, and is tried
// again later. Owner: Store. Thread: any.
#pragma once

#include <rocksdb/file_system.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

namespace engine {

class CompactionRoom {
 public:
  static constexpr uint64_t kNoBound = UINT64_MAX;

  // So many bytes from now on. Called at intervals; each call brings the end of a pause nearer.
  void Set(uint64_t bytes);
  // Takes bytes for the calling thread; true for a thread that runs no compaction.
  bool Take(size_t bytes);
  // The compaction of the calling thread begins, and has ended; it did not find room.
  static void Begin();
  void End(bool found_room);
  // Something was deleted: a try may succeed now.
  void Resume() { pause_.store(0, std::memory_order_relaxed); }

 private:
  std::atomic<int64_t> left_{INT64_MAX};
  // Intervals for which compactions fail at once, and how many of them the next failure adds.
  std::atomic<int> pause_{0};
  std::atomic<int> next_pause_{1};
};

class StoreFiles final : public rocksdb::FileSystemWrapper {
 public:
  // `base` null: the real ones. `room` outlives the files.
  StoreFiles(std::shared_ptr<rocksdb::FileSystem> base, CompactionRoom* room);
  const char* Name() const override { return "StoreFiles"; }
  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* result,
                                    rocksdb::IODebugContext* debug) override;

 private:
  CompactionRoom* const room_;
};

}  // namespace engine
