// Persistence: the turn's record to the journal, checkpoints to the store, and back again at start.
//
// Owner: Core. Thread: loop, but for Read() and ScanFamily() (reader threads) and the checkpoint
// thread inside. Directory layout and failure handling: docs/disk-format.md, docs/operations.md.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "engine/check.h"
#include "engine/core.h"
#include "engine/data_directory.h"
#include "engine/disk_guard.h"
#include "engine/journal.h"
#include "engine/limits.h"
#include "engine/status.h"
#include "engine/store.h"
#include "engine/worker.h"

namespace engine {

class Decoder;

class Persistence {
 public:
  explicit Persistence(Core* core);
  ~Persistence();

  // Opens or creates the store, loads the newest checkpoint's meta record, replays the journal.
  Status Open(Now now);
  // For the checker: opens an existing store, runs `on_checkpoint` on it, then replays the journal
  // in memory. Writes nothing; no turn may follow.
  Status OpenForCheck(const std::function<Status()>& on_checkpoint);
  // See Engine::EndTurn.
  void EndTurn(Now now);
  Status CheckpointNow();
  // kLimit when one is running or asked for already.
  Status RequestCheckpoint(std::function<void(Status)> done);
  Status Close();
  void RunOnCheckpointThread(std::function<void()> work);
  // After Close: no thread of its own runs any more, and none posts anything.
  void StopThreads();

  // What the cache of objects gets of a memory budget.
  static uint64_t CacheShare(uint64_t memory_budget_bytes);

  // Makes the mode in the options take effect.
  void ApplyFsyncMode();
  Turn released_turn() const { return journal_->released_turn(); }
  Journal& journal() { return *journal_; }
  const Journal& journal() const { return *journal_; }
  Store::Statistics StoreStatistics() const;
  // See Engine.
  Status CanWrite() const;
  Status CanGrow(uint64_t request_bytes) const;
  DiskGuard& disk() { return *disk_; }
  const DiskGuard& disk() const { return *disk_; }

  // Reads from the newest checkpoint. kIo while the store is being reopened after a failure.
  Result<std::string> Read(Family family, const std::string& key) const;
  Status ScanFamily(
      Family family, const std::string& begin, const std::string& end,
      const std::function<bool(std::string_view key, std::string_view value)>& visit) const;

  // All records of a family, the store's own apart.
  Status ScanStore(
      Family family,
      const std::function<void(std::string_view key, std::string_view value)>& visit) const;

  // Asked for, and to begin at the end of this turn.
  bool checkpoint_requested() const { return checkpoint_requested_; }
  uint64_t checkpoint_count() const { return checkpoint_count_; }
  Turn checkpoint_turn() const { return checkpoint_turn_; }
  bool last_checkpoint_ok() const { return last_checkpoint_ok_; }
  int64_t last_checkpoint_unix_s() const { return last_checkpoint_unix_s_; }

 private:
  void WatchDisk();
  Status OpenStore(bool create);
  Status LoadMeta();
  // Keys whose effects an earlier recovery has kept.
  Status LoadDamagedKeys();
  Status CountTotals();
  void ReadDatabases(Decoder* decoder, uint8_t version, uint64_t count);
  Status WriteFirstCheckpoint();
  Status OpenJournal(bool is_new);
  Status Replay(Now now);
  std::string EncodeMeta() const;
  Status DecodeMeta(std::string_view stored);

  void CommitTurn(Now now);
  void UpdateStanding();
  void AdvanceCheckpoint();
  bool CheckpointIsDue() const;
  bool HoldsWhatIsOld() const;
  void BeginCheckpoint();
  void LaunchCheckpoint();
  // On the checkpoint thread: writes, and after a failure reopens the store.
  Status Write(const Batch& batch, Turn turn);
  Status WriteOrReopen(const Batch& batch, Turn turn);
  void CompleteCheckpoint();
  // The rest of a checkpoint that was written, in slices of about `max_units` units.
  void ConfirmCheckpoint(size_t max_units);
  void BeginForgetting();
  bool ForgetStoredChanges(size_t* max_keys);
  void AnswerWaiting(const Status& result);
  void ComeBackSoon();

  Core& core_;
  // The store's share follows the budget of the start: RocksDB's sizes are fixed while it is open,
  // and a reopening in between changes nothing.
  const uint64_t opening_budget_;
  DataDirectory directory_;
  JournalStoreId store_id_{};
  int64_t meta_store_ms_ = 0;  // Store time that the meta record had at start.
  std::unique_ptr<Journal> journal_;
  // Readers hold it shared; reopening holds it alone.
  mutable std::shared_mutex store_mutex_;
  std::unique_ptr<Store> store_ WEIR_GUARDED_BY(store_mutex_);

  std::unique_ptr<DiskGuard> disk_;
  // What a small file system can bear.
  uint64_t segment_bytes_ = 0;
  uint64_t checkpoint_bytes_ = 0;
  uint64_t dirty_cap_bytes_ = kDirtyCapBytes;
  uint64_t journal_cap_bytes_ = kJournalCapBytes;
  // Apart from the disk's level: checkpoints fail, or do not keep up, and what they have to save
  // comes near its limit (no growth), or is there.
  enum class Standing : uint8_t { kOpen, kBehind, kNoGrowth, kNoWrites };
  Standing standing_ = Standing::kOpen;
  int64_t next_look_ms_ = 0;  // Without threads: at the disk, in store time.

  bool closing_ = false;
  // A table cannot be read: compactions would fail again and again, and checkpoints with them.
  bool compactions_off_ = false;  // Thread: checkpoint.
  bool checkpoint_requested_ = false;
  std::vector<std::function<void(Status)>> waiting_;  // For the running or next checkpoint.
  std::vector<uint64_t> frozen_key_counts_;           // Per logical database.
  std::vector<uint32_t> frozen_physicals_;
  uint64_t frozen_changes_ = 0;
  // How far ForgetStoredChanges is: which of frozen_physicals_, and where in it.
  size_t forgetting_ = 0;
  std::pair<uint64_t, std::string> forget_from_;
  bool keeps_changes_ = false;  // A scan that began before the checkpoint will look at them.
  uint64_t checkpoint_count_ = 0;
  Turn checkpoint_turn_ = 0;
  int64_t last_checkpoint_unix_s_ = 0;
  int64_t now_unix_s_ = 0;
  int64_t retry_after_ms_ = 0;  // Store time before which no new checkpoint starts by itself.
  int64_t now_store_ms_ = 0;
  int64_t last_begin_ms_ = 0;   // Of the newest checkpoint, or the start; store time.
  int64_t last_append_ms_ = 0;  // To the journal, store time.
  bool last_checkpoint_ok_ = true;

  std::mutex result_mutex_;
  std::condition_variable result_ready_;
  std::optional<Status> result_ WEIR_GUARDED_BY(result_mutex_);

  std::unique_ptr<WorkerPool> checkpoint_thread_;  // Last: stops first.
};

}  // namespace engine
