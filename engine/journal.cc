#include "engine/journal.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "engine/journal_reader.h"

namespace engine {
namespace {

constexpr int kLogWarning = 2;
constexpr int kLogError = 3;

constexpr uint64_t kMarkBytes = uint64_t{256} << 10;

// Buffers kept for reuse: enough for the turns in flight, not for a burst of giant ones.
constexpr size_t kMaxFreeBuffers = 64;
constexpr size_t kMaxFreeBufferBytes = size_t{1} << 20;

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
      writer_(segments_) {}

Result<std::unique_ptr<Journal>> Journal::Open(JournalOptions options) {
  std::unique_ptr<Journal> journal(new Journal(std::move(options)));
  JournalSegments::LoadOptions load;
  load.create_if_missing = journal->options_.create_if_missing;
  load.drop_damaged = journal->options_.accept_loss;
  RETURN_IF_ERROR(journal->segments_.Load(load));
  return journal;
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
    RETURN_IF_ERROR(writer_.Begin(last_turn_, replayed_after_));
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
  const SyncMode mode = sync_mode();
  if (options_.use_thread) {
    const std::lock_guard lock(mutex_);
    // Only this thread adds to the queue, so what is decided here stays true.
    if (mode == SyncMode::kAlways || !queue_.empty() || batch_in_progress_) {
      queued_bytes_.fetch_add(payload.size(), std::memory_order_relaxed);
      queue_.push_back({turn, store_ms, std::move(payload)});
      wake_.notify_one();
      return;
    }
  }
  if (mode == SyncMode::kEverySecond) {
    WaitForStuckSync(store_ms);
  }
  inline_batch_.push_back({turn, store_ms, std::move(payload)});
  WriteBatch(inline_batch_);
  RequestMissedSync(turn);
  if (!options_.use_thread && mode == SyncMode::kAlways) {
    SyncDirty();
  }
}

void Journal::RequestMissedSync(Turn turn) {
  const std::lock_guard lock(mutex_);
  // A sync that was asked for while this turn was being written may have run without it.
  if (sync_target_ >= turn || sync_mode() == SyncMode::kAlways) {
    sync_requested_ = true;
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

void Journal::WaitForStuckSync(int64_t store_ms) {
  std::unique_lock lock(mutex_);
  // A disk that cannot keep up would otherwise let more than a second or two of turns pile up
  // unsynced.
  progress_.wait(lock, [this, store_ms] {
    return !sync_running_ || store_ms - sync_started_ms_ <= options_.sync_wait_ms || failed();
  });
}

std::string Journal::TakeBuffer() {
  const std::lock_guard lock(mutex_);
  if (free_buffers_.empty()) {
    return std::string();
  }
  std::string buffer = std::move(free_buffers_.back());
  free_buffers_.pop_back();
  return buffer;
}

void Journal::GiveBack(std::vector<std::string> buffers) {
  const std::lock_guard lock(mutex_);
  for (std::string& buffer : buffers) {
    if (free_buffers_.size() < kMaxFreeBuffers && buffer.capacity() <= kMaxFreeBufferBytes) {
      buffer.clear();
      free_buffers_.push_back(std::move(buffer));
    }
  }
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

void Journal::RunThread() {
  std::vector<JournalRecordBuffer> batch;
  bool stop = false;
  while (!stop) {
    bool sync = false;
    WaitForWork(batch, &stop, &sync);
    if (!batch.empty()) {
      WriteBatch(batch);
      const std::lock_guard lock(mutex_);
      batch_in_progress_ = false;
    }
    if (sync || stop || sync_mode() == SyncMode::kAlways) {
      SyncDirty();
    }
    NotifyProgress();
    if (!stop) {
      ApplyCheckpoint();
      BuildSpares();
      NotifyProgress();
    }
  }
}

void Journal::WaitForWork(std::vector<JournalRecordBuffer>& batch, bool* stop, bool* sync) {
  std::unique_lock lock(mutex_);
  const auto has_work = [this] {
    return stop_ || !queue_.empty() || sync_requested_ || checkpoint_turn_ > recycled_turn_;
  };
  if (spare_builder_ == nullptr && !wants_spare_) {
    const auto interval = std::chrono::milliseconds(options_.sync_interval_ms);
    if (!wake_.wait_for(lock, interval, has_work)) {
      // Nothing for a whole interval but time: it is up.
      *sync = sync_mode() == SyncMode::kEverySecond;
      wants_spare_ = true;
    }
  }
  batch.swap(queue_);
  batch_in_progress_ = !batch.empty();
  *stop = stop_;
  *sync |= std::exchange(sync_requested_, false);
}

void Journal::WriteBatch(std::vector<JournalRecordBuffer>& batch) {
  const Turn turn = batch.back().turn;
  uint64_t bytes = 0;
  for (const JournalRecordBuffer& record : batch) {
    bytes += record.payload.size();
  }
  const bool was_queued = &batch != &inline_batch_;
  const std::lock_guard io(io_mutex_);
  if (failed()) {
    batch.clear();
  } else {
    const Status status = writer_.Append(batch, durable_turn());
    if (!status.ok()) {
      RepairWrite(status);
    }
  }
  if (was_queued) {
    queued_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  }
  if (failed()) {
    return;
  }
  Raise(written_turn_, turn);
  if (sync_mode() != SyncMode::kAlways) {
    Raise(released_turn_, turn);
    LimitKept();
  }
  UpdateGauges();
}

void Journal::LimitKept() {
  if (sync_mode() == SyncMode::kNo) {
    GiveBack(writer_.LetGoThrough(written_turn_.load(std::memory_order_relaxed)));
    return;
  }
  if (writer_.kept_bytes() > options_.retain_bytes / 2) {
    const std::lock_guard lock(mutex_);
    sync_requested_ = true;
    wake_.notify_one();
  }
  if (writer_.kept_bytes() > options_.retain_bytes) {
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
    status = segment->file->Sync();
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
  const Status status = writer_.Failover(durable_turn());
  if (!status.ok()) {
    Fail(status);
    return;
  }
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

void Journal::NotifyProgress() {
  {
    const std::lock_guard lock(mutex_);
    progress_.notify_all();
  }
  const Turn released = released_turn();
  if (released > notified_turn_) {
    notified_turn_ = released;
    if (options_.on_released) {
      options_.on_released(released);
    }
  }
}

void Journal::ApplyCheckpoint() {
  Turn turn = 0;
  {
    const std::lock_guard lock(mutex_);
    turn = checkpoint_turn_;
  }
  if (turn <= recycled_turn_ || failed()) {
    recycled_turn_ = std::max(recycled_turn_, turn);
    return;
  }
  // The segments that stay have to be known on disk before the older ones go, or a recovery would
  // find a journal that begins too late.
  SyncDirty();
  const std::lock_guard io(io_mutex_);
  recycled_turn_ = turn;
  if (failed()) {
    return;
  }
  PublishDurable(turn);
  const Status status = writer_.Recycle(turn, options_.max_spares);
  if (!status.ok()) {
    Log(kLogWarning, "journal: " + status.message());
  }
  UpdateGauges();
}

void Journal::BuildSpares() {
  if (failed()) {
    wants_spare_ = false;
    spare_builder_.reset();
    return;
  }
  if (spare_builder_ == nullptr) {
    const std::lock_guard io(io_mutex_);
    wants_spare_ = segments_.spares().size() < options_.min_spares;
    if (!wants_spare_) {
      return;
    }
    spare_builder_ = segments_.NewSpareBuilder();
  }
  auto step = spare_builder_->Step();
  if (!step.ok()) {
    Log(kLogWarning, "journal: no spare segment: " + step.status().message());
    spare_builder_.reset();
    // The next try comes with the next interval.
    wants_spare_ = false;
    return;
  }
  if (*step != nullptr) {
    spare_builder_.reset();
    const std::lock_guard io(io_mutex_);
    segments_.AddSpare(std::move(step).value());
    UpdateGauges();
  }
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
