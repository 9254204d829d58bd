#include "engine/store.h"

#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/experimental.h>
#include <rocksdb/file_system.h>
#include <rocksdb/options.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <utility>

#include "engine/fault_point.h"
#include "engine/rocks_logger.h"
#include "engine/store_files.h"
#include "engine/store_listener.h"
#include "engine/store_manifest.h"
#include "engine/store_tuning.h"

namespace engine {
namespace {

constexpr std::array<const char*, kFamilyCount> kFamilyNames = {"keys", "blocks", "groups", "side",
                                                                "system"};
// Present in every family. Value: turn (8 bytes, little-endian), then the tag.
constexpr std::string_view kStampKey("\0checkpoint", 11);
constexpr size_t kStampTurnBytes = 8;
// The first key a caller may own.
constexpr std::string_view kFirstCallerKey("\1", 1);

constexpr unsigned char kPut = 1;
constexpr unsigned char kMerge = 2;
constexpr unsigned char kDelete = 3;
constexpr unsigned char kDeleteRange = 4;
constexpr size_t kOperationHeaderBytes = 10;  // Operation, family, two 32-bit lengths.

size_t IndexOf(Family family) { return static_cast<size_t>(family); }

rocksdb::Slice ToSlice(std::string_view text) { return rocksdb::Slice(text.data(), text.size()); }
std::string_view ToView(const rocksdb::Slice& slice) {
  return std::string_view(slice.data(), slice.size());
}

Status FromRocks(const rocksdb::Status& status, std::string_view doing) {
  if (status.ok()) {
    return OkStatus();
  }
  std::string message(doing);
  message.append(": ").append(status.ToString());
  if (status.IsNotFound()) {
    return Status(Code::kNotFound, std::move(message));
  }
  // What RocksDB calls InvalidArgument or NotSupported here is a store that is not what we wrote.
  // Nobody here wants direct I/O: it says so when CURRENT could not be opened once, and then could.
  const bool is_passing =
      status.IsInvalidArgument() && message.find("Direct I/O") != std::string::npos;
  const bool is_damage = !is_passing && (status.IsCorruption() || status.IsInvalidArgument() ||
                                         status.IsNotSupported() || status.IsMergeInProgress());
  return Status(is_damage ? Code::kCorruption : Code::kIo, std::move(message));
}

std::string EncodeStamp(Turn turn, std::string_view tag) {
  std::string value;
  for (size_t i = 0; i < kStampTurnBytes; ++i) {
    value.push_back(static_cast<char>(turn >> (8 * i)));
  }
  value.append(tag);
  return value;
}

struct Stamp {
  Turn turn = 0;
  std::string tag;
};

Result<Stamp> DecodeStamp(std::string_view value, const char* family) {
  if (value.size() < kStampTurnBytes) {
    return Status(Code::kCorruption, std::string("store: short stamp in family ") + family);
  }
  Stamp stamp;
  for (size_t i = 0; i < kStampTurnBytes; ++i) {
    stamp.turn |= static_cast<Turn>(static_cast<unsigned char>(value[i])) << (8 * i);
  }
  stamp.tag = value.substr(kStampTurnBytes);
  return stamp;
}

void AppendLength(std::string* out, size_t length) {
  CHECK(length <= UINT32_MAX);
  const auto value = static_cast<uint32_t>(length);
  out->append(reinterpret_cast<const char*>(&value), sizeof(value));
}

bool IsCallerKey(std::string_view key) { return !key.empty() && key.front() != kReservedKeyPrefix; }

}  // namespace

void Batch::Add(std::string* to, unsigned char operation, Family family, std::string_view a,
                std::string_view b) {
  to->push_back(static_cast<char>(operation));
  to->push_back(static_cast<char>(family));
  AppendLength(to, a.size());
  AppendLength(to, b.size());
  to->append(a).append(b);
}

void Batch::ForEach(std::string_view operations, Visitor visit) {
  while (!operations.empty()) {
    CHECK(operations.size() >= kOperationHeaderBytes);
    const auto operation = static_cast<unsigned char>(operations[0]);
    const auto index = static_cast<unsigned char>(operations[1]);
    CHECK(index < kFamilyCount);
    uint32_t lengths[2];
    std::memcpy(lengths, operations.data() + 2, sizeof(lengths));
    const std::string_view a = operations.substr(kOperationHeaderBytes, lengths[0]);
    const std::string_view b = operations.substr(kOperationHeaderBytes + a.size(), lengths[1]);
    operations.remove_prefix(kOperationHeaderBytes + a.size() + b.size());
    visit(operation, static_cast<Family>(index), a, b);
  }
}

void Batch::Put(Family family, std::string_view key, std::string_view value) {
  CHECK(IsCallerKey(key));
  Add(&bytes_, kPut, family, key, value);
}

void Batch::Merge(std::string_view key, std::string_view value) {
  CHECK(IsCallerKey(key));
  Add(&bytes_, kMerge, Family::kBlocks, key, value);
}

void Batch::Append(Family family, std::string_view key,
                   absl::FunctionRef<As(std::string*)> append) {
  CHECK(IsCallerKey(key));
  const size_t begin = bytes_.size();
  Add(&bytes_, kPut, family, key, {});
  const size_t value_begin = bytes_.size();
  const As as = append(&bytes_);
  const size_t size = bytes_.size() - value_begin;
  CHECK(size <= UINT32_MAX && (as == As::kPut || family == Family::kBlocks));
  const auto length = static_cast<uint32_t>(size);
  bytes_[begin] = static_cast<char>(as == As::kPut ? kPut : kMerge);
  std::memcpy(bytes_.data() + begin + kOperationHeaderBytes - sizeof(length), &length,
              sizeof(length));
}

void Batch::Delete(Family family, std::string_view key) {
  CHECK(IsCallerKey(key));
  Add(&bytes_, kDelete, family, key, {});
}

void Batch::DeleteRange(Family family, std::string_view begin, std::string_view end) {
  CHECK(IsCallerKey(begin) && begin <= end);
  Add(&bytes_, kDeleteRange, family, begin, end);
}

void Batch::DeleteFirst(Family family, std::string_view key) {
  CHECK(IsCallerKey(key));
  Add(&first_, kDelete, family, key, {});
}

void Batch::DeleteRangeFirst(Family family, std::string_view begin, std::string_view end) {
  CHECK(IsCallerKey(begin) && begin <= end);
  Add(&first_, kDeleteRange, family, begin, end);
}

struct Store::Impl {
  explicit Impl(const StoreOptions& store_options) : options(store_options) {}

