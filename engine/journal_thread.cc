// The part of engine::Journal that its thread runs.

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "engine/fault_point.h"
#include "engine/journal.h"
#include "engine/thread_role.h"

namespace engine {
namespace {

constexpr int kLogWarning = 2;

}  // namespace

void Journal::RunThread() {
  NameThisThread("journal");
  bool stop = false;
  while (!stop) {
    bool sync = false;
    WaitForWork(&stop, &sync);
    WriteQueued();
    if (sync || stop || sync_mode() == SyncMode::kAlways) {
      SyncDirty();
    }
    NotifyProgress();
    FreeUnused();
    if (!stop) {
      WriteHeldUp();
      ApplyCheckpoint();
      WriteHeldUp();
      BuildSpares();
      NotifyProgress();
    }
  }
}

void Journal::WaitForWork(bool* stop, bool* sync) {
  std::unique_lock lock(mutex_);
  const auto has_work = [this] {
    return stop_ || !queue_.empty() || sync_requested_ || spare_wanted_ ||
           checkpoint_turn_ > recycled_turn_;
  };
  if (spare_builder_ == nullptr) {
    const auto interval = std::chrono::milliseconds(options_.sync_interval_ms);
    if (!wake_.wait_for(lock, interval, has_work)) {
      // Nothing for a whole interval but time: it is up.
      *sync = sync_mode() == SyncMode::kEverySecond;
      spare_wanted_ = true;
      spare_failed_ = false;
    }
  }
  // Nor may a little work now and then put it off.
  if (newest_store_ms_ - round_ms_ >= options_.sync_interval_ms) {
    round_ms_ = newest_store_ms_;
    *sync |= sync_mode() == SyncMode::kEverySecond;
    spare_failed_ = false;
  }
  *stop = stop_;
  *sync |= std::exchange(sync_requested_, false);
}

void Journal::WriteQueued() {
  const std::lock_guard io(io_mutex_);
  {
    const std::lock_guard lock(mutex_);
    TakeQueue();
  }
  if (!batch_.empty()) {
    WriteBatch();
  }
}

// What the loop could not write because this thread was busy does not have to wait for the rest of
// its round as well. With kAlways it would: it has to be synced, too.
void Journal::WriteHeldUp() {
  if (sync_mode() != SyncMode::kAlways) {
    WriteQueued();
    NotifyProgress();
  }
}

void Journal::NotifyProgress() {
  {
    const std::lock_guard lock(mutex_);
    progress_.notify_all();
  }
  const Turn released = released_turn();
  if (released > notified_turn_) {
    notified_turn_ = released;
    FAULT_POINT("journal.before_release");
    if (options_.on_released) {
      options_.on_released(released);
    }
    FAULT_POINT("journal.after_release");
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
  FAULT_POINT("recycle.begins");
  recycled_turn_ = turn;
  const bool has_room = !options_.has_room || options_.has_room(0);
  std::vector<std::unique_ptr<JournalSegment>> covered;
  SegmentHeader header;
  size_t most_spares = 0;
  {
    const std::lock_guard io(io_mutex_);
    if (failed()) {
      return;
    }
    PublishDurable(turn);
    // As many as were in use will be used again; what a burst took goes one by one.
    recent_live_ = std::max(segments_.live().size(), recent_live_ - (recent_live_ > 0 ? 1 : 0));
    covered = writer_.TakeCovered(turn);
    header = segments_.SpareHeader(turn);
    const size_t spares = segments_.spares().size();
    most_spares = std::max({options_.max_spares, recent_live_, spares}) - spares;
    if (!has_room) {
      most_spares = std::max(options_.max_spares, spares) - spares;
    }
  }
  Recycle(std::move(covered), header, most_spares);
}

void Journal::Recycle(std::vector<std::unique_ptr<JournalSegment>> covered,
                      const SegmentHeader& header, size_t most_spares) {
  for (auto& segment : covered) {
    const bool is_spare = most_spares > 0 && JournalSegments::MakeSpare(*segment, header);
    if (!is_spare) {
      FAULT_POINT("recycle.before_delete");
      const Status status = segments_.Delete(std::move(segment));
      FAULT_POINT("recycle.after_delete");
      if (!status.ok()) {
        Log(kLogWarning, "journal: " + status.message());
      }
      continue;
    }
    --most_spares;
    FAULT_POINT("recycle.spare_made");
    const std::lock_guard io(io_mutex_);
    segments_.AddSpare(std::move(segment));
  }
  const std::lock_guard io(io_mutex_);
  UpdateGauges();
}

bool Journal::WantsSpare() const { return segments_.spares().size() < spare_target_; }

void Journal::BeginSpare() {
  {
    const std::lock_guard io(io_mutex_);
    if (!WantsSpare()) {
      return;
    }
  }
  // Only this thread adds spares. It asks the file system: not with the lock held.
  if (options_.has_room && !options_.has_room(options_.segment_bytes)) {
    const std::lock_guard lock(mutex_);
    spare_failed_ = true;
    return;
  }
  const std::lock_guard io(io_mutex_);
  spare_builder_ = segments_.NewSpareBuilder();
}

void Journal::BuildSpares() {
  if (spare_builder_ == nullptr) {
    const std::lock_guard lock(mutex_);
    if (spare_failed_) {
      spare_wanted_ = false;
      return;
    }
  }
  if (spare_builder_ == nullptr && !failed()) {
    BeginSpare();
  }
  if (spare_builder_ == nullptr || failed()) {
    spare_builder_.reset();
    const std::lock_guard lock(mutex_);
    spare_wanted_ = false;
    return;
  }
  auto step = spare_builder_->Step();
  if (!step.ok()) {
    Log(kLogWarning, "journal: no spare segment: " + step.status().message());
    spare_builder_.reset();
    const std::lock_guard lock(mutex_);
    spare_wanted_ = false;
    spare_failed_ = true;
    return;
  }
  if (*step != nullptr) {
    spare_builder_.reset();
    const std::lock_guard io(io_mutex_);
    segments_.AddSpare(std::move(step).value());
    segments_.LeaveWitness(durable_turn());
    UpdateGauges();
  }
}

}  // namespace engine
