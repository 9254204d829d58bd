// What leaves memory because nobody uses it, and checkpoints that begin because nothing happens.
#include "engine/aging.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <string>

#include "engine/idle_times.h"
#include "engine/limits.h"
#include "engine/stream.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_engine.h"

namespace engine {
namespace {

using tests::Entry;
using tests::TempDir;
using tests::TestEngine;

constexpr int64_t kIdleMs = 60'000;
// A unit may have been passed just before it was old enough, and a stream before its block.
constexpr int64_t kTwoPassesMs = 40'000;

class AgingTest : public ::testing::Test {
 protected:
  AgingTest() : engine_(Options(directory_ / "data")) {}

  void SetUp() override { ASSERT_EQ(engine_.Open(), ""); }

  static EngineOptions Options(std::string directory) {
    EngineOptions options = TestEngine::SmallOptions(std::move(directory));
    options.idle_limit_ms = kIdleMs;
    options.checkpoint_bytes = uint64_t{32} << 20;
    options.memory_budget_bytes = uint64_t{128} << 20;
    return options;
  }

  void Add(const std::string& key, const std::string& value) {
    const Entry entry = Entry::Of(value);
    const auto added = engine_.Run(0, [&](Op& op) -> Result<AddResult> {
      const auto stream = engine_->OpenStream(op, key);
      if (!stream.ok() && stream.code() != Code::kNotFound) {
        return stream.status();
      }
      return engine_->Add(op, key, stream.ok() ? *stream : nullptr, {}, entry.payload(), {});
    });
    ASSERT_TRUE(added.ok());
    engine_.EndTurn();
  }
  void SetString(const std::string& key) {
    ASSERT_TRUE(
        engine_.Run(0, [&](Op& op) { return engine_->SetString(op, key, "value", 0); }).ok());
    engine_.EndTurn();
  }
  uint64_t Length(const std::string& key) {
    const auto length = engine_.Run(0, [&](Op& op) -> Result<uint64_t> {
      ASSIGN_OR_RETURN(const Stream* stream, engine_->OpenStream(op, key));
      return stream->length;
    });
    EXPECT_TRUE(length.ok());
    return length.ok() ? *length : 0;
  }
  int64_t IdleMs(const std::string& key) {
    const auto info = engine_.Run(0, [&](Op& op) { return engine_->Describe(op, key); });
    EXPECT_TRUE(info.ok());
    return info.ok() ? info->idle_ms : -1;
  }
  // Time passes in steps, each with a turn.
  void Pass(int64_t ms) {
    constexpr int64_t kStepMs = 5000;
    for (; ms > 0; ms -= kStepMs) {
      engine_.Advance(std::min(ms, kStepMs));
      engine_.EndTurn();
    }
  }
  uint64_t Cached() { return engine_->GetStats().cached_objects; }
  uint64_t Checkpoints() { return engine_->GetStats().checkpoints; }

