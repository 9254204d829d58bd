// What all streams have together, and the groups with most of something: also of streams that are
// not in memory, and after every way to stop.
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "engine/checker.h"
#include "engine/checksum.h"
#include "engine/codec.h"
#include "engine/engine.h"
#include "engine/journal.h"
#include "engine/schema.h"
#include "engine/store.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_engine.h"

namespace engine {
namespace {

using tests::Entry;
using tests::TempDir;
using tests::TestEngine;

class StreamTotalsTest : public ::testing::Test {
 protected:
  StreamTotalsTest() : engine_(TestEngine::SmallOptions(directory_ / "data")) {}

  void SetUp() override { ASSERT_EQ(engine_.Open(), ""); }

  // A stream with a group `g` that has delivered some of the entries to `c`.
  void Make(uint32_t db, const std::string& key, int64_t entries, int64_t delivered) {
    const Status made = engine_.Run(db, [&](Op& op) -> Status {
      ASSIGN_OR_RETURN(Stream * stream, engine_->CreateStream(op, key));
      RETURN_IF_ERROR(engine_->CreateGroup(op, *stream, "g", {}, 0));
      for (int64_t i = 0; i < entries; ++i) {
        RETURN_IF_ERROR(engine_->Add(op, key, stream, {}, Entry::Of("v").payload(), {}).status());
      }
      ReadNewArgs args;
      args.consumer = "c";
      args.count = delivered;
      if (delivered == 0) {
        return OkStatus();
      }
      ASSIGN_OR_RETURN(Group * group, engine_->OpenGroup(op, *stream, "g"));
      RETURN_IF_ERROR(engine_->PrepareReadNew(op, *stream, *group, args));
      return engine_
          ->ReadNew(op, *stream, *group, args,
                    [](const EntryView&, const PriorDelivery&) { return true; })
          .status();
    });
    ASSERT_TRUE(made.ok()) << made.message();
    engine_.EndTurn();
  }

  std::string Shown() {
    const Engine::StreamStats stats = engine_->GetStreamStats(engine_.Now());
    std::string text;
    for (const auto member : StreamTotals::All()) {
      text += std::to_string(stats.totals.*member) + " ";
    }
    text += "oldest " + std::to_string(stats.oldest_pending_ms);
    for (const TopGroup& group : stats.most_pending) {
      text += " p" + std::to_string(group.db) + "/" + group.key + "=" + std::to_string(group.value);
    }
    for (const TopGroup& group : stats.most_lag) {
      text += " l" + std::to_string(group.db) + "/" + group.key + "=" + std::to_string(group.value);
    }
    return text;
  }

  void ExpectClean() {
    engine_.Close();
    const auto report = CheckStore(directory_ / "data");
    ASSERT_TRUE(report.ok());
    EXPECT_TRUE(report->clean());
    ASSERT_EQ(engine_.Open(), "");
  }

