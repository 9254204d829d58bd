#include "engine/persistence.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "engine/apply.h"
#include "engine/check.h"
#include "engine/checksum.h"
#include "engine/codec.h"
#include "engine/fault_point.h"
#include "engine/file_limit.h"
#include "engine/limits.h"
#include "engine/loader.h"
#include "engine/recovery.h"
#include "engine/schema.h"
#include "engine/thread_role.h"

namespace engine {
namespace {

// Of the memory budget: what RocksDB gets; the rest is the cache of objects.
constexpr uint64_t kStoreShareOf16 = 5;
constexpr Turn kFirstTurn = 1;
// The disk is looked at so often where nobody else does it.
constexpr int64_t kLookIntervalMs = 100;
// With less free than this the ballast is given up before the store is opened.
constexpr uint64_t kOpeningBytes = uint64_t{4} << 20;
// More than anybody can configure.
constexpr uint64_t kMostDatabases = 1 << 20;
// Numbers of databases that the checkpoint does not have yet, by their place: the journal may
// already have given the numbers that come next there.
constexpr uint32_t kFirstAddedDatabase = UINT32_MAX - static_cast<uint32_t>(kMostDatabases);
// Soft effects alone are committed when they reach this size.
constexpr size_t kSoftEffectBytes = 256 * 1024;

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

}  // namespace

Persistence::Persistence(Core* core)
    : core_(*core),
      opening_budget_(core->options.memory_budget_bytes),
      directory_(core->options.file_ops != nullptr ? *core->options.file_ops
                                                   : PosixJournalFileOps()) {
  checkpoint_thread_ = std::make_unique<WorkerPool>(core_.options.background_threads ? 1 : 0, [] {
    NameThisThread("checkpoint");
    YieldToLoop(Yielding::kSome);
  });
}

Persistence::~Persistence() {
  // Each asks those behind it: the checkpoint thread the journal, both of them the disk, and the
  // disk tells the store.
  checkpoint_thread_.reset();
  journal_.reset();
  disk_.reset();
}

uint64_t Persistence::CacheShare(uint64_t memory_budget_bytes) {
  return memory_budget_bytes / 16 * (16 - kStoreShareOf16);
}

void Persistence::WatchDisk() {
  DiskGuard::Options options;
  options.directory = core_.options.directory;
  options.limits = core_.options.disk_limits;
  options.read_space = core_.options.disk_space;
  options.log = [this](LogLevel level, std::string_view text) { core_.Log(level, text); };
  options.on_look = [this](uint64_t room_bytes) {
    const std::shared_lock lock(store_mutex_, std::try_to_lock);
    if (lock.owns_lock() && store_ != nullptr) {
      store_->LimitCompactions(room_bytes);
    }
  };
  const auto space =
      options.read_space ? options.read_space() : DiskGuard::SpaceOf(options.directory);
  const uint64_t total_bytes = space.has_value() ? space->total_bytes : 0;
  segment_bytes_ = DiskGuard::BoundedSegmentBytes(core_.options.journal_segment_bytes, total_bytes);
  checkpoint_bytes_ =
      DiskGuard::BoundedCheckpointBytes(core_.options.checkpoint_bytes, total_bytes);
  if (total_bytes > 0) {
    dirty_cap_bytes_ = std::min<uint64_t>(kDirtyCapBytes, total_bytes / 4);
    journal_cap_bytes_ = std::min(kJournalCapBytes, total_bytes / 2);
  }
  // Each segment is an open file; the spares are, too.
  constexpr uint64_t kSpares = 4;
  const auto files = static_cast<uint64_t>(ShareFiles(OpenFileLimit()).journal);
  journal_cap_bytes_ = std::min(journal_cap_bytes_, segment_bytes_ * (files - kSpares));
  options.checkpoint_bytes = checkpoint_bytes_;
  disk_ = std::make_unique<DiskGuard>(std::move(options));
}

Status Persistence::OpenStore(bool create) {
  if (create) {
    RETURN_IF_ERROR(directory_.MakeStorePath());
    FAULT_POINT("open.store_directory_made");
  }
  StoreOptions options;
  options.directory = directory_.StorePath();
  options.create_if_missing = create;
  options.memory_budget_bytes = static_cast<size_t>(opening_budget_ * kStoreShareOf16 / 16);
  options.background_threads = 1;
  options.newest_known_turn = [this] {
    return Journal::NewestCheckpoint(directory_.ops(), directory_.JournalPath());
  };
  options.file_system = core_.options.store_file_system;
  options.on_compaction = [this](uint64_t bytes) {
    if (disk_ != nullptr) {
      disk_->NoteCompaction(bytes);
    }
  };
  options.compactions = !compactions_off_;
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
  if (disk_ != nullptr) {
    store_->LimitCompactions(disk_->compaction_room_bytes());
  }
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
  if (!has_store && directory_.HasTables()) {
    return Status(Code::kCorruption,
                  "the store has tables but no file CURRENT: refusing to start an empty one");
  }
  WatchDisk();
  if (disk_->free_bytes() < kOpeningBytes) {
    disk_->MakeRoom();
  }
  // Without a journal it has never been complete: RocksDB makes its families one by one, and a
  // process that died between two of them has left a store that lacks some.
  RETURN_IF_ERROR(OpenStore(!has_store || !directory_.HasJournal()));
  FAULT_POINT("open.store_opened");
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
    FAULT_POINT("open.first_checkpoint_written");
  } else {
    RETURN_IF_ERROR(LoadMeta());
  }
  RETURN_IF_ERROR(OpenJournal(is_new));
  FAULT_POINT("recovery.journal_opened");
  RETURN_IF_ERROR(Replay(now));
  now_store_ms_ = core_.time_line.last_store_ms();
  last_begin_ms_ = now_store_ms_;
  if (core_.has_new_damage) {
    return OkStatus();
  }
  RETURN_IF_ERROR(journal_->Start());
  if (core_.options.background_threads) {
    disk_->Start();
  }
  return OkStatus();
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
  options.accept_loss = core_.options.accept_loss;
  options.sync_mode = ToSyncMode(core_.options.fsync);
  options.use_thread = core_.options.background_threads;
  options.file_ops = core_.options.file_ops;
  options.segment_bytes =
      segment_bytes_ == 0 ? core_.options.journal_segment_bytes : segment_bytes_;
  if (disk_ != nullptr) {
    options.has_room = [this](uint64_t bytes) { return disk_->HasRoomFor(bytes); };
    options.make_room = [this] { disk_->MakeRoom(); };
  }
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
        FAULT_POINT("recovery.record");
        return replayer.ApplyRecord(record.turn, record.payload);
      });
  RETURN_IF_ERROR(status);
  FAULT_POINT("recovery.replayed");
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
  return LoadDamagedKeys();
}

