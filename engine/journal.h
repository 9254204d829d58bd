// The journal: one record per turn, written in order, fsynced as the sync mode says, read back
// after a crash. It owns the segment files of one directory; nobody else writes there.
//
// Owner: the engine. Life: Open, Replay, Start, then Append per turn, at the end CloseClean or the
// destructor. Thread: Open, Replay, Start, Append, TakeBuffer and CloseClean belong to the loop
// thread; the rest may be called from any thread. The bytes are described in
// docs/disk-format-journal.md.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "engine/check.h"
#include "engine/journal_file.h"
#include "engine/journal_format.h"
#include "engine/journal_segments.h"
#include "engine/journal_writer.h"
#include "engine/status.h"
#include "engine/types.h"

namespace engine {

// When a turn may be acknowledged.
enum class SyncMode : unsigned char {
  kAlways,       // After fdatasync.
  kEverySecond,  // After the write; fdatasync once per sync_interval_ms on the journal thread.
  kNo,           // After the write; the operating system decides about the rest.
};

struct JournalOptions {
  std::string directory;
  JournalStoreId store_id{};
  // Otherwise a directory that does not exist is kCorruption: a store without its journal.
  bool create_if_missing = false;
  // Replay stops at the first missing turn instead of refusing. What was lost goes to `log`.
  bool accept_loss = false;

  SyncMode sync_mode = SyncMode::kAlways;
  int64_t sync_interval_ms = 1000;
  // In kEverySecond what is appended this long (on the store's line) after the beginning of a sync
  // is written, and released, when that sync has ended.
  int64_t sync_wait_ms = 2000;
  // In kEverySecond a sync starts early once so much is not durable: many short syncs, since what
  // is written during a long one waits for the disk.
  uint64_t sync_step_bytes = uint64_t{4} << 20;
  uint64_t segment_bytes = uint64_t{32} << 20;
  // Segments allocated ahead: built up to the first number, and up to the second when they ran out
  // before. After a checkpoint as many are kept as were in use at recent ones, or the second
  // number.
  size_t min_spares = 1;
  size_t max_spares = 3;
  // kEverySecond: records not yet durable that are kept for a second attempt. Above it the oldest
  // are let go, and then a failed sync cannot be repaired.
  uint64_t retain_bytes = uint64_t{32} << 20;

  // False: no journal thread. Append writes, and syncs with kAlways, before it returns; with
  // kEverySecond only Sync does; checkpoints are applied in OnCheckpoint. For tests, with one
  // thread calling.
  bool use_thread = true;
  // Null: the real file system. Not owned, outlives the journal.
  JournalFileOps* file_ops = nullptr;
  // released_turn() moved. From the journal thread. What moves within Append is told by Append
  // returning.
  std::function<void(Turn)> on_released;
  // Once, when no turn will be released any more. From the journal thread, or from within Append.
  // Must not call back into the journal.
  std::function<void(const Status&)> on_failure;
  // Whether a segment of so many bytes may be added to the spares. Null: yes. From the journal
  // thread.
  std::function<bool(uint64_t bytes)> has_room;
  // A write or sync has failed and is about to be repeated elsewhere: frees what can be freed. From
  // the journal thread, or from within Append; must not call back into the journal.
  std::function<void()> make_room;
  // What an operator should know. Levels as in StoreOptions::log. From any thread.
  std::function<void(int, std::string_view)> log;
};

class Journal {
 public:
  // Reads the segment headers. kCorruption: a damaged header, another store's id, a missing
  // directory.
  static Result<std::unique_ptr<Journal>> Open(JournalOptions options);
  // The newest checkpoint that any segment in the directory names, 0 without one. Reads headers
  // only, of whatever store; damaged ones are passed over. Thread: any.
  static Result<Turn> NewestCheckpoint(JournalFileOps& ops, const std::string& directory);
  // Writes and syncs what is queued, unless failed.
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  // Whether any segment is in use: what a store without a checkpoint must not find.
  bool HasSegments() const;

