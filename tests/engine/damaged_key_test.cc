// Keys that cannot be read: they answer kCorruption, their effects are kept, all else goes on.
#include "engine/damaged_key.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/checker.h"
#include "engine/schema.h"
#include "engine/store.h"
#include "engine/stream.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_engine.h"

namespace engine {
namespace {

using tests::Entry;
using tests::TempDir;
using tests::TestEngine;

// What a damaged record of a key is replaced by.
constexpr std::string_view kNoise = "these bytes are no record";

class DamagedKeyTest : public ::testing::Test {
 protected:
  DamagedKeyTest() : engine_(TestEngine::SmallOptions(directory_ / "data")) {
    engine_.options().fsync = FsyncMode::kAlways;
    EXPECT_EQ(engine_.Open(), "");
  }

  Status Add(const std::string& key, const std::string& value = "v") {
    const Status status = AddInTurn(key, value);
    engine_.EndTurn();
    return status;
  }
  // The turn goes on.
  Status AddInTurn(const std::string& key, const std::string& value = "v") {
    const Entry entry = Entry::Of(value);
    const Status status = engine_.Run(0, [&](Op& op) -> Status {
      const auto stream = engine_->OpenStream(op, key);
      if (!stream.ok() && stream.code() != Code::kNotFound) {
        return stream.status();
      }
      return engine_->Add(op, key, stream.ok() ? *stream : nullptr, {}, entry.payload(), {})
          .status();
    });
    engine_.Advance(1);
    return status;
  }

  Result<uint64_t> Length(const std::string& key) {
    return engine_.Run(0, [&](Op& op) -> Result<uint64_t> {
      ASSIGN_OR_RETURN(Stream * stream, engine_->OpenStream(op, key));
      return stream->length;
    });
  }

  Result<int64_t> Delete(std::string_view key) {
    const auto deleted = engine_.Run(0, [&](Op& op) {
      return engine_->DeleteKeys(op, {&key, 1}, nullptr);
    });
    engine_.EndTurn();
    return deleted;
  }

  // Of a store that nobody has open.
  template <typename Change>
  void ChangeStore(Change change) {
    StoreOptions options;
    options.directory = directory_ / "data/store";
    const auto store = Store::Open(options);
    ASSERT_TRUE(store.ok()) << store.status().message();
    Batch batch;
    change(**store, &batch);
    ASSERT_TRUE((*store)
                    ->WriteCheckpoint(batch, (*store)->CheckpointTurn().value(),
                                      (*store)->CheckpointTag().value())
                    .ok());
  }
  void DamageKey(const std::string& key) {
    ChangeStore(
        [&](Store&, Batch* batch) { batch->Put(Family::kKeys, KeyRecordKey(1, key), kNoise); });
  }
  // All blocks of all streams.
  void DamageBlocks() {
    ChangeStore([&](Store& store, Batch* batch) {
      ASSERT_TRUE(store
                      .Scan(Family::kBlocks, "", "", SIZE_MAX,
                            [&](std::string_view key, std::string_view) {
                              batch->Put(Family::kBlocks, key, kNoise);
                              return true;
                            })
                      .ok());
    });
  }
  size_t KeptRecords() { return Kept().size(); }
  std::vector<KeptEffects> Kept() {
    std::vector<KeptEffects> all;
    const std::string begin(1, kKeptEffectsTag);
    ChangeStore([&](Store& store, Batch*) {
      ASSERT_TRUE(store
                      .Scan(Family::kSystem, begin, PrefixEnd(begin), SIZE_MAX,
                            [&](std::string_view key, std::string_view value) {
                              auto kept = DecodeKeptEffects(key, value);
                              EXPECT_TRUE(kept.has_value());
                              all.push_back(std::move(kept).value_or(KeptEffects()));
                              return true;
                            })
                      .ok());
    });
    return all;
  }

