#include "engine/persistence.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "engine/apply.h"
#include "engine/check.h"
#include "engine/checksum.h"
#include "engine/codec.h"
#include "engine/limits.h"
#include "engine/loader.h"
#include "engine/recovery.h"
#include "engine/schema.h"
#include "engine/thread_role.h"

namespace engine {
namespace {

// Of the memory budget: what RocksDB gets; the rest is the cache of objects.
constexpr uint64_t kStoreShareOf16 = 5;
constexpr int64_t kCheckpointRetryMs = 1000;
constexpr Turn kFirstTurn = 1;
// Soft effects alone are committed when they reach this size.
constexpr size_t kSoftEffectBytes = 256 * 1024;
constexpr int kReopenAttempts = 20;
constexpr std::chrono::milliseconds kReopenPause{250};

SyncMode ToSyncMode(FsyncMode mode) {
  switch (mode) {
    case FsyncMode::kAlways:
      return SyncMode::kAlways;
    case FsyncMode::kEverySecond:
      return SyncMode::kEverySecond;
    case FsyncMode::kNo:
      return SyncMode::kNo;
  }
  return SyncMode::kAlways;
}

constexpr uint8_t kSurveyVersion = 1;

std::string EncodeSurvey(const Survey& survey) {
  std::string out;
  PutU8(&out, kSurveyVersion);
  PutU64(&out, survey.rules);
  PutSignedVarint(&out, survey.offset_ms);
  SealRecord(&out, 0);
  return out;
}

Result<Survey> DecodeSurvey(std::string_view stored) {
  const std::optional<std::string_view> body = OpenRecord(stored);
  if (body.has_value()) {
    Decoder decoder(*body);
    Survey survey;
    const uint8_t version = decoder.ReadU8();
    survey.rules = decoder.ReadU64();
    survey.offset_ms = decoder.ReadSignedVarint();
    if (decoder.AtEnd() && version == kSurveyVersion) {
      return survey;
    }
  }
  return Status(Code::kCorruption, "the store's survey record is damaged");
}

}  // namespace

Persistence::Persistence(Core* core)
    : core_(*core), opening_budget_(core->options.memory_budget_bytes) {
  checkpoint_thread_ = std::make_unique<WorkerPool>(core_.options.background_threads ? 1 : 0, [] {
    NameThisThread("checkpoint");
    YieldToLoop(Yielding::kSome);
  });
}

Persistence::~Persistence() { checkpoint_thread_.reset(); }

uint64_t Persistence::CacheShare(uint64_t memory_budget_bytes) {
  return memory_budget_bytes / 16 * (16 - kStoreShareOf16);
}

Status Persistence::OpenStore(bool create) {
  if (create) {
    RETURN_IF_ERROR(directory_.MakeStorePath());
  }
  StoreOptions options;
  options.directory = directory_.StorePath();
  options.create_if_missing = create;
  options.memory_budget_bytes = static_cast<size_t>(opening_budget_ * kStoreShareOf16 / 16);
  options.background_threads = 1;
  options.log = [this](int level, std::string_view text) {
    if (level >= static_cast<int>(StoreLogLevel::kWarning)) {
      core_.Log(static_cast<LogLevel>(level), text);
    }
  };
  auto store = Store::Open(options);
  if (!store.ok()) {
    return store.status();
  }
  store_ = std::move(store).value();
  return OkStatus();
}

Status Persistence::Open(Now now) {
  RETURN_IF_ERROR(directory_.Open(core_.options.directory, true));
  const bool has_store = directory_.HasStore();
  if (!has_store && directory_.HasJournal()) {
    return Status(
        Code::kCorruption,
        "the data directory holds a journal but no store: refusing to start an empty one");
  }
  RETURN_IF_ERROR(OpenStore(!has_store));
  core_.cache_budget = CacheShare(core_.options.memory_budget_bytes);
  ASSIGN_OR_RETURN(checkpoint_turn_, store_->CheckpointTurn());
  const bool is_new = checkpoint_turn_ == 0;
  if (is_new) {
    if (directory_.HasJournal()) {
      return Status(Code::kCorruption,
                    "the store has no checkpoint but there is a journal: refusing to start");
    }
    store_id_ = DataDirectory::DrawStoreId();
    for (uint32_t i = 0; i < core_.keyspace.size(); ++i) {
      core_.keyspace.slot(i) = std::make_unique<Database>(core_.next_physical++);
    }
    meta_store_ms_ = now.unix_ms;
    core_.time_line.Restore(now.unix_ms, 0, now.unix_ms);
    RETURN_IF_ERROR(WriteFirstCheckpoint());
  } else {
    RETURN_IF_ERROR(LoadMeta());
  }
  RETURN_IF_ERROR(OpenJournal(is_new));
  RETURN_IF_ERROR(Replay(now));
  return journal_->Start();
}

Status Persistence::OpenForCheck(const std::function<Status()>& on_checkpoint) {
  RETURN_IF_ERROR(directory_.Open(core_.options.directory, false));
  if (!directory_.HasStore()) {
    return Status(Code::kNotFound, "there is no store in " + core_.options.directory);
  }
  RETURN_IF_ERROR(OpenStore(false));
  core_.cache_budget = CacheShare(core_.options.memory_budget_bytes);
  ASSIGN_OR_RETURN(checkpoint_turn_, store_->CheckpointTurn());
  RETURN_IF_ERROR(LoadMeta());
  RETURN_IF_ERROR(on_checkpoint());
  RETURN_IF_ERROR(OpenJournal(false));
  return Replay({});
}

Status Persistence::OpenJournal(bool is_new) {
  JournalOptions options;
  options.directory = directory_.JournalPath();
  options.store_id = store_id_;
  // The first checkpoint is written before there is a journal: a crash in between leaves none.
  options.create_if_missing =
      is_new || (checkpoint_turn_ == kFirstTurn && !directory_.HasJournal());
  options.sync_mode = ToSyncMode(core_.options.fsync);
  options.use_thread = core_.options.background_threads;
  options.segment_bytes = core_.options.journal_segment_bytes;
  options.use_thread = core_.options.background_threads;
  if (core_.options.on_released) {
    options.on_released = [this](Turn) { core_.options.on_released(); };
  }
  options.on_failure = [this](const Status& cause) {
    if (core_.options.post && core_.options.on_failure) {
      core_.options.post([this, cause] { core_.options.on_failure(cause); });
    }
  };
  options.log = [this](int level, std::string_view text) {
    core_.Log(static_cast<LogLevel>(level), text);
  };
  ASSIGN_OR_RETURN(journal_, Journal::Open(std::move(options)));
  return OkStatus();
}

Status Persistence::Replay(Now now) {
  Replayer replayer(&core_);
  uint64_t record_count = 0;
  int64_t last_store_ms = meta_store_ms_;
  const Status status =
      journal_->Replay(checkpoint_turn_, [&](const JournalRecord& record) -> Status {
        ++record_count;
        last_store_ms = std::max(last_store_ms, record.store_ms);
        return replayer.ApplyRecord(record.turn, record.payload);
      });
  RETURN_IF_ERROR(status);
  core_.turn = std::max(checkpoint_turn_, journal_->last_turn()) + 1;
  core_.time_line.Restore(last_store_ms, core_.time_line.offset_ms(), now.unix_ms);
  core_.FreeFlushed(SIZE_MAX);
  if (record_count > 0) {
    core_.Log(LogLevel::kInfo, "journal replayed turns=" + std::to_string(record_count));
    // In the background, once the server runs: the next start finds little to replay, and the
    // segments are free again.
    checkpoint_requested_ = core_.options.background_threads;
  }
  return OkStatus();
}

Status Persistence::WriteFirstCheckpoint() {
  Batch batch;
  batch.Put(Family::kSystem, kMetaKey, EncodeMeta());
  checkpoint_turn_ = core_.turn++;
  return store_->WriteCheckpoint(batch, checkpoint_turn_, "");
}

std::string Persistence::EncodeMeta() const {
  std::string out;
  PutU8(&out, kFormatVersion);
  out.append(reinterpret_cast<const char*>(store_id_.data()), store_id_.size());
  PutVarint(&out, core_.next_uid);
  PutVarint(&out, core_.next_physical);
  PutSignedVarint(&out, core_.time_line.last_store_ms());
  PutSignedVarint(&out, core_.time_line.offset_ms());
  PutVarint(&out, core_.keyspace.size());
  for (uint32_t i = 0; i < core_.keyspace.size(); ++i) {
    PutVarint(&out, core_.keyspace.at(i).physical);
    PutVarint(&out, core_.keyspace.at(i).key_count);
    PutVarint(&out, core_.keyspace.at(i).expiring_count);
    PutVarint(&out, core_.keyspace.at(i).expiry_sum_s);
    for (const auto member : StreamTotals::All()) {
      PutVarint(&out, static_cast<uint64_t>(core_.keyspace.at(i).totals.*member));
    }
  }
  SealRecord(&out, 0);
  return out;
}

Status Persistence::LoadMeta() {
  const Result<std::string> stored = store_->Get(Family::kSystem, kMetaKey);
  if (!stored.ok()) {
    return Status(Code::kCorruption, "the store's meta record is missing");
  }
  RETURN_IF_ERROR(DecodeMeta(*stored));
  const Result<std::string> survey = store_->Get(Family::kSystem, std::string(kSurveyKey));
  if (survey.ok()) {
    ASSIGN_OR_RETURN(core_.last_survey, DecodeSurvey(*survey));
  } else if (survey.code() != Code::kNotFound) {
    return survey.status();
  }
  const Result<std::string> tops = store_->Get(Family::kSystem, kTopGroupsKey);
  if (tops.ok() && !core_.top_groups.Decode(*tops)) {
    return Status(Code::kCorruption, "the store's record of top groups is damaged");
  }
  return OkStatus();
}

Status Persistence::DecodeMeta(std::string_view stored) {
  const Status damaged(Code::kCorruption, "the store's meta record is damaged");
  const std::optional<std::string_view> body = OpenRecord(stored);
  if (!body.has_value()) {
    return damaged;
  }
  Decoder decoder(*body);
  const uint8_t version = decoder.ReadU8();
  if (version < kOldestFormatVersion || version > kFormatVersion) {
    return Status(Code::kCorruption, "the store has format version " + std::to_string(version) +
                                         ", this server reads " + std::to_string(kFormatVersion));
  }
  const std::string_view id = decoder.ReadBytes(store_id_.size());
  if (!decoder.ok()) {
    return damaged;
  }
  std::copy(id.begin(), id.end(), reinterpret_cast<char*>(store_id_.data()));
  core_.next_uid = decoder.ReadVarint();
  core_.next_physical = decoder.ReadVarint32();
  meta_store_ms_ = decoder.ReadSignedVarint();
  core_.time_line.SetOffset(decoder.ReadSignedVarint());
  const uint64_t database_count = decoder.ReadVarint();
  if (decoder.ok() && database_count > core_.keyspace.size()) {
    return Status(Code::kInvalid, "the store has " + std::to_string(database_count) +
                                      " databases; start with `databases` at least that");
  }
  ReadDatabases(&decoder, version, database_count);
  if (!decoder.AtEnd()) {
    return damaged;
  }
  return version < kFormatVersionWithTotals ? CountTotals() : OkStatus();
}

// Only once: the next checkpoint has the sums.
Status Persistence::CountTotals() {
  const auto count_stream = [&](std::string_view key, std::string_view value) {
    uint32_t physical_db = 0;
    uint64_t hash = 0;
    std::string_view name;
    Decoder head_decoder(value);
    const auto head = ReadKeyRecordHead(&head_decoder);
    StreamParts parts;
    if (!ParseKeyRecordKey(key, &physical_db, &hash, &name) || !head.has_value() ||
        head->kind != KeyRecordKind::kStream) {
      return;
    }
    Database* database = core_.keyspace.ByPhysical(physical_db);
    const auto stream = DecodeStream(physical_db, name, value, &parts);
    if (database == nullptr || !stream.ok()) {
      return;
    }
    database->totals.Add(TotalsOf(**stream));
    for (const GroupNumber number : parts.groups) {
      const auto stored =
          store_->Get(Family::kGroups, GroupHeaderKey(physical_db, (*stream)->uid, number));
      const auto group = stored.ok() ? DecodeGroup(stream->get(), number, *stored)
                                     : Result<std::unique_ptr<Group>>(stored.status());
      if (group.ok()) {
        database->totals.Add(TotalsOf(**group));
      }
    }
  };
  return ScanStore(Family::kKeys, count_stream);
}

void Persistence::ReadDatabases(Decoder* decoder, uint8_t version, uint64_t count) {
  for (uint32_t i = 0; i < core_.keyspace.size(); ++i) {
    if (i >= count) {
      core_.keyspace.slot(i) = std::make_unique<Database>(core_.next_physical++);
      continue;
    }
    auto database = std::make_unique<Database>(decoder->ReadVarint32());
    database->key_count = decoder->ReadVarint();
    database->stored_key_count = database->key_count;
    if (version >= kFormatVersionWithExpiry) {
      database->expiring_count = decoder->ReadVarint();
      database->expiry_sum_s = decoder->ReadVarint();
    }
    if (version >= kFormatVersionWithTotals) {
      for (const auto member : StreamTotals::All()) {
        database->totals.*member = static_cast<int64_t>(decoder->ReadVarint());
      }
    }
    core_.keyspace.slot(i) = std::move(database);
  }
}

Result<std::string> Persistence::Read(Family family, const std::string& key) const {
  const std::shared_lock lock(store_mutex_);
  if (store_ == nullptr) {
    return Status(Code::kIo, "the store is being reopened after a failure");
  }
  return store_->Get(family, key);
}

Status Persistence::ScanFamily(
    Family family, const std::string& begin, const std::string& end,
    const std::function<bool(std::string_view key, std::string_view value)>& visit) const {
  const std::shared_lock lock(store_mutex_);
  if (store_ == nullptr) {
    return Status(Code::kIo, "the store is being reopened after a failure");
  }
  return store_->Scan(family, begin, end, SIZE_MAX, visit);
}

Status Persistence::ScanStore(
    Family family,
    const std::function<void(std::string_view key, std::string_view value)>& visit) const {
  const std::shared_lock lock(store_mutex_);
  return store_->Scan(family, "", "", SIZE_MAX,
                      [&visit](std::string_view key, std::string_view value) {
                        visit(key, value);
                        return true;
                      });
}

Store::Statistics Persistence::StoreStatistics() const {
  const std::shared_lock lock(store_mutex_);
  return store_ == nullptr ? Store::Statistics() : store_->GetStatistics();
}

void Persistence::ApplyFsyncMode() { journal_->SetSyncMode(ToSyncMode(core_.options.fsync)); }

Status Persistence::CanWrite() const {
  if (closing_) {
    return Status(Code::kClosing);
  }
  if (journal_->failed()) {
    return Status(Code::kIo, "the journal cannot be written");
  }
  if (core_.checkpoint.unsaved_bytes() > kDirtyCapBytes) {
    return Status(Code::kLimit, "unsaved changes are at their limit");
  }
  return OkStatus();
}

void Persistence::CommitTurn(Now now) {
  const auto stepped = core_.time_line.SteppedOffset(now);
  if (stepped.has_value() && !closing_ && core_.recorder.has_hard_effects()) {
    core_.recorder.Add(ClockStepped{*stepped});
    Apply(core_, ClockStepped{*stepped});
  }
  if (!core_.recorder.has_hard_effects() && core_.recorder.bytes().size() < kSoftEffectBytes) {
    return;
  }
  std::string record = core_.recorder.Take(journal_->TakeBuffer());
  journal_->Append(core_.turn, now.store_ms, std::move(record));
  ++core_.turn;
}

void Persistence::EndTurn(Now now) {
  now_unix_s_ = now.unix_ms / 1000;
  now_store_ms_ = now.store_ms;
  CommitTurn(now);
  AdvanceCheckpoint();
  core_.FreeFlushed(1000);
  core_.checkpoint.FreeDiscarded(2000);
  core_.ShrinkToBudget();
}

bool Persistence::CheckpointIsDue() const {
  if (checkpoint_requested_) {
    return true;
  }
  if (now_store_ms_ < retry_after_ms_) {
    return false;
  }
  return core_.checkpoint.dirty_bytes() >= core_.options.checkpoint_bytes ||
         journal_->bytes_since_checkpoint() >= core_.options.checkpoint_bytes * 2;
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
  core_.checkpoint.Freeze(core_.turn - 1);
  core_.expiry_index.Freeze();
  core_.due_index.Freeze();
  core_.checkpoint.Put(Family::kSystem, std::string(kMetaKey), EncodeMeta());
  if (core_.last_survey != Survey()) {
    core_.checkpoint.Put(Family::kSystem, std::string(kSurveyKey), EncodeSurvey(core_.last_survey));
  }
  core_.checkpoint.Put(Family::kSystem, std::string(kTopGroupsKey), core_.top_groups.Encode(core_));
  frozen_key_counts_.clear();
  frozen_physicals_.clear();
  for (uint32_t i = 0; i < core_.keyspace.size(); ++i) {
    Database& database = core_.keyspace.at(i);
    frozen_key_counts_.push_back(database.key_count);
    frozen_physicals_.push_back(database.physical);
    database.stored_key_count = std::max(database.stored_key_count, database.key_count);
  }
  frozen_changes_ = std::exchange(core_.changes_since_checkpoint, 0);
}

void Persistence::LaunchCheckpoint() {
  auto batch = std::make_shared<Batch>(core_.checkpoint.TakeBatch());
  const Turn turn = core_.checkpoint.turn();
  checkpoint_thread_->Run([this, batch = std::move(batch), turn]() mutable {
    Status status = WriteOrReopen(*batch, turn);
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
  {
    const std::shared_lock lock(store_mutex_);
    status = store_ == nullptr ? Status(Code::kIo, "the store is closed") : Write(batch, turn);
  }
  if (status.ok()) {
    return status;
  }
  core_.Log(LogLevel::kError, "checkpoint failed, reopening the store error=" + status.message());
  for (int attempt = 0; attempt < kReopenAttempts; ++attempt) {
    {
      const std::unique_lock lock(store_mutex_);
      store_.reset();
      if (OpenStore(false).ok()) {
        const Result<Turn> stored = store_->CheckpointTurn();
        return stored.ok() && *stored == turn ? OkStatus() : status;
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
    journal_->OnCheckpoint(checkpoint_turn_);
    core_.checkpoint.BeginConfirm();
    BeginForgetting();
    ConfirmCheckpoint(Checkpoint::kConfirmSliceUnits);
    return;
  }
  core_.checkpoint.Revert();
  core_.expiry_index.Revert();
  core_.due_index.Revert();
  core_.changes_since_checkpoint += frozen_changes_;
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

Status Persistence::Close() {
  if (journal_->failed()) {
    return Status(Code::kIo, "the journal failed");
  }
  closing_ = true;
  RETURN_IF_ERROR(CheckpointNow());
  RETURN_IF_ERROR(journal_->Sync());
  RETURN_IF_ERROR(journal_->CloseClean());
  const std::unique_lock lock(store_mutex_);
  store_.reset();
  directory_.Unlock();
  return OkStatus();
}

void Persistence::StopThreads() { checkpoint_thread_.reset(); }

}  // namespace engine