  // Yields the records above `after_turn` (the store's checkpoint) in order and without a gap, up
  // to the torn tail. Decides before the first call of `visit` whether anything durable is missing:
  // kCorruption then, saying how many turns. A failure of `visit` ends the replay and is returned.
  // The payload is valid during the call only.
  Status Replay(Turn after_turn, const std::function<Status(const JournalRecord&)>& visit);

  // Opens a segment under a new epoch, which voids what Replay cut, and starts the journal thread.
  // Precondition: Replay returned OK. The first turn appended is last_turn() + 1.
  Status Start();

  // Hands over one turn. Turns go up by one. `payload` may come from TakeBuffer and is given back
  // there. kAlways: queued, returns at once. Otherwise written in this thread before it returns, or
  // queued, too, if this thread would have to wait for anything but the write itself. No result:
  // see released_turn() and failed().
  void Append(Turn turn, int64_t store_ms, std::string payload);

  // An empty string, with room left from an earlier record if there is one.
  std::string TakeBuffer();

  // The newest turn whose replies may leave under the current mode.
  Turn released_turn() const { return released_turn_.load(std::memory_order_acquire); }
  // The newest turn that survives a power cut.
  Turn durable_turn() const { return durable_turn_.load(std::memory_order_acquire); }
  // The newest turn replayed or appended. Thread: loop.
  Turn last_turn() const { return last_turn_; }
  bool failed() const { return failed_.load(std::memory_order_acquire); }

  SyncMode sync_mode() const { return mode_.load(std::memory_order_acquire); }
  void SetSyncMode(SyncMode mode);

  // Blocks until all that was appended before the call is durable. kIo if it cannot be.
  Status Sync();

  // The store holds everything up to `turn` durably: such segments become spares, and these turns
  // count as durable. Returns at once; the journal thread does the work.
  void OnCheckpoint(Turn turn);

  // After a checkpoint of last_turn(): stops the thread and voids every segment.
  Status CloseClean();

  // Record bytes that a recovery would replay; exact to 256 KB.
  uint64_t bytes_since_checkpoint() const;
  // Record bytes that still fit into allocated segments. Refuse growth when this runs low.
  uint64_t headroom_bytes() const { return headroom_bytes_.load(std::memory_order_relaxed); }
  // Bytes of all segment files.
  uint64_t disk_bytes() const { return disk_bytes_.load(std::memory_order_relaxed); }
  // Payload bytes queued and not yet written. The journal accepts any number: whoever makes turns
  // has to stop at a bound of its own.
  uint64_t queued_bytes() const { return queued_bytes_.load(std::memory_order_relaxed); }
  uint64_t sync_count() const { return sync_count_.load(std::memory_order_relaxed); }
  // Times a failed write or sync was repaired on another segment.
  uint64_t failover_count() const { return failover_count_.load(std::memory_order_relaxed); }

 private:
  explicit Journal(JournalOptions options);

  void RunThread();
  void WaitForWork(bool* stop, bool* sync);
  bool WriteInline(JournalRecordBuffer* record);
  void Enqueue(JournalRecordBuffer record);
  void WriteQueued();
  void WriteHeldUp();
  void NoteAppended(Turn turn, int64_t store_ms, uint64_t bytes);
  void ShedCapacity(std::string* payload);
  void SyncDirty();
  void NoteCheckpoint(Turn turn);
  void ApplyCheckpoint();
  void BeginSpare();
  void BuildSpares();
  void NotifyProgress();
  void StopThread();

  // With io_mutex_ held.
  // Also with mutex_ held.
  void TakeQueue();
  void WriteBatch();
  void AskForSync(Turn written);
  void RepairWrite(const Status& cause);
  void PublishDurable(Turn turn);
  void LimitKept();
  void Fail(const Status& cause);
  void UpdateGauges();

  bool WantsSpare() const;

  void Recycle(std::vector<std::unique_ptr<JournalSegment>> covered, const SegmentHeader& header,
               size_t most_spares);
  // Buffers that will not be used again stay until FreeUnused: freeing many takes time, and this is
  // called with io_mutex_ held.
  void GiveBack(std::vector<std::string> buffers);
  void FreeUnused();
  void Log(int level, const std::string& text) const;