  TempDir directory_;
  TestEngine engine_;
};

TEST_F(AgingTest, WhatNobodyUsesLeavesAndComesBack) {
  Add("a", "1");
  Add("a", "2");
  SetString("text");
  Add("used", "1");
  ASSERT_TRUE(engine_->CheckpointNow().ok());
  const uint64_t at_first = Cached();
  Pass(kIdleMs - 5000);
  EXPECT_EQ(Cached(), at_first);
  EXPECT_EQ(Length("used"), 1U);
  Pass(kTwoPassesMs);
  EXPECT_EQ(Cached(), 2U);  // The stream that was used, and its block.
  const uint64_t loads = engine_.loads();
  EXPECT_EQ(Length("used"), 1U);
  EXPECT_EQ(engine_.loads(), loads);
  EXPECT_EQ(Length("a"), 2U);
  EXPECT_EQ(engine_.loads(), loads + 1);
}

TEST_F(AgingTest, TheTimeOfTheLastUseIsRemembered) {
  Add("a", "1");
  SetString("text");
  ASSERT_TRUE(engine_->CheckpointNow().ok());
  Pass(kIdleMs + kTwoPassesMs);
  ASSERT_EQ(Cached(), 0U);
  // To the second.
  EXPECT_EQ(IdleMs("a") / 1000, (kIdleMs + kTwoPassesMs) / 1000);
  EXPECT_EQ(IdleMs("text") / 1000, (kIdleMs + kTwoPassesMs) / 1000);
  EXPECT_EQ(Length("a"), 1U);
  EXPECT_EQ(IdleMs("a"), 0);
}

TEST_F(AgingTest, ZeroKeepsEverything) {
  engine_->SetIdleLimit(0);
  Add("a", "1");
  ASSERT_TRUE(engine_->CheckpointNow().ok());
  Pass(10 * kIdleMs);
  EXPECT_EQ(Cached(), 2U);
}

TEST_F(AgingTest, AStreamThatIsExpectedSoonStays) {
  Add("a", "1");
  const auto set = engine_.Run(0, [&](Op& op) -> Status {
    ASSIGN_OR_RETURN(Stream * stream, engine_->OpenStream(op, "a"));
    PolicyChange change;
    change.set.push_back({.option = static_cast<uint8_t>(StreamOption::kMaxAge),
                          .numbers = {kIdleMs + 4 * kTwoPassesMs},
                          .text = {}});
    engine_->SetPolicy(op, *stream, change);
    return OkStatus();
  });
  ASSERT_TRUE(set.ok()) << set.message();
  engine_.EndTurn();
  ASSERT_TRUE(engine_->CheckpointNow().ok());
  const uint64_t loads = engine_.loads();
  Pass(kIdleMs + kTwoPassesMs);
  EXPECT_GE(Cached(), 1U);
  EXPECT_EQ(engine_.loads(), loads);
}

TEST_F(AgingTest, ManyLeaveInBoundedParts) {
  constexpr int kStreams = 1000;
  for (int i = 0; i < kStreams; ++i) {
    Add("s" + std::to_string(i), "v");
  }
  ASSERT_TRUE(engine_->CheckpointNow().ok());
  engine_.Advance(kIdleMs + kTwoPassesMs);
  const uint64_t before = Cached();
  engine_.EndTurn();
  EXPECT_LT(Cached(), before);
  EXPECT_GE(Cached() + 2 * kAgedPerTurn, before);  // A block takes its stream along.
  for (int turn = 0; turn < 100; ++turn) {
    engine_.Advance(1000);
    engine_.EndTurn();
  }
  EXPECT_EQ(Cached(), 0U);
}

TEST_F(AgingTest, APassEndsWhenNothingIsLeftInMemory) {
  int asked_for_turns = 0;
  engine_.Close();
  engine_.options().post = [&](const std::function<void()>&) { ++asked_for_turns; };
  ASSERT_EQ(engine_.Open(), "");
  for (int i = 0; i < 10; ++i) {
    Add("s" + std::to_string(i), "v");
  }
  ASSERT_TRUE(engine_->CheckpointNow().ok());
  Pass(kIdleMs + kTwoPassesMs);
  ASSERT_EQ(Cached(), 0U);
  asked_for_turns = 0;
  Pass(kTwoPassesMs);
  EXPECT_EQ(asked_for_turns, 0);
}

TEST(IdleTimes, KeepsSecondsUntilTheyAreTaken) {
  IdleTimes times(10);
  times.Note(1, 1999);
  times.Note(2, 5000);
  times.Note(2, 7000);
  EXPECT_EQ(times.Take(1), 1000);
  EXPECT_EQ(times.Take(1), std::nullopt);
  EXPECT_EQ(times.Take(2), 7000);
  EXPECT_EQ(times.size(), 0U);
}

TEST(IdleTimes, ForgetsAllWhenThereWouldBeTooMany) {
  IdleTimes times(2);
  times.Note(1, 1000);
  times.Note(2, 2000);
  times.Note(2, 3000);
  EXPECT_EQ(times.size(), 2U);
  times.Note(3, 4000);
  EXPECT_EQ(times.size(), 1U);
  EXPECT_EQ(times.Take(3), 4000);
}

// ---- Checkpoints at rest ----

TEST_F(AgingTest, ACheckpointBeginsWhenNothingChangesAnyMore) {
  Add("a", std::string(kRestCheckpointBytes, 'x'));
  engine_.Advance(kRestCheckpointMs - 1);
  engine_.EndTurn();
  EXPECT_EQ(Checkpoints(), 0U);
  engine_.Advance(1);
  engine_.EndTurn();
  EXPECT_EQ(Checkpoints(), 1U);
  EXPECT_EQ(engine_->GetStats().journal_bytes, 0U);
  Pass(10 * kTimedCheckpointMs);
  EXPECT_EQ(Checkpoints(), 1U);
}

TEST_F(AgingTest, ALittleWaitsUntilItIsOld) {
  Add("a", "x");
  Pass(kIdleMs - 5000);
  EXPECT_EQ(Checkpoints(), 0U);
  Pass(5000);
  EXPECT_EQ(Checkpoints(), 1U);
  Pass(10 * kIdleMs);
  EXPECT_EQ(Checkpoints(), 1U);  // Nothing has changed since.
}

TEST_F(AgingTest, WhatIsOldVerySoonMakesNoMoreCheckpoints) {
  engine_->SetIdleLimit(100);
  Add("a", "x");
  engine_.Advance(kTimedCheckpointMs - 1);
  engine_.EndTurn();
  EXPECT_EQ(Checkpoints(), 0U);
  engine_.Advance(1);
  engine_.EndTurn();
  EXPECT_EQ(Checkpoints(), 1U);
}

TEST_F(AgingTest, TheFirstChangeAfterAStartWaitsAsWell) {
  Add("a", "x");
  Pass(2 * kIdleMs);
  engine_.Close();
  ASSERT_EQ(engine_.Open(), "");
  const uint64_t before = Checkpoints();
  Add("a", "y");
  Pass(kIdleMs - 5000);
  EXPECT_EQ(Checkpoints(), before);
  Pass(5000);
  EXPECT_EQ(Checkpoints(), before + 1);
}

TEST_F(AgingTest, ALittleMayWaitForEverWhereEverythingStays) {
  engine_->SetIdleLimit(0);
  Add("a", std::string(kRestCheckpointBytes / 2, 'x'));
  Pass(10 * kTimedCheckpointMs);
  EXPECT_EQ(Checkpoints(), 0U);
}

TEST_F(AgingTest, WhatIsOldAndUnsavedIsSavedAndLeaves) {
  Add("a", "x");
  Pass(kIdleMs - 5000);
  EXPECT_EQ(Cached(), 2U);
  Pass(5000 + kTwoPassesMs);
  EXPECT_EQ(Cached(), 0U);
  EXPECT_EQ(Length("a"), 1U);
}

TEST_F(AgingTest, UnderASteadyLoadACheckpointBeginsAfterAWhile) {
  const std::string part(kTimedCheckpointBytes / 15, 'x');
  const int64_t step_ms = kTimedCheckpointMs / 10;
  ASSERT_TRUE(engine_->CheckpointNow().ok());
  const uint64_t before = Checkpoints();
  for (int i = 0; i < 10; ++i) {
    engine_.Advance(step_ms - 1);
    Add("a", part);
  }
  EXPECT_EQ(Checkpoints(), before);  // Time enough has passed, but there is too little.
  for (int i = 0; i < 11; ++i) {
    engine_.Advance(step_ms - 1);
    Add("a", part);
  }
  for (int turn = 0; turn < 40; ++turn) {
    engine_.EndTurn();  // It is written in parts.
  }
  EXPECT_EQ(Checkpoints(), before + 1);
}

}  // namespace
}  // namespace engine