Status Persistence::LoadDamagedKeys() {
  Status status;
  const auto visit = [&](std::string_view key, std::string_view value) {
    const std::optional<KeptEffects> kept = DecodeKeptEffects(key, value);
    if (!kept.has_value()) {
      status =
          Status(Code::kCorruption, "the store's record of effects on a damaged key is damaged");
      return false;
    }
    core_.keeps_effects = true;
    Database* database = core_.keyspace.ByPhysical(kept->physical_db);
    if (database != nullptr && Keyspace::Find(*database, kept->key) == nullptr) {
      InstallDamagedKey(core_, *database, kept->uid, kept->key,
                        "it was damaged at an earlier start; its changes from turn " +
                            std::to_string(kept->turn) + " on are kept aside (key " + kept->key +
                            ")")
          .keeps_effects = true;
    }
    return true;
  };
  const std::string begin(1, kKeptEffectsTag);
  RETURN_IF_ERROR(store_->Scan(Family::kSystem, begin, PrefixEnd(begin), SIZE_MAX, visit));
  return status;
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
  if (database_count > kMostDatabases) {
    return damaged;
  }
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
      core_.keyspace.slot(i) = std::make_unique<Database>(kFirstAddedDatabase + i);
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
  // The loop asks: it must not wait for the end of a reopening.
  const std::shared_lock lock(store_mutex_, std::try_to_lock);
  return !lock.owns_lock() || store_ == nullptr ? Store::Statistics() : store_->GetStatistics();
}

void Persistence::ApplyFsyncMode() { journal_->SetSyncMode(ToSyncMode(core_.options.fsync)); }