  ~Impl() { CloseDatabase(); }

  rocksdb::ColumnFamilyHandle* Handle(Family family) const { return handles[IndexOf(family)]; }

  Status Open();
  rocksdb::Status OpenDatabase(const rocksdb::DBOptions& db_options, bool read_only);
  Status OpenWithoutTornEnd(const rocksdb::DBOptions& db_options, const Status& cause);
  void CloseDatabase();
  rocksdb::Status Fill(std::string_view operations, rocksdb::WriteBatch* out) const;
  Result<std::string> Get(Family family, std::string_view key,
                          const rocksdb::Snapshot* snapshot) const;
  Status Scan(Family family, std::string_view begin, std::string_view end, size_t max_items,
              const Visitor& visit, const rocksdb::Snapshot* snapshot) const;
  Result<Stamp> ReadStamp() const;
  uint64_t Property(const std::string& name) const;
  uint64_t PropertySum(const std::string& name) const;

  const StoreOptions options;
  std::atomic<bool> background_error{false};
  std::atomic<bool> met_damage{false};  // In a compaction.
  std::atomic<bool> failed{false};      // A write failed: no further one.
  std::shared_ptr<rocksdb::Cache> cache;
  CompactionRoom room;
  // Outlives the database.
  const std::unique_ptr<rocksdb::Env> environment =
      rocksdb::NewCompositeEnv(std::make_shared<StoreFiles>(options.file_system, &room));
  std::unique_ptr<rocksdb::DB> db;
  std::vector<rocksdb::ColumnFamilyHandle*> all_handles;
  std::array<rocksdb::ColumnFamilyHandle*, kFamilyCount> handles{};
};

Status Store::Impl::Open() {
  cache = rocksdb::NewLRUCache(BlockCacheBytes(options.memory_budget_bytes), 2, false, 0.5);
  auto db_options = DatabaseOptions(
      options, std::make_shared<RocksLogger>(options.log),
      std::make_shared<StoreListener>(background_error, met_damage, room, options.on_compaction));
  db_options.env = environment.get();
  const rocksdb::Status status = OpenDatabase(db_options, false);
  if (status.ok()) {
    return OkStatus();
  }
  const Status ours = FromRocks(status, "open store " + options.directory);
  if (status.IsCorruption() && options.newest_known_turn) {
    return OpenWithoutTornEnd(db_options, ours);
  }
  // A file that another one names is not there.
  const bool is_incomplete = ours.code() == Code::kNotFound || status.IsPathNotFound();
  return is_incomplete ? Status(Code::kCorruption, ours.message()) : ours;
}

void Store::Impl::CloseDatabase() {
  if (db == nullptr) {
    return;
  }
  for (rocksdb::ColumnFamilyHandle* handle : all_handles) {
    // Fails only for a null handle.
    static_cast<void>(db->DestroyColumnFamilyHandle(handle));
  }
  all_handles.clear();
  // A failed close leaves nothing to do: what counts was flushed by WriteCheckpoint.
  static_cast<void>(db->Close());
  db.reset();
}

// `cause` is returned, and nothing has changed, unless what comes out has the newest checkpoint.
// Reading alone comes first: opened for writing, RocksDB deletes the files that it does not know of
// any more.
Status Store::Impl::OpenWithoutTornEnd(const rocksdb::DBOptions& db_options, const Status& cause) {
  ManifestRepair repair(db_options.env, options.directory);
  const Result<Turn> known = options.newest_known_turn();
  if (!known.ok() || !repair.Cut()) {
    return cause;
  }
  const rocksdb::Status read = OpenDatabase(db_options, true);
  if (read.ok()) {
    const Result<Stamp> stamp = ReadStamp();
    CloseDatabase();
    if (!stamp.ok() || stamp->turn < *known) {
      return cause;
    }
  } else if (!read.IsInvalidArgument() || !options.create_if_missing) {
    return cause;
  }  // Else it lacks families: it has never had a checkpoint.
  if (!OpenDatabase(db_options, false).ok()) {
    return cause;
  }
  repair.Keep();
  if (options.log) {
    options.log(static_cast<int>(StoreLogLevel::kWarning),
                "a torn end of " + std::to_string(repair.cut_bytes()) +
                    " bytes was taken off RocksDB's MANIFEST; it had not been synced");
  }
  return OkStatus();
}

rocksdb::Status Store::Impl::OpenDatabase(const rocksdb::DBOptions& db_options, bool read_only) {
  // RocksDB wants the default family too; nothing is in it.
  const bool is_small_disk = IsSmallDisk(options.directory);
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  rocksdb::ColumnFamilyOptions unused =
      FamilyOptions(Family::kSystem, size_t{1} << 20, is_small_disk, cache);
  families.emplace_back(rocksdb::kDefaultColumnFamilyName, unused);
  for (size_t i = 0; i < kFamilyCount; ++i) {
    families.emplace_back(
        kFamilyNames[i],
        FamilyOptions(static_cast<Family>(i), options.memory_budget_bytes, is_small_disk, cache));
    families.back().options.disable_auto_compactions = !options.compactions;
  }
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status =
      read_only ? rocksdb::DB::OpenForReadOnly(db_options, options.directory, families,
                                               &all_handles, &opened)
                : rocksdb::DB::Open(db_options, options.directory, families, &all_handles, &opened);
  if (!status.ok()) {
    return status;
  }
  db.reset(opened);
  for (size_t i = 0; i < kFamilyCount; ++i) {
    handles[i] = all_handles[i + 1];
  }
  return status;
}

rocksdb::Status Store::Impl::Fill(std::string_view operations, rocksdb::WriteBatch* out) const {
  rocksdb::Status status;
  const auto add = [&](unsigned char operation, Family family, std::string_view first,
                       std::string_view second) {
    if (!status.ok()) {
      return;
    }
    rocksdb::ColumnFamilyHandle* const handle = Handle(family);
    const rocksdb::Slice a = ToSlice(first);
    const rocksdb::Slice b = ToSlice(second);
    switch (operation) {
      case kPut:
        status = out->Put(handle, a, b);
        break;
      case kMerge:
        status = out->Merge(handle, a, b);
        break;
      case kDelete:
        status = out->Delete(handle, a);
        break;
      default:
        CHECK(operation == kDeleteRange);
        status = out->DeleteRange(handle, a, b);
    }
  };
  Batch::ForEach(operations, add);
  return status;
}

Result<std::string> Store::Impl::Get(Family family, std::string_view key,
                                     const rocksdb::Snapshot* snapshot) const {
  rocksdb::ReadOptions read;
  read.snapshot = snapshot;
  std::string value;
  const rocksdb::Status status = db->Get(read, Handle(family), ToSlice(key), &value);
  if (!status.ok()) {
    return FromRocks(status, std::string("read from family ") + kFamilyNames[IndexOf(family)]);
  }
  return value;
}

Status Store::Impl::Scan(Family family, std::string_view begin, std::string_view end,
                         size_t max_items, const Visitor& visit,
                         const rocksdb::Snapshot* snapshot) const {
  begin = std::max(begin, kFirstCallerKey);
  if (!end.empty() && end <= begin) {
    return OkStatus();
  }
  rocksdb::ReadOptions read;
  read.snapshot = snapshot;
  const rocksdb::Slice upper_bound = ToSlice(end);
  if (!end.empty()) {
    read.iterate_upper_bound = &upper_bound;
  }
  const std::unique_ptr<rocksdb::Iterator> iterator(db->NewIterator(read, Handle(family)));
  iterator->Seek(ToSlice(begin));
  for (size_t items = 0; items < max_items && iterator->Valid(); ++items) {
    if (!visit(ToView(iterator->key()), ToView(iterator->value()))) {
      break;
    }
    iterator->Next();
  }
  return FromRocks(iterator->status(),
                   std::string("scan of family ") + kFamilyNames[IndexOf(family)]);
}

Result<Stamp> Store::Impl::ReadStamp() const {
  Stamp first;
  for (size_t i = 0; i < kFamilyCount; ++i) {
    Stamp stamp;
    auto value = Get(static_cast<Family>(i), kStampKey, nullptr);
    if (value.ok()) {
      ASSIGN_OR_RETURN(stamp, DecodeStamp(*value, kFamilyNames[i]));
    } else if (value.code() != Code::kNotFound) {
      return value.status();
    }
    if (i == 0) {
      first = std::move(stamp);
    } else if (stamp.turn != first.turn || stamp.tag != first.tag) {
      return Status(Code::kCorruption, std::string("store: family ") + kFamilyNames[0] +
                                           " is at checkpoint " + std::to_string(first.turn) +
                                           " but " + kFamilyNames[i] + " is at " +
                                           std::to_string(stamp.turn));
    }
  }
  return first;
}

uint64_t Store::Impl::Property(const std::string& name) const {
  uint64_t value = 0;
  return db->GetIntProperty(Handle(Family::kBlocks), name, &value) ? value : 0;
}

uint64_t Store::Impl::PropertySum(const std::string& name) const {
  uint64_t value = 0;
  return db->GetAggregatedIntProperty(name, &value) ? value : 0;
}

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Store::~Store() = default;

Result<std::unique_ptr<Store>> Store::Open(const StoreOptions& options) {
  auto impl = std::make_unique<Impl>(options);
  RETURN_IF_ERROR(impl->Open());
  return std::unique_ptr<Store>(new Store(std::move(impl)));
}

Result<Turn> Store::CheckpointTurn() const {
  ASSIGN_OR_RETURN(const Stamp stamp, impl_->ReadStamp());
  return stamp.turn;
}

Result<std::string> Store::CheckpointTag() const {
  ASSIGN_OR_RETURN(Stamp stamp, impl_->ReadStamp());
  return std::move(stamp.tag);
}

Result<std::string> Store::Get(Family family, std::string_view key) const {
  return impl_->Get(family, key, nullptr);
}

Result<std::vector<std::optional<std::string>>> Store::MultiGet(
    Family family, std::span<const std::string_view> keys) const {
  std::vector<rocksdb::Slice> slices;
  slices.reserve(keys.size());
  for (const std::string_view key : keys) {
    slices.push_back(ToSlice(key));
  }
  std::vector<rocksdb::PinnableSlice> found(keys.size());
  std::vector<rocksdb::Status> statuses(keys.size());
  impl_->db->MultiGet(rocksdb::ReadOptions(), impl_->Handle(family), keys.size(), slices.data(),
                      found.data(), statuses.data());
  std::vector<std::optional<std::string>> values(keys.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    if (statuses[i].ok()) {
      values[i] = found[i].ToString();
    } else if (!statuses[i].IsNotFound()) {
      return FromRocks(statuses[i],
                       std::string("read from family ") + kFamilyNames[IndexOf(family)]);
    }
  }
  return values;
}

Status Store::Scan(Family family, std::string_view begin, std::string_view end, size_t max_items,
                   const Visitor& visit) const {
  return impl_->Scan(family, begin, end, max_items, visit, nullptr);
}

std::unique_ptr<Store::Snapshot> Store::TakeSnapshot() const {
  return std::unique_ptr<Snapshot>(new Snapshot(this, impl_->db->GetSnapshot()));
}

Store::Snapshot::~Snapshot() {
  store_->impl_->db->ReleaseSnapshot(static_cast<const rocksdb::Snapshot*>(handle_));
}

Result<std::string> Store::Snapshot::Get(Family family, std::string_view key) const {
  return store_->impl_->Get(family, key, static_cast<const rocksdb::Snapshot*>(handle_));
}

Status Store::Snapshot::Scan(Family family, std::string_view begin, std::string_view end,
                             size_t max_items, const Visitor& visit) const {
  return store_->impl_->Scan(family, begin, end, max_items, visit,
                             static_cast<const rocksdb::Snapshot*>(handle_));
}

bool Store::has_failed() const {
  return impl_->failed.load(std::memory_order_acquire) ||
         impl_->background_error.load(std::memory_order_acquire);
}

Status Store::WriteCheckpoint(const Batch& batch, Turn turn, std::string_view journal_tag) {
  if (has_failed()) {
    return Status(Code::kIo, "the store has failed before; it must be opened again");
  }
  // Eight bytes of protection per key: damage in memory is found before it is written.
  rocksdb::WriteBatch write(batch.byte_size() + batch.byte_size() / 8, 0, 8, 0);
  rocksdb::Status status = impl_->Fill(batch.first_, &write);
  if (status.ok()) {
    status = impl_->Fill(batch.bytes_, &write);
  }
  const std::string stamp = EncodeStamp(turn, journal_tag);
  for (rocksdb::ColumnFamilyHandle* handle : impl_->handles) {
    if (status.ok()) {
      status = write.Put(handle, ToSlice(kStampKey), ToSlice(stamp));
    }
  }
  if (status.ok()) {
    rocksdb::WriteOptions options;
    options.disableWAL = true;
    FAULT_POINT("checkpoint.before_batch");
    status = impl_->db->Write(options, &write);
  }
  write.Clear();
  if (status.ok()) {
    rocksdb::FlushOptions options;
    options.wait = true;
    options.allow_write_stall = true;
    const std::vector<rocksdb::ColumnFamilyHandle*> families(impl_->handles.begin(),
                                                             impl_->handles.end());
    FAULT_POINT("checkpoint.before_flush");
    status = impl_->db->Flush(options, families);
    FAULT_POINT("checkpoint.flushed");
  }
  if (!status.ok()) {
    impl_->failed.store(true, std::memory_order_release);
    return Status(Code::kIo, "checkpoint: " + status.ToString());
  }
  return OkStatus();
}

void Store::LimitCompactions(uint64_t bytes) { impl_->room.Set(bytes); }

void Store::ReclaimDeleted(const Batch& batch) {
  std::optional<std::string_view> first;
  std::string_view last;
  const auto widen = [&](unsigned char operation, Family family, std::string_view a,
                         std::string_view b) {
    const bool deletes = operation == kDelete || operation == kDeleteRange;
    if (deletes && family == Family::kBlocks) {
      first = first.has_value() ? std::min(*first, a) : a;
      last = std::max({last, a, b});
    }
  };
  Batch::ForEach(batch.first_, widen);
  Batch::ForEach(batch.bytes_, widen);
  if (!first.has_value()) {
    return;
  }
  impl_->room.Resume();
  const rocksdb::Slice begin = ToSlice(*first);
  const rocksdb::Slice end = ToSlice(last);
  // What it cannot do now, the next compaction does.
  static_cast<void>(rocksdb::experimental::SuggestCompactRange(
      impl_->db.get(), impl_->Handle(Family::kBlocks), &begin, &end));
}

Status Store::VerifyChecksums() const {
  return FromRocks(impl_->db->VerifyChecksum(), "verify checksums");
}

size_t Store::max_batch_bytes() const {
  return MemtableBytes(impl_->options.memory_budget_bytes) / 4 * 3;
}

Store::Statistics Store::GetStatistics() const {
  using Properties = rocksdb::DB::Properties;
  Statistics statistics;
  statistics.live_disk_bytes = impl_->PropertySum(Properties::kLiveSstFilesSize);
  statistics.total_disk_bytes = impl_->PropertySum(Properties::kTotalSstFilesSize);
  statistics.memtable_bytes = impl_->PropertySum(Properties::kCurSizeAllMemTables);
  statistics.block_cache_bytes = impl_->cache->GetUsage();
  statistics.table_reader_bytes = impl_->PropertySum(Properties::kEstimateTableReadersMem);
  statistics.pending_compaction_bytes =
      impl_->PropertySum(Properties::kEstimatePendingCompactionBytes);
  statistics.running_compactions = impl_->Property(Properties::kNumRunningCompactions);
  statistics.running_flushes = impl_->Property(Properties::kNumRunningFlushes);
  statistics.estimated_keys = impl_->PropertySum(Properties::kEstimateNumKeys);
  statistics.write_stopped = impl_->Property(Properties::kIsWriteStopped) != 0;
  statistics.compaction_met_damage = impl_->met_damage.load(std::memory_order_acquire);
  statistics.background_error = impl_->background_error.load(std::memory_order_acquire) ||
                                impl_->failed.load(std::memory_order_acquire);
  return statistics;
}

}  // namespace engine
