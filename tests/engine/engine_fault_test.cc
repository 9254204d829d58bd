// Data directories that are not as they should be: what is lost, and what is refused.
#include <gtest/gtest.h>
#include <rocksdb/db.h>
#include <rocksdb/file_system.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "engine/inspect.h"
#include "engine/journal_file.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_engine.h"

namespace engine {
namespace {

using tests::CopyTree;
using tests::Entry;
using tests::TempDir;
using tests::TestEngine;

namespace fs = std::filesystem;

// While `fails`, no file can be made.
class NoNewFiles : public rocksdb::FileSystemWrapper {
 public:
  NoNewFiles() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  const char* Name() const override { return "NoNewFiles"; }
  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* context) override {
    return fails ? rocksdb::IOStatus::NoSpace("as asked")
                 : FileSystemWrapper::NewWritableFile(path, options, file, context);
  }

  bool fails = false;
};

void AddTurns(TestEngine& engine, uint64_t first, uint64_t last) {
  for (uint64_t ms = first; ms <= last; ++ms) {
    const Entry entry = Entry::Of("value " + std::to_string(ms));
    const auto added = engine.Run(0, [&](Op& op) -> Result<AddResult> {
      const auto stream = engine->OpenStream(op, "s");
      return engine->Add(op, "s", stream.ok() ? *stream : nullptr,
                         {AddId::Form::kExplicit, {ms, 0}}, entry.payload(), {});
    });
    ASSERT_TRUE(added.ok());
    engine.EndTurn();
  }
}

// Entries 1-0, 2-0, ... without a gap: how many. -1 if they are others.
int64_t CountEntries(TestEngine& engine) {
  int64_t count = 0;
  bool in_order = true;
  RangeArgs all;
  all.end = StreamId::Max();
  const Status status = engine.Run(0, [&](Op& op) -> Status {
    count = 0;
    ASSIGN_OR_RETURN(Stream * stream, engine->OpenStream(op, "s"));
    return engine->Range(op, *stream, all, [&](const EntryView& entry) {
      ++count;
      in_order &= entry.id == StreamId{static_cast<uint64_t>(count), 0};
    });
  });
  return status.ok() && in_order ? count : -1;
}

std::string ReadFile(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

void WriteFile(const fs::path& path, const std::string& bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << bytes;
}

// The segment that is being written: the one with the most in it.
fs::path UsedSegment(const std::string& journal) {
  fs::path used;
  size_t most = 0;
  for (const auto& file : fs::directory_iterator(journal)) {
    const size_t end = ReadFile(file.path()).find_last_not_of('\0') + 1;
    if (end > most) {
      most = end;
      used = file.path();
    }
  }
  return used;
}

// Says which directories were synced.
class NotingOps final : public JournalFileOps {
 public:
  Result<std::unique_ptr<JournalFile>> OpenFile(const std::string& path, bool create) override {
    return real_.OpenFile(path, create);
  }
  Result<uint64_t> FileSize(const std::string& path) override { return real_.FileSize(path); }
  Status Rename(const std::string& from, const std::string& to) override {
    return real_.Rename(from, to);
  }
  Status Remove(const std::string& path) override { return real_.Remove(path); }
  Result<std::vector<std::string>> List(const std::string& directory) override {
    return real_.List(directory);
  }
  Status CreateDirectory(const std::string& directory) override {
    return real_.CreateDirectory(directory);
  }
  Status SyncDirectory(const std::string& directory) override {
    synced_.insert(directory);
    return real_.SyncDirectory(directory);
  }
  bool has_synced(const std::string& directory) const { return synced_.contains(directory); }

 private:
  JournalFileOps& real_ = PosixJournalFileOps();
  std::set<std::string> synced_;
};

TEST(EngineFault, DirectoriesThatWereThereAreSyncedIntoTheirParents) {
  TempDir directory;
  fs::create_directories(directory / "above/data");
  NotingOps ops;
  EngineOptions options = TestEngine::SmallOptions(directory / "above/data/");
  options.file_ops = &ops;
  TestEngine engine(options);
  ASSERT_EQ(engine.Open(), "");
  EXPECT_TRUE(ops.has_synced(directory / "above"));
  EXPECT_TRUE(ops.has_synced(directory.path()));
}

TEST(EngineFault, AStoreThatLacksFamiliesAndHasNoJournalIsCompleted) {
  TempDir directory;
  const EngineOptions options = TestEngine::SmallOptions(directory / "data");
  {
    // As RocksDB leaves it when the process dies while the families are being made.
    fs::create_directories(directory / "data/store");
    rocksdb::Options only_default;
    only_default.create_if_missing = true;
    rocksdb::DB* database = nullptr;
    ASSERT_TRUE(rocksdb::DB::Open(only_default, directory / "data/store", &database).ok());
    delete database;
  }
  TestEngine engine(options);
  ASSERT_EQ(engine.Open(), "");
  AddTurns(engine, 1, 3);
  EXPECT_EQ(CountEntries(engine), 3);
}

TEST(EngineFault, ADirectoryInUseIsRefused) {
  TempDir directory;
  TestEngine one(TestEngine::SmallOptions(directory / "data"));
  ASSERT_EQ(one.Open(), "");
  TestEngine two(TestEngine::SmallOptions(directory / "data"));
  EXPECT_NE(two.Open().find("in use"), std::string::npos);
  one.Close();
  EXPECT_EQ(two.Open(), "");
}

TEST(EngineFault, ATornJournalLosesOnlyTurnsThatWereNotSynced) {
  TempDir directory;
  const EngineOptions options = TestEngine::SmallOptions(directory / "data");
  const std::string journal = directory / "data/journal";
  fs::path segment;
  size_t synced_end = 0;
  {
    TestEngine engine(options);
    ASSERT_EQ(engine.Open(), "");
    AddTurns(engine, 1, 10);
    ASSERT_TRUE(engine->SyncNow().ok());
    segment = UsedSegment(journal);
    synced_end = ReadFile(segment).find_last_not_of('\0') + 1;
    AddTurns(engine, 11, 20);
  }
  const std::string whole = ReadFile(segment);
  const size_t end = whole.find_last_not_of('\0') + 1;
  ASSERT_GT(end, synced_end);
  int64_t most = 0;
  for (size_t cut = synced_end; cut < end; cut += 37) {
    const std::string copy = directory / ("copy" + std::to_string(cut));
    CopyTree(directory / "data", copy);
    std::string torn = whole;
    torn.replace(cut, end - cut, end - cut, '\0');
    WriteFile(fs::path(copy) / "journal" / segment.filename(), torn);
    TestEngine engine(TestEngine::SmallOptions(copy));
    ASSERT_EQ(engine.Open(), "") << "cut at " << cut;
    const int64_t count = CountEntries(engine);
    EXPECT_GE(count, std::max<int64_t>(most, 10));
    EXPECT_LT(count, 20);
    most = count;
    AddTurns(engine, static_cast<uint64_t>(count) + 1, static_cast<uint64_t>(count) + 3);
    engine.Crash();
    ASSERT_EQ(engine.Open(), "");
    EXPECT_EQ(CountEntries(engine), count + 3);
  }
  EXPECT_EQ(most, 19);
}

TEST(EngineFault, TheJournalOfAnotherStoreIsRefused) {
  TempDir directory;
  for (const char* name : {"a", "b"}) {
    TestEngine engine(TestEngine::SmallOptions(directory / name));
    ASSERT_EQ(engine.Open(), "");
    AddTurns(engine, 1, 5);
  }
  fs::remove_all(directory / "a/journal");
  CopyTree(directory / "b/journal", directory / "a/journal");
  TestEngine engine(TestEngine::SmallOptions(directory / "a"));
  EXPECT_NE(engine.Open(), "");
}

TEST(EngineFault, AJournalWithoutItsStoreIsRefused) {
  TempDir directory;
  {
    TestEngine engine(TestEngine::SmallOptions(directory / "data"));
    ASSERT_EQ(engine.Open(), "");
    AddTurns(engine, 1, 5);
  }
  fs::remove_all(directory / "data/store");
  TestEngine engine(TestEngine::SmallOptions(directory / "data"));
  EXPECT_NE(engine.Open(), "");
}

// A clean stop after 5 entries, and a life that adds 4 and dies.
void LeaveCheckpointAndJournal(const TempDir& directory) {
  TestEngine engine(TestEngine::SmallOptions(directory / "data"));
  ASSERT_EQ(engine.Open(), "");
  AddTurns(engine, 1, 5);
  engine.Close();
  ASSERT_EQ(engine.Open(), "");
  AddTurns(engine, 6, 9);
}

TEST(EngineFault, AStoreWithoutItsJournalIsRefused) {
  TempDir directory;
  ASSERT_NO_FATAL_FAILURE(LeaveCheckpointAndJournal(directory));
  fs::remove_all(directory / "data/journal");
  TestEngine engine(TestEngine::SmallOptions(directory / "data"));
  EXPECT_NE(engine.Open(), "");
}

TEST(EngineFault, AnEmptyJournalDirectoryIsRefusedUnlessTheLossIsAccepted) {
  TempDir directory;
  ASSERT_NO_FATAL_FAILURE(LeaveCheckpointAndJournal(directory));
  for (const auto& file : fs::directory_iterator(directory / "data/journal")) {
    fs::remove(file.path());
  }
  TestEngine engine(TestEngine::SmallOptions(directory / "data"));
  EXPECT_NE(engine.Open().find("no segments"), std::string::npos);
  engine.options().accept_loss = true;
  ASSERT_EQ(engine.Open(), "");
  EXPECT_EQ(CountEntries(engine), 5);
  AddTurns(engine, 6, 7);
  engine.Crash();
  engine.options().accept_loss = false;
  ASSERT_EQ(engine.Open(), "");
  EXPECT_EQ(CountEntries(engine), 7);
}

TEST(EngineFault, AStoreWithTablesAndNoCurrentIsRefused) {
  TempDir directory;
  {
    TestEngine engine(TestEngine::SmallOptions(directory / "data"));
    ASSERT_EQ(engine.Open(), "");
    AddTurns(engine, 1, 5);
    engine.Close();
  }
  fs::remove(directory / "data/store/CURRENT");
  fs::remove_all(directory / "data/journal");
  TestEngine engine(TestEngine::SmallOptions(directory / "data"));
  EXPECT_NE(engine.Open().find("CURRENT"), std::string::npos);
  EXPECT_EQ(engine.refusal(), Code::kCorruption);
}

TEST(EngineFault, AStoreThatNamesAMissingFileIsDamaged) {
  TempDir directory;
  {
    TestEngine engine(TestEngine::SmallOptions(directory / "data"));
    ASSERT_EQ(engine.Open(), "");
  }
  WriteFile(directory / "data/store/CURRENT", "MANIFEST-999999\n");
  TestEngine engine(TestEngine::SmallOptions(directory / "data"));
  EXPECT_NE(engine.Open(), "");
  EXPECT_EQ(engine.refusal(), Code::kCorruption);
}

TEST(EngineFault, AStoreThatNeverGotItsFirstJournalOpens) {
  TempDir directory;
  {
    TestEngine engine(TestEngine::SmallOptions(directory / "data"));
    ASSERT_EQ(engine.Open(), "");
  }
  fs::remove_all(directory / "data/journal");
  TestEngine engine(TestEngine::SmallOptions(directory / "data"));
  EXPECT_EQ(engine.Open(), "");
}

TEST(EngineFault, ACheckpointThatFailedWhenTheDiskWasFullIsNoneAtTheEnd) {
  const TempDir temp;
  const auto files = std::make_shared<NoNewFiles>();
  EngineOptions options = TestEngine::SmallOptions(temp.path() + "/data");
  options.store_file_system = files;
  TestEngine engine(options);
  ASSERT_EQ(engine.Open(), "");
  AddTurns(engine, 1, 3);
  files->fails = true;
  engine->PretendFreeDisk(0);
  ASSERT_FALSE(engine->CheckpointNow().ok());
  files->fails = false;
  engine->PretendFreeDisk(std::nullopt);
  EXPECT_TRUE(engine->Close().ok());
  engine.Crash();
  ASSERT_EQ(engine.Open(), "");
  EXPECT_EQ(CountEntries(engine), 3);
}

}  // namespace
}  // namespace engine
