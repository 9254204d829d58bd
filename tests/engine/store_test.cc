#include "engine/store.h"

#include <gtest/gtest.h>
#include <rocksdb/file_system.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace engine {
namespace {

// The first time that CURRENT is read, it cannot be opened.
class CurrentFailsOnce : public rocksdb::FileSystemWrapper {
 public:
  CurrentFailsOnce() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  const char* Name() const override { return "CurrentFailsOnce"; }
  rocksdb::IOStatus NewRandomAccessFile(const std::string& path,
                                        const rocksdb::FileOptions& options,
                                        std::unique_ptr<rocksdb::FSRandomAccessFile>* file,
                                        rocksdb::IODebugContext* context) override {
    if (path.ends_with("/CURRENT") && !failed_) {
      failed_ = true;
      return rocksdb::IOStatus::IOError("as asked");
    }
    return FileSystemWrapper::NewRandomAccessFile(path, options, file, context);
  }

 private:
  bool failed_ = false;
};

class StoreTest : public ::testing::Test {
 protected:
  StoreTest() {
    std::string name = (std::filesystem::temp_directory_path() / "store_XXXXXX").string();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
    options_.directory = name + "/db";
    options_.create_if_missing = true;
    options_.memory_budget_bytes = size_t{16} << 20;
  }
  ~StoreTest() override {
    store_.reset();
    std::filesystem::remove_all(directory_);
  }

  void Reopen() {
    store_.reset();
    auto store = Store::Open(options_);
    ASSERT_TRUE(store.ok()) << store.status().message();
    store_ = std::move(store).value();
  }

  std::vector<std::string> Keys(std::string_view begin, std::string_view end,
                                size_t max_items = SIZE_MAX) {
    std::vector<std::string> keys;
    EXPECT_TRUE(store_
                    ->Scan(Family::kSide, begin, end, max_items,
                           [&](std::string_view key, std::string_view) {
                             keys.emplace_back(key);
                             return true;
                           })
                    .ok());
    return keys;
  }

