#include "tests/torture/kill_points.h"

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <string>
#include <unordered_map>
#include <utility>

#include "engine/fault_point.h"
#include "tests/torture/rocks_sync_point.h"

namespace tests {
namespace {

constexpr const char* kOurs[] = {
    "checkpoint.before_batch",
    "checkpoint.before_flush",
    "checkpoint.before_told",
    "checkpoint.begins",
    "checkpoint.confirmed",
    "checkpoint.encoded",
    "checkpoint.flushed",
    "checkpoint.frozen",
    "checkpoint.journal_told",
    "checkpoint.reverted",
    "checkpoint.slice_encoded",
    "checkpoint.written",
    "close.before_void",
    "close.journal_closed",
    "close.segment_deleted",
    "close.segment_voided",
    "close.store_closed",
    "close.synced",
    "close.void_synced",
    "journal.after_header",
    "journal.after_release",
    "journal.after_sync",
    "journal.after_write",
    "journal.before_fragments",
    "journal.before_header",
    "journal.before_release",
    "journal.before_sync",
    "journal.before_write",
    "journal.epoch_written",
    "journal.failed_over",
    "journal.segment_taken",
    "journal.witness_left",
    "open.directory_made",
    "open.first_checkpoint_written",
    "open.journal_directory_made",
    "open.journal_directory_synced",
    "open.locked",
    "open.store_directory_made",
    "open.store_opened",
    "recovery.epoch_begun",
    "recovery.journal_opened",
    "recovery.record",
    "recovery.replayed",
    "recovery.segments_synced",
    "recycle.after_delete",
    "recycle.before_delete",
    "recycle.begins",
    "recycle.spare_made",
    "reopen.store_closed",
    "reopen.store_opened",
    "spare.before_rename",
    "spare.created",
    "spare.directory_synced",
    "spare.filled",
    "spare.renamed",
    "turn.appended",
    "turn.before_record",
    "turn.record_built",
};

// What the workload of these harnesses passes of RocksDB 7.8.3.
constexpr const char* kOfRocksDb[] = {
    "BlockBasedTable::Open::PassedVerifyUniqueId",
    "BlockBasedTableBuilder::BlockBasedTableBuilder:PreSetupBaseCacheKey",
    "BlockBasedTableBuilder::WritePropertiesBlock:BlockData",
    "CompactionJob::FinishCompactionOutputFile1",
    "CompactionJob::OpenCompactionOutputFile",
    "CompactionJob::Run:BeforeVerify",
    "DBImpl::AtomicFlushMemTables:AfterScheduleFlush",
    "DBImpl::AtomicFlushMemTables:BeforeWaitForBgFlush",
    "DBImpl::AtomicFlushMemTablesToOutputFiles:SomeFlushJobsComplete:1",
    "DBImpl::AtomicFlushMemTablesToOutputFiles:WaitToCommit",
    "DBImpl::BGWorkCompaction",
    "DBImpl::BGWorkFlush",
    "DBImpl::BGWorkFlush:done",
    "DBImpl::BackgroundCallCompaction:FoundObsoleteFiles",
    "DBImpl::BackgroundCallCompaction:PurgedObsoleteFiles",
    "DBImpl::BackgroundCallFlush:ContextCleanedUp",
    "DBImpl::BackgroundCallFlush:FilesFound",
    "DBImpl::BackgroundCallFlush:start",
    "DBImpl::BackgroundCompaction:AfterCompaction",
    "DBImpl::BackgroundCompaction:NonTrivial:AfterRun",
    "DBImpl::BackgroundCompaction:NonTrivial:BeforeRun",
    "DBImpl::BackgroundCompaction:Start",
    "DBImpl::BackgroundFlush:BeforeFlush",
    "DBImpl::CloseHelper:PendingPurgeFinished",
    "DBImpl::DeleteObsoleteFileImpl::BeforeDeletion",
    "DBImpl::DeleteObsoleteFileImpl:AfterDeletion",
    "DBImpl::FlushJob:Flush",
    "DBImpl::FlushJob:SSTFileCreated",
    "DBImpl::NotifyOnFlushCompleted::PostAllOnFlushCompleted",
    "DBImpl::Open:AfterDeleteFiles",
    "DBImpl::Open:Opened",
    "DBImpl::PurgeObsoleteFiles:Begin",
    "DBImpl::PurgeObsoleteFiles:End",
    "DBImpl::RecoverLogFiles:BeforeFlushFinalMemtable",
    "DBImpl::SyncClosedLogs:Start",
    "DBImpl::WriteImpl:BeforeLeaderEnters",
    "DBImpl::WriteOptionsFile:1",
    "DBImpl::WriteOptionsFile:2",
    "DBImpl::WriteOptionsFile:PersistOptions",
    "FlushJob::Start",
    "FlushJob::WriteLevel0Table",
    "LogReader::ReadMore:AfterReadFile",
    "LogWriter::EmitPhysicalRecord:BeforeEncodeChecksum",
    "MemTable::Add:Encoded",
    "PosixWritableFile::Close",
    "SstFileManagerImpl::OnAddFile",
    "SstFileManagerImpl::OnDeleteFile",
    "TableCache::GetTableReader:0",
    "VersionEdit::EncodeTo:UniqueId",
    "VersionEditHandlerBase::Iterate:Finish",
    "VersionSet::LogAndApply:BeforeWriterWaiting",
    "VersionSet::LogAndApply:WriteManifest",
    "VersionSet::LogAndApply:WriteManifestDone",
    "VersionSet::LogAndApply:WriteManifestStart",
    "VersionSet::ProcessManifestWrites:AfterSyncManifest",
    "VersionSet::ProcessManifestWrites:BeforeNewManifest",
    "VersionSet::ProcessManifestWrites:BeforeWriteLastVersionEdit:0",
    "VersionSet::ProcessManifestWrites:BeforeWriteLastVersionEdit:1",
    "VersionSet::ProcessManifestWrites:CheckOneAtomicGroup",
    "VersionSet::ProcessManifestWrites:NewVersion",
    "WritableFileWriter::Append:BeforePrepareWrite",
    "WritableFileWriter::Flush:BeforeAppend",
    "WritableFileWriter::SyncInternal:0",
};

struct Armed {
  Death death;
  std::atomic<uint64_t>* counts = nullptr;
  std::atomic<uint64_t> all{0};
  std::function<void()> last_words;
  std::unordered_map<std::string_view, int> places;
};

Armed& State() {
  static Armed state;
  return state;
}

void Pass(int point) {
  Armed& state = State();
  const uint64_t own = state.counts[point].fetch_add(1) + 1;
  const uint64_t all = state.all.fetch_add(1) + 1;
  const bool is_it = state.death.point == kAnyPoint
                         ? all == state.death.pass
                         : point == state.death.point && own == state.death.pass;
  if (is_it) {
    state.last_words();
    std::raise(SIGKILL);
  }
}

[[maybe_unused]] void PassNamed(const char* name) {
  const auto place = State().places.find(name);
  if (place != State().places.end()) {
    Pass(place->second);
  }
}

}  // namespace

const std::vector<const char*>& KillPoints() {
  static const std::vector<const char*> points = [] {
    std::vector<const char*> all(std::begin(kOurs), std::end(kOurs));
    all.insert(all.end(), std::begin(kOfRocksDb), std::end(kOfRocksDb));
    return all;
  }();
  return points;
}

bool IsOfRocksDb(std::string_view point) { return point.find(':') != std::string_view::npos; }

void Arm(const Death& death, std::atomic<uint64_t>* counts, std::function<void()> last_words) {
  Armed& state = State();
  state.death = death;
  state.counts = counts;
  state.last_words = std::move(last_words);
  rocksdb::SyncPoint* const rocks = rocksdb::SyncPoint::GetInstance();
  const std::vector<const char*>& points = KillPoints();
  for (size_t i = 0; i < points.size(); ++i) {
    const int point = static_cast<int>(i);
    counts[i] = 0;
    state.places.emplace(points[i], point);
    if (IsOfRocksDb(points[i])) {
      rocks->SetCallBack(points[i], [point](void*) { Pass(point); });
    }
  }
  rocks->EnableProcessing();
#ifdef WEIR_FAULT_POINTS
  engine::SetFaultHook(PassNamed);
#endif
}

}  // namespace tests
