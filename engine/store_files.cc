#include "engine/store_files.h"

#include <algorithm>
#include <utility>

namespace engine {
namespace {

constexpr int kLongestPause = 64;

// RocksDB runs a compaction on one thread from beginning to end (max_subcompactions is 1).
thread_local bool is_compacting = false;

class TableFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  TableFile(std::unique_ptr<rocksdb::FSWritableFile>&& file, CompactionRoom* room)
      : FSWritableFileOwnerWrapper(std::move(file)), room_(room) {}

  using FSWritableFileOwnerWrapper::Append;
  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           rocksdb::IODebugContext* debug) override {
    return room_->Take(data.size()) ? FSWritableFileOwnerWrapper::Append(data, options, debug)
                                    : NoRoom();
  }
  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           const rocksdb::DataVerificationInfo& verification,
                           rocksdb::IODebugContext* debug) override {
    return room_->Take(data.size())
               ? FSWritableFileOwnerWrapper::Append(data, options, verification, debug)
               : NoRoom();
  }

 private:
  static rocksdb::IOStatus NoRoom() {
    return rocksdb::IOStatus::NoSpace("a compaction may not take the last room");
  }

  CompactionRoom* const room_;
};

}  // namespace

void CompactionRoom::Set(uint64_t bytes) {
  left_.store(static_cast<int64_t>(std::min<uint64_t>(bytes, INT64_MAX)),
              std::memory_order_relaxed);
  if (bytes == kNoBound) {
    Resume();
  } else if (const int pause = pause_.load(std::memory_order_relaxed); pause > 0) {
    pause_.store(pause - 1, std::memory_order_relaxed);
  }
}

bool CompactionRoom::Take(size_t bytes) {
  if (!is_compacting) {
    return true;
  }
  if (pause_.load(std::memory_order_relaxed) > 0) {
    return false;
  }
  const auto wanted = static_cast<int64_t>(bytes);
  return left_.fetch_sub(wanted, std::memory_order_relaxed) >= wanted;
}

void CompactionRoom::Begin() { is_compacting = true; }

void CompactionRoom::End(bool found_room) {
  is_compacting = false;
  if (found_room) {
    next_pause_.store(1, std::memory_order_relaxed);
    return;
  }
  if (pause_.load(std::memory_order_relaxed) > 0) {
    return;  // It has not even begun.
  }
  // It was for nothing, and would be again.
  constexpr int kIntervalsPerStep = 10;
  const int pause = next_pause_.load(std::memory_order_relaxed);
  pause_.store(pause * kIntervalsPerStep, std::memory_order_relaxed);
  next_pause_.store(std::min(pause * 2, kLongestPause), std::memory_order_relaxed);
}

StoreFiles::StoreFiles(std::shared_ptr<rocksdb::FileSystem> base, CompactionRoom* room)
    : FileSystemWrapper(base != nullptr ? std::move(base) : rocksdb::FileSystem::Default()),
      room_(room) {}

rocksdb::IOStatus StoreFiles::NewWritableFile(const std::string& name,
                                              const rocksdb::FileOptions& options,
                                              std::unique_ptr<rocksdb::FSWritableFile>* result,
                                              rocksdb::IODebugContext* debug) {
  rocksdb::IOStatus status = FileSystemWrapper::NewWritableFile(name, options, result, debug);
  // Of what a compaction writes only tables can fail without harm.
  if (status.ok() && name.ends_with(".sst")) {
    *result = std::make_unique<TableFile>(std::move(*result), room_);
  }
  return status;
}

}  // namespace engine