  std::string directory_;
  StoreOptions options_;
  std::unique_ptr<Store> store_;
};

TEST_F(StoreTest, AFreshOneIsAtTurnZeroAndFindsNothing) {
  Reopen();
  EXPECT_EQ(*store_->CheckpointTurn(), 0u);
  EXPECT_EQ(*store_->CheckpointTag(), "");
  EXPECT_EQ(store_->Get(Family::kKeys, "k").code(), Code::kNotFound);
}

TEST_F(StoreTest, ACheckpointIsThereAfterReopening) {
  Reopen();
  Batch batch;
  batch.Put(Family::kKeys, "k", "v");
  batch.Put(Family::kGroups, "k", "g");
  ASSERT_TRUE(store_->WriteCheckpoint(batch, 12, "tag").ok());
  Reopen();
  EXPECT_EQ(*store_->CheckpointTurn(), 12u);
  EXPECT_EQ(*store_->CheckpointTag(), "tag");
  EXPECT_EQ(*store_->Get(Family::kKeys, "k"), "v");
  EXPECT_EQ(*store_->Get(Family::kGroups, "k"), "g");
  EXPECT_EQ(store_->Get(Family::kSide, "k").code(), Code::kNotFound);
}

TEST_F(StoreTest, ACheckpointThatDeletesEverythingKeepsItsStamp) {
  Reopen();
  Batch batch;
  batch.Put(Family::kSide, "\1a", "1");
  batch.Put(Family::kSide, "\xff\xff", "2");
  ASSERT_TRUE(store_->WriteCheckpoint(batch, 1, "").ok());
  Batch wipe;
  wipe.DeleteRange(Family::kSide, "\1", "\xff\xff\xff");
  ASSERT_TRUE(store_->WriteCheckpoint(wipe, 2, "").ok());
  Reopen();
  EXPECT_EQ(*store_->CheckpointTurn(), 2u);
  EXPECT_TRUE(Keys("", "").empty());
}

TEST_F(StoreTest, MergesConcatenateWithinAndAcrossCheckpoints) {
  Reopen();
  Batch batch;
  batch.Put(Family::kBlocks, "b", "one,");
  batch.Merge("b", "two,");
  batch.Merge("new", "first,");
  ASSERT_TRUE(store_->WriteCheckpoint(batch, 1, "").ok());
  for (Turn turn = 2; turn <= 8; ++turn) {
    Batch more;
    more.Merge("b", std::to_string(turn) + ",");
    more.Merge("b", "x,");
    more.Merge("new", "n,");
    ASSERT_TRUE(store_->WriteCheckpoint(more, turn, "").ok());
  }
  EXPECT_EQ(*store_->Get(Family::kBlocks, "b"), "one,two,2,x,3,x,4,x,5,x,6,x,7,x,8,x,");
  Reopen();
  EXPECT_EQ(*store_->Get(Family::kBlocks, "new"), "first,n,n,n,n,n,n,n,");
}

TEST_F(StoreTest, AValueMayBeAppendedInPlace) {
  Reopen();
  Batch batch;
  batch.Put(Family::kBlocks, "a", "before,");
  batch.Append(Family::kBlocks, "a", [](std::string* out) {
    out->append("merged,");
    return Batch::As::kMerge;
  });
  batch.Append(Family::kBlocks, "b", [](std::string* out) {
    out->append(100'000, 'x');
    return Batch::As::kPut;
  });
  batch.Append(Family::kBlocks, "c", [](std::string*) { return Batch::As::kPut; });
  batch.Put(Family::kBlocks, "d", "after");
  ASSERT_TRUE(store_->WriteCheckpoint(batch, 1, "").ok());
  EXPECT_EQ(*store_->Get(Family::kBlocks, "a"), "before,merged,");
  EXPECT_EQ(*store_->Get(Family::kBlocks, "b"), std::string(100'000, 'x'));
  EXPECT_EQ(*store_->Get(Family::kBlocks, "c"), "");
  EXPECT_EQ(*store_->Get(Family::kBlocks, "d"), "after");
}

TEST_F(StoreTest, OperationsApplyInTheirOrder) {
  Reopen();
  Batch batch;
  batch.Put(Family::kSide, "a", "1");
  batch.Delete(Family::kSide, "a");
  batch.Put(Family::kSide, "b", "1");
  batch.DeleteRange(Family::kSide, "a", "c");
  batch.Put(Family::kSide, "b", "2");
  ASSERT_TRUE(store_->WriteCheckpoint(batch, 1, "").ok());
  EXPECT_EQ(store_->Get(Family::kSide, "a").code(), Code::kNotFound);
  EXPECT_EQ(*store_->Get(Family::kSide, "b"), "2");
}

TEST_F(StoreTest, ScansKeepToTheirBounds) {
  Reopen();
  Batch batch;
  for (const char* key : {"a", "b", "c", "d"}) {
    batch.Put(Family::kSide, key, key);
  }
  ASSERT_TRUE(store_->WriteCheckpoint(batch, 1, "").ok());
  using List = std::vector<std::string>;
  EXPECT_EQ(Keys("b", "d"), (List{"b", "c"}));
  EXPECT_EQ(Keys("", ""), (List{"a", "b", "c", "d"}));
  EXPECT_EQ(Keys("", "", 2), (List{"a", "b"}));
  EXPECT_EQ(Keys("bb", "bc"), List{});
  EXPECT_EQ(Keys("d", "b"), List{});
  EXPECT_EQ(Keys("a", "d", 0), List{});
  size_t visited = 0;
  ASSERT_TRUE(store_
                  ->Scan(Family::kSide, "", "", 10,
                         [&](std::string_view, std::string_view) { return ++visited < 3; })
                  .ok());
  EXPECT_EQ(visited, 3u);
}

TEST_F(StoreTest, MultiGetTellsWhichAreMissing) {
  Reopen();
  Batch batch;
  batch.Put(Family::kKeys, "a", "1");
  batch.Put(Family::kKeys, "c", "");
  ASSERT_TRUE(store_->WriteCheckpoint(batch, 1, "").ok());
  const std::vector<std::string_view> keys = {"c", "b", "a"};
  const auto values = store_->MultiGet(Family::kKeys, keys);
  ASSERT_TRUE(values.ok());
  EXPECT_EQ((*values)[0], "");
  EXPECT_EQ((*values)[1], std::nullopt);
  EXPECT_EQ((*values)[2], "1");
}

TEST_F(StoreTest, ASnapshotStaysAsItWas) {
  Reopen();
  Batch batch;
  batch.Put(Family::kKeys, "a", "1");
  ASSERT_TRUE(store_->WriteCheckpoint(batch, 1, "").ok());
  const auto snapshot = store_->TakeSnapshot();
  batch.Clear();
  batch.Put(Family::kKeys, "a", "2");
  ASSERT_TRUE(store_->WriteCheckpoint(batch, 2, "").ok());
  EXPECT_EQ(*snapshot->Get(Family::kKeys, "a"), "1");
  EXPECT_EQ(*store_->Get(Family::kKeys, "a"), "2");
}

TEST_F(StoreTest, AMissingStoreIsNotCreatedUnlessTold) {
  options_.create_if_missing = false;
  EXPECT_EQ(Store::Open(options_).code(), Code::kCorruption);
  EXPECT_FALSE(std::filesystem::exists(options_.directory + "/CURRENT"));
}

TEST_F(StoreTest, ASecondOpeningOfAnOpenStoreFails) {
  Reopen();
  EXPECT_EQ(Store::Open(options_).code(), Code::kIo);
}

TEST_F(StoreTest, APassingErrorAtTheStartIsNoDamage) {
  options_.file_system = std::make_shared<CurrentFailsOnce>();
  EXPECT_EQ(Store::Open(options_).code(), Code::kIo);
  Reopen();
}

TEST_F(StoreTest, AStoreWithoutCurrentIsRefused) {
  Reopen();
  Batch batch;
  ASSERT_TRUE(store_->WriteCheckpoint(batch, 1, "").ok());
  store_.reset();
  std::filesystem::remove(options_.directory + "/CURRENT");
  options_.create_if_missing = false;
  EXPECT_EQ(Store::Open(options_).code(), Code::kCorruption);
}

TEST_F(StoreTest, AFailedCheckpointIsWholeOrAbsentAndTheStoreTakesNoMore) {
  Reopen();
  Batch batch;
  batch.Put(Family::kKeys, "a", "1");
  ASSERT_TRUE(store_->WriteCheckpoint(batch, 1, "").ok());
  // New table files cannot be created any more.
  std::filesystem::rename(options_.directory, options_.directory + ".away");
  batch.Clear();
  batch.Put(Family::kKeys, "a", "2");
  batch.Put(Family::kBlocks, "a", "2");
  EXPECT_EQ(store_->WriteCheckpoint(batch, 2, "").code(), Code::kIo);
  std::filesystem::rename(options_.directory + ".away", options_.directory);
  EXPECT_EQ(store_->WriteCheckpoint(batch, 3, "").code(), Code::kIo);
  EXPECT_TRUE(store_->GetStatistics().background_error);
  Reopen();
  EXPECT_EQ(*store_->CheckpointTurn(), 1u);
  EXPECT_EQ(*store_->Get(Family::kKeys, "a"), "1");
  EXPECT_EQ(store_->Get(Family::kBlocks, "a").code(), Code::kNotFound);
  ASSERT_TRUE(store_->WriteCheckpoint(batch, 2, "").ok());
  EXPECT_EQ(*store_->CheckpointTurn(), 2u);
}

TEST_F(StoreTest, VerifiesChecksumsAndFindsAFlip) {
  Reopen();
  Batch batch;
  batch.Put(Family::kKeys, "a", std::string(100000, 'a'));
  ASSERT_TRUE(store_->WriteCheckpoint(batch, 1, "").ok());
  EXPECT_TRUE(store_->VerifyChecksums().ok());
  EXPECT_GT(store_->GetStatistics().live_disk_bytes, 0u);
  store_.reset();
  for (const auto& file : std::filesystem::directory_iterator(options_.directory)) {
    if (file.path().extension() == ".sst") {
      FILE* handle = std::fopen(file.path().c_str(), "r+");
      ASSERT_NE(handle, nullptr);
      std::fseek(handle, 5, SEEK_SET);
      std::fputc(0x5a, handle);
      std::fclose(handle);
    }
  }
  auto store = Store::Open(options_);
  EXPECT_TRUE(!store.ok() || !(*store)->VerifyChecksums().ok());
}

TEST_F(StoreTest, LogLinesArriveAtTheCallback) {
  std::atomic<int> lines{0};
  options_.log = [&](int level, std::string_view text) {
    EXPECT_LE(level, static_cast<int>(StoreLogLevel::kError));
    lines += text.empty() ? 0 : 1;
  };
  Reopen();
  store_.reset();
  EXPECT_GT(lines.load(), 0);
  EXPECT_FALSE(std::filesystem::exists(options_.directory + "/LOG"));
}

}  // namespace
}  // namespace engine
