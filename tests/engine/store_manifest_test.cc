// The end of RocksDB's MANIFEST, torn by a power cut or damaged later.
#include "engine/store_manifest.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "engine/store.h"
#include "tests/support/temp_dir.h"

namespace engine {
namespace {

namespace fs = std::filesystem;

class StoreManifest : public ::testing::Test {
 protected:
  StoreManifest() {
    options_.directory = directory_ / "db";
    options_.memory_budget_bytes = size_t{16} << 20;
    options_.newest_known_turn = [this] { return Result<Turn>(known_turn_); };
    options_.create_if_missing = true;
    auto store = Store::Open(options_);
    EXPECT_TRUE(store.ok());
    options_.create_if_missing = false;
    for (const Turn turn : {7, 9}) {
      Batch batch;
      batch.Put(Family::kKeys, "key", std::to_string(turn));
      EXPECT_TRUE((*store)->WriteCheckpoint(batch, turn, "").ok());
    }
  }

  fs::path Manifest() const {
    std::ifstream current(options_.directory + "/CURRENT");
    std::string name;
    current >> name;
    return fs::path(options_.directory) / name;
  }
  static std::string Read(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }
  static void Write(const fs::path& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  }
  // Flips a bit in the last record.
  std::string DamageTheLastRecord() const {
    std::string bytes = Read(Manifest());
    bytes[bytes.size() - 3] = static_cast<char>(bytes[bytes.size() - 3] ^ 4);
    Write(Manifest(), bytes);
    return bytes;
  }

  tests::TempDir directory_;
  StoreOptions options_;
  Turn known_turn_ = 0;
};

TEST_F(StoreManifest, IsWholeAfterAClose) {
  const std::string bytes = Read(Manifest());
  EXPECT_EQ(WholeManifestRecords(bytes), bytes.size());
  EXPECT_LT(WholeManifestRecords(bytes.substr(0, bytes.size() - 1)), bytes.size() - 1);
  EXPECT_EQ(WholeManifestRecords(""), 0u);
}

TEST_F(StoreManifest, ATornEndIsTakenOff) {
  const std::string bytes = Read(Manifest());
  // The beginning of a record, which says that it is longer, and bytes that are not its own.
  Write(Manifest(), bytes + bytes.substr(0, 40) + std::string(60, 'x'));
  known_turn_ = 9;
  const auto store = Store::Open(options_);
  ASSERT_TRUE(store.ok()) << store.status().message();
  EXPECT_EQ(*(*store)->CheckpointTurn(), 9u);
  EXPECT_EQ(*(*store)->Get(Family::kKeys, "key"), "9");
}

TEST_F(StoreManifest, ACheckpointThatNobodyHeardOfMayGo) {
  DamageTheLastRecord();
  known_turn_ = 7;
  const auto store = Store::Open(options_);
  ASSERT_TRUE(store.ok()) << store.status().message();
  EXPECT_EQ(*(*store)->CheckpointTurn(), 7u);
  EXPECT_EQ(*(*store)->Get(Family::kKeys, "key"), "7");
}

TEST_F(StoreManifest, OneThatTheJournalCountsOnMayNot) {
  const std::string damaged = DamageTheLastRecord();
  known_turn_ = 9;
  const auto store = Store::Open(options_);
  EXPECT_EQ(store.code(), Code::kCorruption);
  EXPECT_EQ(Read(Manifest()), damaged);
}

}  // namespace
}  // namespace engine