  const JournalOptions options_;
  JournalFileOps& file_ops_;

  std::atomic<SyncMode> mode_;
  std::atomic<Turn> durable_turn_{0};
  std::atomic<Turn> released_turn_{0};
  std::atomic<Turn> written_turn_{0};
  std::atomic<bool> failed_{false};
  std::atomic<uint64_t> headroom_bytes_{0};
  std::atomic<uint64_t> disk_bytes_{0};
  std::atomic<uint64_t> sync_count_{0};
  std::atomic<uint64_t> failover_count_{0};
  std::atomic<uint64_t> queued_bytes_{0};

  // Loop thread.
  Turn last_turn_ = 0;
  Turn replayed_after_ = 0;
  bool replayed_ = false;
  bool started_ = false;

  // Lock order: io_mutex_ before mutex_. io_mutex_ is held for the time of a write, never of a
  // plain sync. Who holds it takes the queue and writes it, so records are written in order. The
  // loop never waits for it once the thread runs.
  mutable std::mutex io_mutex_;
  JournalSegments segments_ WEIR_GUARDED_BY(io_mutex_);
  JournalWriter writer_ WEIR_GUARDED_BY(io_mutex_);
  std::vector<JournalRecordBuffer> batch_ WEIR_GUARDED_BY(io_mutex_);  // Being written.
  size_t spare_target_ WEIR_GUARDED_BY(io_mutex_);
  bool had_no_spare_ WEIR_GUARDED_BY(io_mutex_) = true;
  size_t recent_live_ WEIR_GUARDED_BY(io_mutex_) = 0;  // Most segments in use, going down slowly.

  mutable std::mutex mutex_;
  std::condition_variable wake_;      // For the journal thread.
  std::condition_variable progress_;  // For Sync.
  std::vector<JournalRecordBuffer> queue_ WEIR_GUARDED_BY(mutex_);
  bool spare_wanted_ WEIR_GUARDED_BY(mutex_) = true;
  bool spare_failed_ WEIR_GUARDED_BY(mutex_) = false;  // No further try in this interval.
  bool stop_ WEIR_GUARDED_BY(mutex_) = false;
  Turn appended_turn_ WEIR_GUARDED_BY(mutex_) = 0;
  bool sync_requested_ WEIR_GUARDED_BY(mutex_) = false;
  Turn sync_target_ WEIR_GUARDED_BY(mutex_) = 0;  // The newest turn a Sync waits for.
  bool sync_running_ WEIR_GUARDED_BY(mutex_) = false;
  int64_t sync_started_ms_ WEIR_GUARDED_BY(mutex_) = 0;  // Of the newest one.
  int64_t newest_store_ms_ WEIR_GUARDED_BY(mutex_) = 0;  // What sync_started_ms_ is read from.
  Turn checkpoint_turn_ WEIR_GUARDED_BY(mutex_) = 0;
  uint64_t appended_bytes_ WEIR_GUARDED_BY(mutex_) = 0;
  uint64_t checkpoint_bytes_ WEIR_GUARDED_BY(mutex_) = 0;
  std::deque<std::pair<Turn, uint64_t>> marks_
      WEIR_GUARDED_BY(mutex_);  // Turn and appended_bytes_ after it.

  // After the others. The loop does without a buffer rather than wait for it.
  std::mutex buffers_mutex_;
  std::vector<std::string> free_buffers_ WEIR_GUARDED_BY(buffers_mutex_);
  size_t free_bytes_ WEIR_GUARDED_BY(buffers_mutex_) = 0;  // Of free_buffers_.
  std::vector<std::string> unused_ WEIR_GUARDED_BY(buffers_mutex_);

  // Journal thread.
  int64_t round_ms_ = 0;  // When sync_interval_ms was up, on the store's line.
  Turn recycled_turn_ = 0;
  Turn notified_turn_ = 0;
  std::unique_ptr<JournalSpareBuilder> spare_builder_;

  std::thread thread_;
};

}  // namespace engine