Status Persistence::CanWrite() const {
  if (closing_) {
    return Status(Code::kClosing);
  }
  if (journal_->failed()) {
    return Status(Code::kIo, "the journal cannot be written");
  }
  if (disk_->level() == DiskLevel::kFull) {
    return Status(Code::kNoSpace, "disk full, only reads are served until there is room again");
  }
  if (standing_ == Standing::kNoWrites) {
    return Status(Code::kNoSpace,
                  "checkpoints fail and the journal is full, only reads are served until one "
                  "succeeds");
  }
  if (standing_ == Standing::kBehind || core_.checkpoint.unsaved_bytes() > dirty_cap_bytes_) {
    return Status(Code::kLimit, "unsaved changes are at their limit");
  }
  return OkStatus();
}

Status Persistence::CanGrow(uint64_t request_bytes) const {
  if (disk_->level() != DiskLevel::kPlenty ||
      (request_bytes > kLargeRequestBytes && request_bytes > disk_->room_bytes() / 2))
      [[unlikely]] {
    return Status(Code::kNoSpace,
                  "disk full, commands that need more room are refused until there is some again");
  }
  if (standing_ == Standing::kNoGrowth) [[unlikely]] {
    return Status(Code::kNoSpace,
                  "checkpoints fail and the journal is nearly full, commands that need more room "
                  "are refused until one succeeds");
  }
  return OkStatus();
}

// Once per turn: the commands of the next one only look at the outcome.
void Persistence::UpdateStanding() {
  const uint64_t unsaved = core_.checkpoint.unsaved_bytes();
  disk_->SetUnsaved(unsaved);
  if (!core_.options.background_threads && now_store_ms_ >= next_look_ms_) {
    next_look_ms_ = now_store_ms_ + kLookIntervalMs;
    disk_->Look();
  }
  const uint64_t journal = journal_->bytes_since_checkpoint();
  const auto is_above = [&](uint64_t quarters) {
    return unsaved > dirty_cap_bytes_ / 4 * quarters || journal > journal_cap_bytes_ / 4 * quarters;
  };
  Standing standing = Standing::kOpen;
  if (is_above(4)) {
    standing = last_checkpoint_ok_ ? Standing::kBehind : Standing::kNoWrites;
  } else if (!last_checkpoint_ok_ && is_above(3)) {
    standing = Standing::kNoGrowth;
  }
  if (standing == standing_) {
    return;
  }
  const bool was_told = standing_ == Standing::kNoGrowth || standing_ == Standing::kNoWrites;
  standing_ = standing;
  if (standing == Standing::kNoGrowth) {
    core_.Log(LogLevel::kWarning,
              "checkpoints fail and the journal is nearly full: what needs more "
              "room is refused");
  } else if (standing == Standing::kNoWrites) {
    core_.Log(LogLevel::kWarning,
              "checkpoints fail and the journal is full: only reads are served");
  } else if (was_told) {
    core_.Log(LogLevel::kWarning, "checkpoints succeed again: everything is accepted");
  }
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
  FAULT_POINT("turn.before_record");
  std::string record = core_.recorder.Take(journal_->TakeBuffer());
  FAULT_POINT("turn.record_built");
  disk_->NoteWritten(record.size());
  last_append_ms_ = now.store_ms;
  journal_->Append(core_.turn, now.store_ms, std::move(record));
  ++core_.turn;
  FAULT_POINT("turn.appended");
}

void Persistence::EndTurn(Now now) {
  now_unix_s_ = now.unix_ms / 1000;
  now_store_ms_ = now.store_ms;
  CommitTurn(now);
  AdvanceCheckpoint();
  UpdateStanding();
  core_.FreeFlushed(1000);
  core_.checkpoint.FreeDiscarded(2000);
  core_.ShrinkToBudget();
  if (core_.aging.Run(now.store_ms)) {
    ComeBackSoon();
  }
}

Status Persistence::Close() {
  if (journal_->failed()) {
    return Status(Code::kIo, "the journal failed");
  }
  closing_ = true;
  RETURN_IF_ERROR(CheckpointNow());
  RETURN_IF_ERROR(journal_->Sync());
  FAULT_POINT("close.synced");
  RETURN_IF_ERROR(journal_->CloseClean());
  FAULT_POINT("close.journal_closed");
  disk_->Stop();
  const std::unique_lock lock(store_mutex_);
  store_.reset();
  FAULT_POINT("close.store_closed");
  directory_.Unlock();
  return OkStatus();
}

void Persistence::RunOnCheckpointThread(std::function<void()> work) {
  checkpoint_thread_->Run(std::move(work));
}

void Persistence::StopThreads() { checkpoint_thread_.reset(); }

}  // namespace engine