  TempDir directory_;
  TestEngine engine_;
};

TEST_F(StreamTotalsTest, AreKeptWhateverIsInMemory) {
  Make(0, "a", 5, 2);
  engine_.Advance(500);
  Make(1, "b", 3, 3);
  const std::string shown = "2 8 2 2 5 0 0 0 0 oldest 500 p1/b=3 p0/a=2 l0/a=3";
  EXPECT_EQ(Shown(), shown);
  ASSERT_NO_FATAL_FAILURE(ExpectClean());
  EXPECT_EQ(engine_->GetStats().loads, 0u);
  EXPECT_EQ(Shown(), shown);
  EXPECT_EQ(engine_->GetStats().loads, 0u);
}

TEST_F(StreamTotalsTest, ComeBackAfterACrash) {
  Make(0, "a", 5, 2);
  ASSERT_TRUE(engine_->CheckpointNow().ok());
  Make(0, "b", 4, 1);
  engine_.Crash();
  ASSERT_EQ(engine_.Open(), "");
  EXPECT_EQ(Shown(), "2 9 2 2 3 0 0 0 0 oldest 0 p0/a=2 p0/b=1 l0/a=3 l0/b=3");
  ASSERT_NO_FATAL_FAILURE(ExpectClean());
}

// The meta record as version 2 has it: without the sums.
std::string WithoutTotals(std::string_view stored) {
  Decoder decoder(*OpenRecord(stored));
  constexpr uint8_t kVersionBefore = kFormatVersionWithTotals - 1;
  EXPECT_EQ(decoder.ReadU8(), kFormatVersion);
  std::string out(1, static_cast<char>(kVersionBefore));
  out += decoder.ReadBytes(sizeof(JournalStoreId));
  PutVarint(&out, decoder.ReadVarint());
  PutVarint(&out, decoder.ReadVarint());
  PutSignedVarint(&out, decoder.ReadSignedVarint());
  PutSignedVarint(&out, decoder.ReadSignedVarint());
  const uint64_t databases = decoder.ReadVarint();
  PutVarint(&out, databases);
  for (uint64_t i = 0; i < databases; ++i) {
    constexpr int kFields = 4;
    for (int field = 0; field < kFields; ++field) {
      PutVarint(&out, decoder.ReadVarint());
    }
    for (size_t sum = 0; sum < StreamTotals::All().size(); ++sum) {
      decoder.ReadVarint();
    }
  }
  EXPECT_TRUE(decoder.AtEnd());
  SealRecord(&out, 0);
  return out;
}

TEST_F(StreamTotalsTest, AreCountedOnceInAStoreWithoutThem) {
  Make(0, "a", 5, 2);
  Make(1, "b", 3, 3);
  engine_.Close();
  {
    StoreOptions options;
    options.directory = directory_ / "data/store";
    auto store = Store::Open(options);
    ASSERT_TRUE(store.ok()) << store.status().message();
    const auto meta = (*store)->Get(Family::kSystem, std::string(kMetaKey));
    const auto turn = (*store)->CheckpointTurn();
    ASSERT_TRUE(meta.ok() && turn.ok());
    Batch batch;
    batch.Put(Family::kSystem, std::string(kMetaKey), WithoutTotals(*meta));
    ASSERT_TRUE((*store)->WriteCheckpoint(batch, *turn, "").ok());
  }
  ASSERT_EQ(engine_.Open(), "");
  EXPECT_EQ(Shown(), "2 8 2 2 5 0 0 0 0 oldest 0 p1/b=3 p0/a=2 l0/a=3");
  ASSERT_NO_FATAL_FAILURE(ExpectClean());
}

TEST_F(StreamTotalsTest, FollowWhatBecomesOfADatabase) {
  Make(0, "a", 5, 2);
  Make(1, "b", 3, 3);
  const auto run = [this](auto call) { return engine_.Run(0, call); };
  ASSERT_TRUE(run([&](Op& op) { return engine_->SwapDatabases(op, 0, 1); }).ok());
  ASSERT_TRUE(run([&](Op& op) { return engine_->Copy(op, "b", 0, "c", false); }).ok());
  ASSERT_TRUE(run([&](Op& op) { return engine_->Rename(op, "b", "d", false); }).ok());
  engine_.EndTurn();
  engine_.Advance(1000);
  EXPECT_EQ(Shown(), "3 11 3 3 8 0 0 0 0 oldest 1000 p0/c=3 p0/d=3 p1/a=2 l1/a=3");
  ASSERT_TRUE(run([&](Op& op) { return engine_->Move(op, "c", 1); }).ok());
  ASSERT_TRUE(run([&](Op& op) { return engine_->FlushDb(op, 0); }).ok());
  engine_.EndTurn();
  engine_.Advance(1000);
  EXPECT_EQ(Shown(), "2 8 2 2 5 0 0 0 0 oldest 2000 p1/c=3 p1/a=2 l1/a=3");
  ASSERT_NO_FATAL_FAILURE(ExpectClean());
  EXPECT_EQ(Shown(), "2 8 2 2 5 0 0 0 0 oldest 2000 p1/c=3 p1/a=2 l1/a=3");
}

TEST_F(StreamTotalsTest, TopListsAreLookedAtOncePerSecond) {
  Make(0, "a", 5, 2);
  EXPECT_EQ(Shown(), "1 5 1 1 2 0 0 0 0 oldest 0 p0/a=2 l0/a=3");
  Make(0, "b", 5, 5);
  engine_.Advance(999);
  EXPECT_EQ(Shown(), "2 10 2 2 7 0 0 0 0 oldest 999 p0/a=2 l0/a=3");
  engine_.Advance(1);
  EXPECT_EQ(Shown(), "2 10 2 2 7 0 0 0 0 oldest 1000 p0/b=5 p0/a=2 l0/a=3");
}

TEST_F(StreamTotalsTest, TenGroupsAreShown) {
  for (int i = 1; i <= 12; ++i) {
    Make(0, "k" + std::to_string(i), i, i);
  }
  const Engine::StreamStats stats = engine_->GetStreamStats(engine_.Now());
  ASSERT_EQ(stats.most_pending.size(), 10u);
  EXPECT_EQ(stats.most_pending.front().key, "k12");
  EXPECT_EQ(stats.most_pending.back().key, "k3");
  EXPECT_TRUE(stats.most_lag.empty());
}

}  // namespace
}  // namespace engine
