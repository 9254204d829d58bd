// The steward: whom it looks at, when, and what it still knows after the end of the process.
#include "engine/steward.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/checker.h"
#include "engine/engine.h"
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

class StewardTest : public testing::Test {
 protected:
  StewardTest() : engine_(TestEngine::SmallOptions(directory_.path())) {}

  void SetUp() override { ASSERT_EQ(engine_.Open(), ""); }

  void Add(const std::string& key) {
    const Entry entry = Entry::Of("v");
    const auto added = engine_.Run(0, [&](Op& op) -> Result<AddResult> {
      const auto stream = engine_->OpenStream(op, key);
      if (!stream.ok() && stream.code() == Code::kNotLoaded) {
        return stream.status();
      }
      return engine_->Add(op, key, stream.ok() ? *stream : nullptr, {}, entry.payload(), {});
    });
    ASSERT_TRUE(added.ok());
  }
  // When the stream is looked at next, as seen by who has it in memory; -1 for never.
  int64_t ExpectedOf(const std::string& key, uint32_t db = 0) {
    int64_t expected_ms = 0;
    const Status status = engine_.Run(db, [&](Op& op) -> Status {
      ASSIGN_OR_RETURN(Stream * stream, engine_->OpenStream(op, key));
      expected_ms = stream->expected_ms == INT64_MAX ? -1 : stream->expected_ms;
      return OkStatus();
    });
    EXPECT_TRUE(status.ok());
    return expected_ms;
  }
  void Expect(const std::string& key, int64_t due_ms) {
    const Status status = engine_.Run(0, [&](Op& op) -> Status {
      ASSIGN_OR_RETURN(Stream * stream, engine_->OpenStream(op, key));
      engine_->ExpectWork(*stream, due_ms);
      return OkStatus();
    });
    ASSERT_TRUE(status.ok());
  }
  // Turns until nothing is left to do now; how many it took.
  int Turns() {
    int turns = 0;
    do {
      engine_->RunDueWork(engine_.Now());
      engine_.EndTurn();
    } while (++turns < 1000 && engine_->next_due_work_ms() <= engine_.Now().store_ms);
    return turns;
  }
  void Reopen() {
    engine_.Crash();
    ASSERT_EQ(engine_.Open(), "");
  }
  // Of a closed engine.
  void Damage(const std::string& key) {
    StoreOptions options;
    options.directory = directory_.path() + "/store";
    auto store = Store::Open(options);
    ASSERT_TRUE(store.ok());
    const Result<Turn> turn = (*store)->CheckpointTurn();
    ASSERT_TRUE(turn.ok());
    Batch batch;
    batch.Put(Family::kKeys, KeyRecordKey(1, key), "not a record");
    ASSERT_TRUE((*store)->WriteCheckpoint(batch, *turn, "").ok());
  }
  static PolicyRule Rule() {
    PolicyRule rule;
    rule.key_pattern = "*";
    rule.group_pattern = "*";
    rule.settings.Set({static_cast<uint8_t>(GroupOption::kAckWait), {1000, 0, 0}, {}});
    return rule;
  }

  TempDir directory_;
  TestEngine engine_;
};

TEST_F(StewardTest, LooksWhenTheTimeHasComeAndNotBefore) {
  Add("s");
  EXPECT_EQ(ExpectedOf("s"), -1);
  const int64_t due_ms = engine_.Now().store_ms + 500;
  Expect("s", due_ms);
  Expect("s", due_ms + 100);  // Later than what is expected already.
  EXPECT_EQ(ExpectedOf("s"), due_ms);
  Turns();
  EXPECT_EQ(engine_->next_due_work_ms(), due_ms);
  engine_.Advance(499);
  Turns();
  EXPECT_EQ(ExpectedOf("s"), due_ms);
  engine_.Advance(1);
  Turns();
  EXPECT_EQ(ExpectedOf("s"), -1);
  EXPECT_EQ(engine_->next_due_work_ms(), INT64_MAX);
}

