// The part of Persistence that runs checkpoints: when one begins, slice by slice, to its end.
#include <algorithm>
#include <chrono>
#include <utility>

#include "engine/check.h"
#include "engine/fault_point.h"
#include "engine/limits.h"
#include "engine/loader.h"
#include "engine/persistence.h"
#include "engine/schema.h"

namespace engine {
namespace {

constexpr int64_t kCheckpointRetryMs = 1000;
// While the disk is nearly full, what was deleted is made to count this soon.
constexpr int64_t kLowDiskIntervalMs = 2000;
constexpr int kReopenAttempts = 20;
constexpr std::chrono::milliseconds kReopenPause{250};

}  // namespace

bool Persistence::CheckpointIsDue() const {
  if (checkpoint_requested_) {
    return true;
  }
  if (now_store_ms_ < retry_after_ms_) {
    return false;
  }
  if (disk_->level() != DiskLevel::kPlenty && core_.checkpoint.anything_dirty() &&
      now_store_ms_ - last_begin_ms_ >= kLowDiskIntervalMs) {
    return true;
  }
  const uint64_t journal_bytes = journal_->bytes_since_checkpoint();
  return core_.checkpoint.dirty_bytes() >= checkpoint_bytes_ ||
         journal_bytes >= std::min(checkpoint_bytes_ * 2, journal_cap_bytes_ / 2) ||
         (journal_bytes >= kTimedCheckpointBytes &&
          now_store_ms_ - last_begin_ms_ >= kTimedCheckpointMs) ||
         (journal_bytes >= kRestCheckpointBytes &&
          now_store_ms_ - last_append_ms_ >= kRestCheckpointMs) ||
         HoldsWhatIsOld();
}

// What was changed once and not used since would otherwise stay in memory until enough has come
// together for a checkpoint.
bool Persistence::HoldsWhatIsOld() const {
  const int64_t limit_ms = core_.options.idle_limit_ms;
  return limit_ms > 0 && core_.checkpoint.anything_dirty() &&
         now_store_ms_ - last_begin_ms_ >= std::max(limit_ms, kTimedCheckpointMs);
}

void Persistence::AdvanceCheckpoint() {
  if (!core_.checkpoint.running()) {
    if (journal_->failed() || !CheckpointIsDue()) {
      return;
    }
    BeginCheckpoint();
  }
  if (core_.checkpoint.phase() == Checkpoint::Phase::kEncoding) {
    if (core_.checkpoint.EncodeSlice(kEncodeSliceBytes) &&
        core_.expiry_index.EncodeSlice(&core_.checkpoint, kEncodeSliceBytes) &&
        core_.due_index.EncodeSlice(&core_.checkpoint, kEncodeSliceBytes)) {
      LaunchCheckpoint();
    } else {
      FAULT_POINT("checkpoint.slice_encoded");
      ComeBackSoon();
    }
  } else if (core_.checkpoint.phase() == Checkpoint::Phase::kConfirming) {
    ConfirmCheckpoint(Checkpoint::kConfirmSliceUnits);
  }
}

// Though nobody sends anything.
void Persistence::ComeBackSoon() {
  if (core_.options.post) {
    core_.options.post([] {});
  }
}

void Persistence::BeginCheckpoint() {
  checkpoint_requested_ = false;
  last_begin_ms_ = now_store_ms_;
  core_.checkpoint.Freeze(core_.turn - 1);
  core_.expiry_index.Freeze();
  core_.due_index.Freeze();
  core_.checkpoint.Put(Family::kSystem, std::string(kMetaKey), EncodeMeta());
  if (core_.last_survey != Survey()) {
    core_.checkpoint.Put(Family::kSystem, std::string(kSurveyKey), EncodeSurvey(core_.last_survey));
  }
  core_.checkpoint.Put(Family::kSystem, std::string(kTopGroupsKey), core_.top_groups.Encode(core_));
  for (const KeptEffects& kept : core_.kept_effects) {
    core_.checkpoint.Put(Family::kSystem, KeptEffectsKey(kept.physical_db, kept.uid, kept.turn),
                         EncodeKeptEffects(kept));
  }
  frozen_key_counts_.clear();
  frozen_physicals_.clear();
  for (uint32_t i = 0; i < core_.keyspace.size(); ++i) {
    Database& database = core_.keyspace.at(i);
    frozen_key_counts_.push_back(database.key_count);
    frozen_physicals_.push_back(database.physical);
    database.stored_key_count = std::max(database.stored_key_count, database.key_count);
  }
  frozen_changes_ = std::exchange(core_.changes_since_checkpoint, 0);
  FAULT_POINT("checkpoint.frozen");
}

void Persistence::LaunchCheckpoint() {
  auto batch = std::make_shared<Batch>(core_.checkpoint.TakeBatch());
  const Turn turn = core_.checkpoint.turn();
  FAULT_POINT("checkpoint.encoded");
  checkpoint_thread_->Run([this, batch = std::move(batch), turn]() mutable {
    FAULT_POINT("checkpoint.begins");
    Status status = WriteOrReopen(*batch, turn);
    FAULT_POINT("checkpoint.written");
    batch.reset();
    {
      const std::lock_guard lock(result_mutex_);
      result_ = std::move(status);
    }
    result_ready_.notify_all();
    if (core_.options.background_threads && core_.options.post) {
      core_.options.post([this] { CompleteCheckpoint(); });
    }
  });
  if (!core_.options.background_threads) {
    CompleteCheckpoint();
  }
}

Status Persistence::Write(const Batch& batch, Turn turn) {
  using Fault = EngineOptions::CheckpointFault;
  const auto& drawn = core_.options.checkpoint_fault;
  const Fault fault = drawn ? drawn() : Fault::kNone;
  if (fault != Fault::kNotWritten) {
    RETURN_IF_ERROR(store_->WriteCheckpoint(batch, turn, ""));
  }
  return fault == Fault::kNone ? OkStatus() : Status(Code::kIo, "a fault was asked for");
}

Status Persistence::WriteOrReopen(const Batch& batch, Turn turn) {
  Status status;
  bool had_failed = true;
  {
    const std::shared_lock lock(store_mutex_);
    had_failed = store_ == nullptr || store_->has_failed();
    status = store_ == nullptr ? Status(Code::kIo, "the store is closed") : Write(batch, turn);
  }
  if (status.ok()) {
    if (disk_->level() != DiskLevel::kPlenty) {
      const std::shared_lock lock(store_mutex_);
      store_->ReclaimDeleted(batch);
    }
    return status;
  }
  if (!compactions_off_ && StoreStatistics().compaction_met_damage) {
    compactions_off_ = true;
    core_.Log(LogLevel::kError,
              "a table of the store is damaged: tables are not compacted any more until the next "
              "start; --check it and restore a backup");
  }
  core_.Log(LogLevel::kError, "checkpoint failed, reopening the store error=" + status.message());
  if (!disk_->MakeRoom()) {
    // Opening would fail, too. What there is can still be read.
    return status;
  }
  for (int attempt = 0; attempt < kReopenAttempts; ++attempt) {
    {
      const std::unique_lock lock(store_mutex_);
      store_.reset();
      FAULT_POINT("reopen.store_closed");
      if (OpenStore(false).ok()) {
        FAULT_POINT("reopen.store_opened");
        const Result<Turn> stored = store_->CheckpointTurn();
        if (stored.ok() && *stored == turn) {
          return OkStatus();
        }
        // Not this checkpoint was at fault but one before it.
        return had_failed && stored.ok() ? Write(batch, turn) : status;
      }
    }
    // Nobody signals this: it is a pause in which readers are told that the store is away.
    std::unique_lock lock(result_mutex_);
    result_ready_.wait_for(lock, kReopenPause);
  }
  return status;
}

void Persistence::CompleteCheckpoint() {
  std::optional<Status> result;
  {
    const std::lock_guard lock(result_mutex_);
    result = std::exchange(result_, std::nullopt);
  }
  if (!result.has_value()) {
    return;  // A blocking checkpoint has taken it already.
  }
  last_checkpoint_ok_ = result->ok();
  if (result->ok()) {
    checkpoint_turn_ = core_.checkpoint.turn();
    last_checkpoint_unix_s_ = now_unix_s_;
    FAULT_POINT("checkpoint.before_told");
    journal_->OnCheckpoint(checkpoint_turn_);
    FAULT_POINT("checkpoint.journal_told");
    core_.kept_effects.clear();
    core_.checkpoint.BeginConfirm();
    BeginForgetting();
    ConfirmCheckpoint(Checkpoint::kConfirmSliceUnits);
    return;
  }
  core_.checkpoint.Revert();
  core_.expiry_index.Revert();
  core_.due_index.Revert();
  core_.changes_since_checkpoint += frozen_changes_;
  FAULT_POINT("checkpoint.reverted");
  retry_after_ms_ = now_store_ms_ + kCheckpointRetryMs;
  AnswerWaiting(*result);
}

void Persistence::ConfirmCheckpoint(size_t max_units) {
  if (!ForgetStoredChanges(&max_units) || !core_.expiry_index.ConfirmSlice(&max_units) ||
      !core_.due_index.ConfirmSlice(&max_units) || !core_.checkpoint.ConfirmSlice(&max_units)) {
    ComeBackSoon();
    return;
  }
  ++checkpoint_count_;
  FAULT_POINT("checkpoint.confirmed");
  AnswerWaiting(OkStatus());
}

void Persistence::AnswerWaiting(const Status& result) {
  for (auto& done : std::exchange(waiting_, {})) {
    done(result);
  }
}

void Persistence::BeginForgetting() {
  forgetting_ = 0;
  forget_from_ = {};
  keeps_changes_ = core_.loader->scans_in_flight() > 0;
  for (size_t i = 0; i < frozen_physicals_.size(); ++i) {
    if (Database* const database = core_.keyspace.ByPhysical(frozen_physicals_[i])) {
      database->stored_key_count = frozen_key_counts_[i];
    }
  }
}

// The store has caught up with what it was said to differ in.
bool Persistence::ForgetStoredChanges(size_t* max_keys) {
  const uint64_t number = core_.checkpoint.number();
  for (; forgetting_ < frozen_physicals_.size(); ++forgetting_, forget_from_ = {}) {
    Database* const database = core_.keyspace.ByPhysical(frozen_physicals_[forgetting_]);
    if (database == nullptr) {
      continue;  // Flushed since.
    }
    for (auto it = database->changes.lower_bound(forget_from_); it != database->changes.end();) {
      if (*max_keys == 0) {
        forget_from_ = it->first;
        return false;
      }
      --*max_keys;
      if (it->second.turn > checkpoint_turn_) {
        ++it;
        continue;
      }
      KeyHolder* holder = Keyspace::Find(*database, it->first.second);
      if (holder != nullptr && holder->kind == UnitKind::kMissingKey &&
          static_cast<MissingKey*>(holder)->delete_checkpoint <= number) {
        holder->on_disk = false;
      }
      it = keeps_changes_ ? std::next(it) : database->changes.erase(it);
    }
  }
  return true;
}

Status Persistence::RequestCheckpoint(std::function<void(Status)> done) {
  if (checkpoint_requested_ || core_.checkpoint.running()) {
    return Status(Code::kLimit, "a checkpoint is running");
  }
  checkpoint_requested_ = true;
  waiting_.push_back(std::move(done));
  return OkStatus();
}

Status Persistence::CheckpointNow() {
  // A checkpoint holds the state after a whole turn: what the running one has done so far is one.
  const int64_t store_ms = core_.time_line.last_store_ms();
  CommitTurn({core_.time_line.ToUnixMs(store_ms), store_ms});
  for (int round = 0; round < 2; ++round) {
    const bool own = !core_.checkpoint.running();
    if (own) {
      BeginCheckpoint();
    }
    if (core_.checkpoint.phase() == Checkpoint::Phase::kEncoding) {
      CHECK(core_.checkpoint.EncodeSlice(SIZE_MAX));
      CHECK(core_.expiry_index.EncodeSlice(&core_.checkpoint, SIZE_MAX));
      CHECK(core_.due_index.EncodeSlice(&core_.checkpoint, SIZE_MAX));
      LaunchCheckpoint();
    }
    if (core_.checkpoint.phase() == Checkpoint::Phase::kWriting) {
      {
        std::unique_lock lock(result_mutex_);
        result_ready_.wait(lock, [this] { return result_.has_value(); });
      }
      CompleteCheckpoint();
    }
    if (core_.checkpoint.phase() == Checkpoint::Phase::kConfirming) {
      ConfirmCheckpoint(SIZE_MAX);
    }
    if (own) {
      break;  // One that ran already may have failed: what counts is the one begun here.
    }
  }
  return last_checkpoint_ok_ ? OkStatus()
                             : Status(Code::kIo, "the checkpoint could not be written");
}

}  // namespace engine
