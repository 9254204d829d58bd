#include "engine/journal.h"

#include <algorithm>
#include <utility>

#include "engine/fault_point.h"
#include "engine/journal_reader.h"

namespace engine {
namespace {

constexpr int kLogWarning = 2;
constexpr int kLogError = 3;

// Segments that are tried, one after the other, when a write or sync has failed.
constexpr int kFailovers = 2;

constexpr uint64_t kMarkBytes = uint64_t{256} << 10;

// Buffers kept for reuse: enough for the turns that wait for a sync, since memory that was used
// before is cheaper; not for a burst of giant ones. Of small ones a few do.
constexpr size_t kFewBuffers = 64;
constexpr size_t kMinFreeBufferBytes = size_t{4} << 10;
constexpr size_t kMaxFreeBufferBytes = size_t{1} << 20;
constexpr size_t kMaxFreeBytes = size_t{16} << 20;
// A record that fills less than this part of its buffer is copied, so that what waits for a sync
// takes no more than this many times its size.
constexpr size_t kWorstFilling = 4;
// Records up to this are written by the thread that appends them.
constexpr size_t kMaxInlineBytes = size_t{1} << 20;

void Raise(std::atomic<Turn>& turn, Turn to) {
  Turn seen = turn.load(std::memory_order_relaxed);
  while (seen < to && !turn.compare_exchange_weak(seen, to, std::memory_order_acq_rel)) {
  }
}

}  // namespace

Journal::Journal(JournalOptions options)
    : options_(std::move(options)),
      file_ops_(options_.file_ops != nullptr ? *options_.file_ops : PosixJournalFileOps()),
      mode_(options_.sync_mode),
      segments_(file_ops_, options_.directory, options_.store_id, options_.segment_bytes),
      writer_(segments_),
      spare_target_(options_.min_spares) {}

Result<std::unique_ptr<Journal>> Journal::Open(JournalOptions options) {
  std::unique_ptr<Journal> journal(new Journal(std::move(options)));
  JournalSegments::LoadOptions load;
  load.create_if_missing = journal->options_.create_if_missing || journal->options_.accept_loss;
  load.drop_damaged = journal->options_.accept_loss;
  RETURN_IF_ERROR(journal->segments_.Load(load));
  // There is one from the first start on.
  if (!load.create_if_missing && journal->segments_.live().empty() &&
      journal->segments_.spares().empty()) {
    return Status(Code::kCorruption, "journal directory " + journal->options_.directory +
                                         " has no segments: what it held cannot be told; "
                                         "--accept-loss starts without it");
  }
  return journal;
}

Result<Turn> Journal::NewestCheckpoint(JournalFileOps& ops, const std::string& directory) {
  return JournalSegments::NewestCheckpoint(ops, directory);
}

Journal::~Journal() { StopThread(); }

bool Journal::HasSegments() const {
  const std::lock_guard io(io_mutex_);
  return !segments_.live().empty();
}

Status Journal::Replay(Turn after_turn, const std::function<Status(const JournalRecord&)>& visit) {
  const std::lock_guard io(io_mutex_);
  CHECK(!started_);
  JournalReader reader(segments_, after_turn);
  const Status verdict = reader.Examine();
  if (!verdict.ok()) {
    if (verdict.code() != Code::kCorruption || !options_.accept_loss) {
      return verdict;
    }
    Log(kLogError, "loss accepted: " + verdict.message());
  }
  if (reader.newest_turn_seen() > reader.last_turn()) {
    Log(kLogWarning, "journal tail after turn " + std::to_string(reader.last_turn()) +
                         " is incomplete and has been cut; none of it had been synced");
  }
  RETURN_IF_ERROR(reader.Replay([this, &visit](const JournalRecord& record) {
    NoteAppended(record.turn, record.store_ms, record.payload.size());
    return visit(record);
  }));
  replayed_after_ = after_turn;
  last_turn_ = reader.last_turn();
  replayed_ = true;
  return OkStatus();
}

Status Journal::Start() {
  CHECK(replayed_ && !started_);
  {
    const std::lock_guard io(io_mutex_);
    // What was read may be in the page cache only, and from here on it is called durable.
    for (const auto& segment : segments_.live()) {
      RETURN_IF_ERROR(segment->file->Sync());
    }
    // A file may have got its name from a process that died before it could sync that.
    RETURN_IF_ERROR(segments_.SyncDirectory());
    FAULT_POINT("recovery.segments_synced");
    // A life that ends before its first checkpoint has recycled them would otherwise leave one
    // segment more each time.
    auto surplus = segments_.ReuseCovered(replayed_after_, options_.max_spares);
    RETURN_IF_ERROR(writer_.Begin(last_turn_, replayed_after_));
    FAULT_POINT("recovery.epoch_begun");
    for (auto& segment : surplus) {
      RETURN_IF_ERROR(segments_.Delete(std::move(segment)));
    }
    UpdateGauges();
  }
  Raise(written_turn_, last_turn_);
  Raise(durable_turn_, last_turn_);
  Raise(released_turn_, last_turn_);
  notified_turn_ = last_turn_;
  recycled_turn_ = replayed_after_;
  {
    const std::lock_guard lock(mutex_);
    appended_turn_ = last_turn_;
    checkpoint_turn_ = replayed_after_;
  }
  started_ = true;
  if (options_.use_thread) {
    thread_ = std::thread([this] { RunThread(); });
  }
  return OkStatus();
}

void Journal::Append(Turn turn, int64_t store_ms, std::string payload) {
  CHECK(started_ && turn == last_turn_ + 1);
  last_turn_ = turn;
  NoteAppended(turn, store_ms, payload.size());
  ShedCapacity(&payload);
  if (PLANTED_BUG("reply_before_write")) {
    Raise(released_turn_, turn);
  }
  JournalRecordBuffer record{turn, store_ms, std::move(payload)};
  if (options_.use_thread) {
    if (sync_mode() == SyncMode::kAlways || !WriteInline(&record)) {
      Enqueue(std::move(record));
    }
    return;
  }
  {
    const std::lock_guard io(io_mutex_);
    batch_.push_back(std::move(record));
    WriteBatch();
  }
  FreeUnused();
  if (sync_mode() == SyncMode::kAlways) {
    SyncDirty();
  }
}

// False, with `record` untouched, if this thread would have to wait: for the other thread, for a
// disk that is stuck, or for a file to be made.
bool Journal::WriteInline(JournalRecordBuffer* record) {
  const std::unique_lock io(io_mutex_, std::try_to_lock);
  if (!io.owns_lock()) {
    return false;
  }
  {
    const std::lock_guard lock(mutex_);
    uint64_t bytes = FragmentBytes(record->payload.size());
    for (const JournalRecordBuffer& queued : queue_) {
      bytes += FragmentBytes(queued.payload.size());
    }
    // A disk that cannot keep up would otherwise let more than a second or two of turns pile up
    // unsynced.
    const bool is_stuck =
        sync_running_ && record->store_ms - sync_started_ms_ > options_.sync_wait_ms;
    if (bytes > kMaxInlineBytes || is_stuck || !writer_.HasRoom(bytes)) {
      return false;
    }
    TakeQueue();
  }
  const Turn turn = record->turn;
  batch_.push_back(std::move(*record));
  WriteBatch();
  AskForSync(turn);
  return true;
}

void Journal::Enqueue(JournalRecordBuffer record) {
  const std::lock_guard lock(mutex_);
  queued_bytes_.fetch_add(record.payload.size(), std::memory_order_relaxed);
  // Whoever waits for this turn may have asked before it was here.
  sync_requested_ |= sync_target_ >= record.turn;
  queue_.push_back(std::move(record));
  wake_.notify_one();
}

void Journal::AskForSync(Turn written) {
  const bool is_much =
      sync_mode() == SyncMode::kEverySecond && writer_.kept_bytes() >= options_.sync_step_bytes;
  const std::lock_guard lock(mutex_);
  const bool wants_spare = WantsSpare() && !spare_wanted_ && !spare_failed_;
  // A sync that was asked for while this turn was being written may have run without it.
  const bool was_missed = sync_target_ >= written || sync_mode() == SyncMode::kAlways;
  if (was_missed || wants_spare || (is_much && !sync_running_)) {
    sync_requested_ |= was_missed || is_much;
    spare_wanted_ |= wants_spare;
    wake_.notify_one();
  }
}

void Journal::NoteAppended(Turn turn, int64_t store_ms, uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  appended_turn_ = turn;
  newest_store_ms_ = store_ms;
  appended_bytes_ += FragmentBytes(bytes);
  if (marks_.empty() || appended_bytes_ - marks_.back().second >= kMarkBytes) {
    marks_.emplace_back(turn, appended_bytes_);
  }
}

// A record that fills little of its buffer is copied: otherwise what waits for a sync would take
// many times its size.
void Journal::ShedCapacity(std::string* payload) {
  if (sync_mode() == SyncMode::kNo || payload->capacity() < kMinFreeBufferBytes ||
      payload->size() >= payload->capacity() / kWorstFilling) {
    return;
  }
  std::vector<std::string> buffers(1, *payload);
  buffers[0].swap(*payload);
  GiveBack(std::move(buffers));
}

std::string Journal::TakeBuffer() {
  const std::unique_lock lock(buffers_mutex_, std::try_to_lock);
  if (!lock.owns_lock() || free_buffers_.empty()) {
    return std::string();
  }
  std::string buffer = std::move(free_buffers_.back());
  free_buffers_.pop_back();
  free_bytes_ -= buffer.capacity();
  return buffer;
}

void Journal::GiveBack(std::vector<std::string> buffers) {
  const std::lock_guard lock(buffers_mutex_);
  for (std::string& buffer : buffers) {
    const size_t bytes = buffer.capacity();
    const bool is_small = bytes < kMinFreeBufferBytes && free_buffers_.size() >= kFewBuffers;
    if (is_small || bytes > kMaxFreeBufferBytes || free_bytes_ + bytes > kMaxFreeBytes) {
      unused_.push_back(std::move(buffer));
      continue;
    }
    buffer.clear();
    free_bytes_ += bytes;
    free_buffers_.push_back(std::move(buffer));
  }
}

void Journal::FreeUnused() {
  std::vector<std::string> unused;
  const std::lock_guard lock(buffers_mutex_);
  unused.swap(unused_);  // Freed when the lock is not held any more.
}

void Journal::SetSyncMode(SyncMode mode) {
  mode_.store(mode, std::memory_order_release);
  const std::lock_guard lock(mutex_);
  // What was written under a weaker mode must not stay unsynced under a stronger one.
  sync_requested_ = true;
  wake_.notify_one();
}

Status Journal::Sync() {
  if (!options_.use_thread) {
    SyncDirty();
  }
  std::unique_lock lock(mutex_);
  const Turn target = appended_turn_;
  sync_target_ = target;
  sync_requested_ = true;
  wake_.notify_one();
  progress_.wait(lock, [this, target] {
    return durable_turn() >= target || failed() || stop_ || !options_.use_thread;
  });
  if (durable_turn() >= target) {
    return OkStatus();
  }
  return Status(Code::kIo, "the journal cannot be synced");
}

void Journal::OnCheckpoint(Turn turn) {
  NoteCheckpoint(turn);
  if (!options_.use_thread) {
    ApplyCheckpoint();
  }
}

void Journal::NoteCheckpoint(Turn turn) {
  const std::lock_guard lock(mutex_);
  checkpoint_turn_ = std::max(checkpoint_turn_, turn);
  while (!marks_.empty() && marks_.front().first <= turn) {
    checkpoint_bytes_ = marks_.front().second;
    marks_.pop_front();
  }
  if (turn >= appended_turn_) {
    checkpoint_bytes_ = appended_bytes_;
  }
  wake_.notify_one();
}

uint64_t Journal::bytes_since_checkpoint() const {
  const std::lock_guard lock(mutex_);
  return appended_bytes_ - checkpoint_bytes_;
}

Status Journal::CloseClean() {
  StopThread();
  if (failed()) {
    return Status(Code::kIo, "the journal has failed");
  }
  const std::lock_guard io(io_mutex_);
  FAULT_POINT("close.before_void");
  return segments_.VoidAll(last_turn_, options_.max_spares);
}

void Journal::StopThread() {
  if (!thread_.joinable()) {
    if (started_) {
      SyncDirty();
    }
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    wake_.notify_one();
    progress_.notify_all();
  }
  thread_.join();
}

void Journal::TakeQueue() {
  CHECK(batch_.empty());
  batch_.swap(queue_);
  queued_bytes_.store(0, std::memory_order_relaxed);
}

void Journal::WriteBatch() {
  const Turn turn = batch_.back().turn;
  if (failed()) {
    batch_.clear();
  } else {
    FAULT_POINT("journal.before_write");
    const Status status = writer_.Append(batch_, durable_turn());
    FAULT_POINT("journal.after_write");
    if (!status.ok()) {
      RepairWrite(status);
    }
  }
  if (failed()) {
    return;
  }
  // Ran out, and may again.
  const bool has_none = segments_.spares().empty();
  if (has_none && !had_no_spare_) {
    spare_target_ = std::min(spare_target_ + 1, std::max(options_.max_spares, options_.min_spares));
  }
  had_no_spare_ = has_none;
  Raise(written_turn_, turn);
  if (PLANTED_BUG("reply_before_sync")) {
    Raise(released_turn_, turn);
  }
  if (sync_mode() != SyncMode::kAlways) {
    Raise(released_turn_, turn);
    LimitKept();
  }
  UpdateGauges();
}

void Journal::LimitKept() {
  if (sync_mode() == SyncMode::kNo) {
    GiveBack(writer_.LetGoThrough(written_turn_.load(std::memory_order_relaxed)));
  } else if (writer_.kept_bytes() > options_.retain_bytes) {
    GiveBack(writer_.LetGoAbove(options_.retain_bytes));
  }
}

void Journal::SyncDirty() {
  std::vector<JournalSegment*> dirty;
  Turn turn = 0;
  {
    const std::lock_guard io(io_mutex_);
    if (failed() || !writer_.is_dirty()) {
      return;
    }
    dirty = writer_.TakeDirty();
    turn = written_turn_.load(std::memory_order_relaxed);
  }
  {
    const std::lock_guard lock(mutex_);
    sync_running_ = true;
    sync_started_ms_ = newest_store_ms_;
  }
  Status status;
  for (JournalSegment* segment : dirty) {
    FAULT_POINT("journal.before_sync");
    status = PLANTED_BUG("journal_sync_skipped") ? OkStatus() : segment->file->Sync();
    FAULT_POINT("journal.after_sync");
    if (!status.ok()) {
      break;
    }
  }
  sync_count_.fetch_add(1, std::memory_order_relaxed);
  {
    const std::lock_guard io(io_mutex_);
    if (failed()) {
      // Too late, whatever it says.
    } else if (status.ok()) {
      PublishDurable(turn);
    } else {
      for (JournalSegment* segment : dirty) {
        segment->is_suspect = true;
      }
      // An append may have failed and been repaired meanwhile: then these turns are safe elsewhere.
      if (durable_turn() >= turn) {
        Log(kLogWarning, "journal: " + status.message() + "; repaired before");
      } else if (writer_.has_hole(durable_turn())) {
        Fail(status);
      } else {
        RepairWrite(status);
      }
    }
  }
  const std::lock_guard lock(mutex_);
  sync_running_ = false;
  progress_.notify_all();
}

void Journal::RepairWrite(const Status& cause) {
  Log(kLogWarning, "journal: " + cause.message() + "; going on in another segment");
  const bool hole = writer_.has_hole(durable_turn());
  Status status;
  for (int attempt = 0; attempt < kFailovers; ++attempt) {
    if (options_.make_room) {
      options_.make_room();
    }
    status = writer_.Failover(durable_turn());
    if (status.ok()) {
      break;
    }
  }
  if (!status.ok()) {
    Fail(status);
    return;
  }
  FAULT_POINT("journal.failed_over");
  failover_count_.fetch_add(1, std::memory_order_relaxed);
  Raise(written_turn_, writer_.newest_turn());
  if (!hole) {
    PublishDurable(writer_.newest_turn());
  }
  UpdateGauges();
}

void Journal::PublishDurable(Turn turn) {
  Raise(durable_turn_, turn);
  Raise(released_turn_, turn);
  segments_.LeaveWitness(durable_turn());
  GiveBack(writer_.LetGoThrough(durable_turn()));
}

void Journal::Fail(const Status& cause) {
  if (failed_.exchange(true, std::memory_order_acq_rel)) {
    return;
  }
  Log(kLogError, "journal failed: " + cause.message());
  if (options_.on_failure) {
    options_.on_failure(cause);
  }
  const std::lock_guard lock(mutex_);
  progress_.notify_all();
}

void Journal::UpdateGauges() {
  headroom_bytes_.store(segments_.spare_bytes() + writer_.room_bytes(), std::memory_order_relaxed);
  disk_bytes_.store(segments_.disk_bytes(), std::memory_order_relaxed);
}

void Journal::Log(int level, const std::string& text) const {
  if (options_.log) {
    options_.log(level, text);
  }
}

}  // namespace engine