TEST_F(StewardTest, AnExpectationOutlivesTheProcess) {
  const int64_t due_ms = engine_.Now().store_ms + 500;
  for (const char* key : {"in-store", "in-journal"}) {
    Add(key);
    Expect(key, due_ms);
    engine_.EndTurn();
    if (key == std::string("in-store")) {
      ASSERT_TRUE(engine_->CheckpointNow().ok());
    }
  }
  Reopen();
  Turns();
  EXPECT_EQ(engine_->next_due_work_ms(), due_ms);
  engine_.Advance(500);
  Turns();
  EXPECT_EQ(engine_->next_due_work_ms(), INT64_MAX);
  EXPECT_EQ(ExpectedOf("in-store"), -1);
  EXPECT_EQ(ExpectedOf("in-journal"), -1);
}

TEST_F(StewardTest, PlacesFollowTheirKeys) {
  const int64_t due_ms = engine_.Now().store_ms + 500;
  for (const char* key : {"renamed", "moved", "copied", "deleted"}) {
    Add(key);
    Expect(key, due_ms);
  }
  ASSERT_TRUE(
      engine_.Run(0, [&](Op& op) { return engine_->Rename(op, "renamed", "name", true); }).ok());
  ASSERT_TRUE(engine_.Run(0, [&](Op& op) { return engine_->Move(op, "moved", 1); }).ok());
  ASSERT_TRUE(
      engine_.Run(0, [&](Op& op) { return engine_->Copy(op, "copied", 2, "copy", false); }).ok());
  const std::string_view gone[] = {"deleted"};
  ASSERT_TRUE(engine_.Run(0, [&](Op& op) { return engine_->DeleteKeys(op, gone, nullptr); }).ok());
  ASSERT_TRUE(engine_.Run(0, [&](Op& op) { return engine_->SwapDatabases(op, 1, 3); }).ok());
  engine_.EndTurn();
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(ExpectedOf("name"), due_ms);
    EXPECT_EQ(ExpectedOf("moved", 3), due_ms);
    EXPECT_EQ(ExpectedOf("copied"), due_ms);
    EXPECT_EQ(ExpectedOf("copy", 2), due_ms);
    engine_.Crash();
    const Result<CheckReport> report = CheckStore(directory_.path());
    ASSERT_TRUE(report.ok());
    EXPECT_TRUE(report->clean()) << report->faults.front();
    ASSERT_EQ(engine_.Open(), "");
    ASSERT_TRUE(engine_->CheckpointNow().ok());
  }
  ASSERT_TRUE(engine_.Run(2, [&](Op& op) { return engine_->FlushDb(op, 2); }).ok());
  engine_.Advance(500);
  Turns();
  EXPECT_EQ(engine_->next_due_work_ms(), INT64_MAX);
  EXPECT_EQ(ExpectedOf("moved", 3), -1);
}

TEST_F(StewardTest, ManyPlacesAreInTheStoreAlone) {
  constexpr int kKeys = 6000;
  const int64_t due_ms = engine_.Now().store_ms + 1000;
  for (int i = 0; i < kKeys; ++i) {
    const std::string key = "s" + std::to_string(i);
    Add(key);
    Expect(key, due_ms + (i * 7919) % kKeys);
    if (i % 100 == 0) {
      engine_.EndTurn();
    }
  }
  engine_.EndTurn();
  ASSERT_TRUE(engine_->CheckpointNow().ok());
  Reopen();
  Turns();
  EXPECT_EQ(engine_->next_due_work_ms(), due_ms);
  engine_.Advance(1000 + kKeys);
  EXPECT_GE(Turns(), kKeys / kStewardLooks);
  EXPECT_EQ(engine_->next_due_work_ms(), INT64_MAX);
  for (int i = 0; i < kKeys; i += 97) {
    EXPECT_EQ(ExpectedOf("s" + std::to_string(i)), -1);
  }
}