  TempDir directory_;
  TestEngine engine_;
};

TEST_F(DamagedKeyTest, AnswersCorruptionAndLeavesTheOthersAlone) {
  ASSERT_TRUE(Add("bad").ok() && Add("good").ok());
  engine_.Close();
  DamageKey("bad");
  ASSERT_EQ(engine_.Open(), "");
  EXPECT_EQ(Length("bad").code(), Code::kCorruption);
  EXPECT_NE(Length("bad").status().message().find("bad"), std::string::npos);
  EXPECT_EQ(Add("bad").code(), Code::kCorruption);
  EXPECT_EQ(Length("good").value(), 1u);
  EXPECT_EQ(engine_->KeyCountOf(0), 2);
}

TEST_F(DamagedKeyTest, CanBeDeletedAndMadeAnew) {
  ASSERT_TRUE(Add("bad").ok() && Add("good").ok());
  engine_.Close();
  DamageKey("bad");
  ASSERT_EQ(engine_.Open(), "");
  EXPECT_EQ(Delete("bad").value(), 1);
  EXPECT_EQ(Delete("bad").value(), 0);
  EXPECT_EQ(Length("bad").code(), Code::kNotFound);
  ASSERT_TRUE(Add("bad").ok());
  // Once more from the journal, on the record as it was.
  engine_.Crash();
  ASSERT_EQ(engine_.Open(), "");
  EXPECT_EQ(Length("bad").value(), 1u);
  EXPECT_EQ(engine_->KeyCountOf(0), 2);
  engine_.Close();
  ASSERT_EQ(engine_.Open(), "");
  EXPECT_EQ(Length("bad").value(), 1u);
}

TEST_F(DamagedKeyTest, ItsEffectsAreKeptWhenTheJournalNamesIt) {
  ASSERT_TRUE(Add("bad").ok() && Add("good").ok());
  ASSERT_TRUE(engine_->CheckpointNow().ok());
  ASSERT_TRUE(Add("bad").ok() && Add("good").ok() && Add("bad").ok() && Add("other").ok());
  engine_.Crash();
  DamageKey("bad");
  ASSERT_EQ(engine_.Open(), "");
  EXPECT_EQ(Length("bad").code(), Code::kCorruption);
  EXPECT_EQ(Length("good").value(), 2u);
  EXPECT_EQ(Length("other").value(), 1u);
  engine_.Close();
  EXPECT_EQ(KeptRecords(), 2u);
  ASSERT_EQ(engine_.Open(), "");
  EXPECT_EQ(Length("bad").code(), Code::kCorruption);
  EXPECT_EQ(Length("good").value(), 2u);
  EXPECT_EQ(Delete("bad").value(), 1);
  engine_.Close();
  EXPECT_EQ(KeptRecords(), 0u);
}

TEST_F(DamagedKeyTest, EffectsOfSeveralKeysInOneTurnAreAllKept) {
  ASSERT_TRUE(Add("bad1").ok() && Add("bad2").ok());
  ASSERT_TRUE(engine_->CheckpointNow().ok());
  const std::string value(100, 'v');
  ASSERT_TRUE(AddInTurn("bad1", value).ok() && AddInTurn("bad2", value).ok());
  ASSERT_TRUE(Add("bad1", value).ok());
  engine_.Crash();
  DamageKey("bad1");
  DamageKey("bad2");
  ASSERT_EQ(engine_.Open(), "");
  engine_.Close();
  const std::vector<KeptEffects> kept = Kept();
  ASSERT_EQ(kept.size(), 2u);
  EXPECT_EQ(kept[0].key, "bad1");
  EXPECT_GT(kept[0].effects.size(), 2 * value.size());
  EXPECT_GT(kept[1].effects.size(), value.size());
}

TEST_F(DamagedKeyTest, StaysDamagedWhenOnlyABlockThatTheJournalNeedsIs) {
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(Add("bad", "value").ok());
  }
  ASSERT_TRUE(Add("good").ok());
  ASSERT_TRUE(engine_->CheckpointNow().ok());
  // Applied before it shows that the next effect cannot be.
  ASSERT_TRUE(Add("bad").ok() && Add("good").ok());
  ASSERT_TRUE(engine_
                  .Run(0,
                       [&](Op& op) -> Status {
                         ASSIGN_OR_RETURN(Stream * stream, engine_->OpenStream(op, "bad"));
                         const std::vector<StreamId> ids = {stream->first_id};
                         return engine_->DeleteEntries(op, *stream, ids).status();
                       })
                  .ok());
  engine_.EndTurn();
  engine_.Crash();
  DamageBlocks();
  ASSERT_EQ(engine_.Open(), "");
  EXPECT_EQ(Length("bad").code(), Code::kCorruption);
  EXPECT_EQ(Length("good").value(), 2u);
  engine_.Close();
  EXPECT_EQ(KeptRecords(), 2u);
  // Its own record can be read, and would show what was before.
  ASSERT_EQ(engine_.Open(), "");
  EXPECT_EQ(Length("bad").code(), Code::kCorruption);
}

TEST_F(DamagedKeyTest, GoesWithItsDatabase) {
  ASSERT_TRUE(Add("bad").ok());
  ASSERT_TRUE(engine_->CheckpointNow().ok());
  ASSERT_TRUE(Add("bad").ok());
  engine_.Crash();
  DamageKey("bad");
  ASSERT_EQ(engine_.Open(), "");
  ASSERT_TRUE(engine_->CheckpointNow().ok());
  ASSERT_TRUE(engine_.Run(0, [&](Op& op) { return engine_->FlushDb(op, 0); }).ok());
  engine_.EndTurn();
  EXPECT_EQ(Length("bad").code(), Code::kNotFound);
  engine_.Close();
  EXPECT_EQ(KeptRecords(), 0u);
  const auto report = CheckStore(directory_ / "data");
  ASSERT_TRUE(report.ok()) << report.status().message();
  EXPECT_TRUE(report->clean()) << report->faults.front();
}

TEST_F(DamagedKeyTest, IsAFaultForTheChecker) {
  ASSERT_TRUE(Add("bad").ok());
  ASSERT_TRUE(engine_->CheckpointNow().ok());
  ASSERT_TRUE(Add("bad").ok());
  engine_.Crash();
  DamageKey("bad");
  const auto report = CheckStore(directory_ / "data");
  ASSERT_TRUE(report.ok()) << report.status().message();
  EXPECT_FALSE(report->clean());
}

}  // namespace
}  // namespace engine
