// What the store does when RocksDB begins or ends something, or fails. Thread: RocksDB's own.
#pragma once

#include <rocksdb/listener.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <utility>

#include "engine/store_files.h"
#include "engine/thread_role.h"

namespace engine {

// A background error stays until the store is opened again: resuming in place loses writes.
// RocksDB's threads are shared by all stores of a process and tell what they do only here.
class StoreListener final : public rocksdb::EventListener {
 public:
  // `met_damage`: a compaction has read what is damaged.
  StoreListener(std::atomic<bool>& failed, std::atomic<bool>& met_damage, CompactionRoom& room,
                std::function<void(uint64_t)> on_compaction)
      : failed_(failed),
        met_damage_(met_damage),
        room_(room),
        on_compaction_(std::move(on_compaction)) {}
  void OnFlushBegin(rocksdb::DB* /*db*/, const rocksdb::FlushJobInfo& /*info*/) override {
    YieldToLoop(Yielding::kSome);
  }
  void OnCompactionBegin(rocksdb::DB* /*db*/, const rocksdb::CompactionJobInfo& /*info*/) override {
    YieldToLoop(Yielding::kMuch);
    CompactionRoom::Begin();
  }
  void OnCompactionCompleted(rocksdb::DB* /*db*/, const rocksdb::CompactionJobInfo& info) override {
    room_.End(!info.status.IsNoSpace());
    if (on_compaction_) {
      on_compaction_(info.stats.total_input_bytes);
    }
  }
  void OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* error) override {
    // A compaction that found no room has done nothing, and is tried again later.
    if (reason == rocksdb::BackgroundErrorReason::kCompaction && error->IsNoSpace()) {
      *error = rocksdb::Status::OK();
      return;
    }
    if (reason == rocksdb::BackgroundErrorReason::kCompaction && error->IsCorruption()) {
      met_damage_.store(true, std::memory_order_release);
    }
    // Below that, RocksDB stops its work but lets a flush wait for it.
    if (error->severity() < rocksdb::Status::Severity::kHardError) {
      *error = rocksdb::Status(*error, rocksdb::Status::Severity::kHardError);
    }
    failed_.store(true, std::memory_order_release);
  }
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason /*reason*/, rocksdb::Status /*error*/,
                            bool* auto_recovery) override {
    *auto_recovery = false;
  }

 private:
  std::atomic<bool>& failed_;
  std::atomic<bool>& met_damage_;
  CompactionRoom& room_;
  const std::function<void(uint64_t)> on_compaction_;
};

}  // namespace engine