TEST_F(StewardTest, ADamagedStreamDoesNotKeepTheOthers) {
  const int64_t due_ms = engine_.Now().store_ms + 500;
  for (int i = 0; i < 200; ++i) {
    Add("s" + std::to_string(i));
    Expect("s" + std::to_string(i), due_ms);
  }
  engine_.Close();
  Damage("s100");
  ASSERT_EQ(engine_.Open(), "");
  Turns();
  engine_.Advance(500);
  Turns();
  EXPECT_GT(engine_->next_due_work_ms(), engine_.Now().store_ms);
  EXPECT_NE(engine_->next_due_work_ms(), INT64_MAX);  // It is tried again.
  for (int i = 0; i < 200; ++i) {
    if (i != 100) {
      EXPECT_EQ(ExpectedOf("s" + std::to_string(i)), -1) << i;
    }
  }
}

TEST_F(StewardTest, ASurveyLooksAtEveryStreamOnceAlsoAcrossRestarts) {
  for (int i = 0; i < 700; ++i) {
    Add("s" + std::to_string(i));
  }
  engine_.EndTurn();
  ASSERT_TRUE(engine_->CheckpointNow().ok());
  Add("new");
  engine_.EndTurn();
  Turns();
  EXPECT_EQ(engine_->next_due_work_ms(), INT64_MAX);
  engine_->SetGroupRules({Rule()});
  EXPECT_LE(engine_->next_due_work_ms(), engine_.Now().store_ms);
  engine_->RunDueWork(engine_.Now());
  engine_.EndTurn();
  Reopen();  // In the middle of it, and without its rules.
  engine_->SetGroupRules({Rule()});
  EXPECT_LE(engine_->next_due_work_ms(), engine_.Now().store_ms);
  const uint64_t loads = engine_->GetStats().loads;
  EXPECT_GT(Turns(), 2);
  EXPECT_GE(engine_->GetStats().loads - loads, 690u);
  EXPECT_EQ(engine_->next_due_work_ms(), INT64_MAX);
  ASSERT_TRUE(engine_->CheckpointNow().ok());
  Reopen();
  engine_->SetGroupRules({Rule()});
  Turns();
  EXPECT_EQ(engine_->GetStats().loads, 1u);  // A page of places: the same rules as of the survey.
  engine_->SetGroupRules({});
  Turns();
  EXPECT_GE(engine_->GetStats().loads, 700u);
}

TEST_F(StewardTest, AStepOfTheSystemClockIsFollowedByASurvey) {
  for (int i = 0; i < 10; ++i) {
    Add("s" + std::to_string(i));
  }
  engine_.EndTurn();
  ASSERT_TRUE(engine_->CheckpointNow().ok());
  Reopen();
  Turns();
  const uint64_t loads = engine_->GetStats().loads;
  const int64_t monotonic_ms = engine_.now_ms();
  engine_->RunDueWork(engine_->TimeNow(engine_.now_ms() + 900, monotonic_ms));
  EXPECT_EQ(engine_->next_due_work_ms(), INT64_MAX);
  for (int turn = 0; turn < 20; ++turn) {
    engine_->RunDueWork(engine_->TimeNow(engine_.now_ms() + 3'600'000, monotonic_ms));
    engine_.EndTurn();
  }
  EXPECT_EQ(engine_->next_due_work_ms(), INT64_MAX);
  EXPECT_GE(engine_->GetStats().loads - loads, 10u);
}

TEST(StewardTime, OfASystemClockTimeIsNeverTooLate) {
  const Now now{1'000'000, 500'000};
  EXPECT_EQ(Steward::StoreTimeOf(now, 999'999), 500'000);
  EXPECT_EQ(Steward::StoreTimeOf(now, 1'001'500), 501'500);
  EXPECT_EQ(Steward::StoreTimeOf(now, 1'060'000), 559'000);
}

}  // namespace
}  // namespace engine
