// Scheduled entries against a map: whatever is in memory, in a checkpoint or in the journal.
#include "engine/schedule.h"

#include <gtest/gtest.h>

#include <iterator>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "engine/checker.h"
#include "engine/engine.h"
#include "engine/inspect.h"
#include "engine/limits.h"
#include "tests/support/golden.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_engine.h"

namespace engine {
namespace {

using tests::CopyTree;
using tests::Entry;
using tests::TempDir;
using tests::TestEngine;

using Model = std::map<ScheduleToken, std::string>;

class ScheduleTest : public testing::Test {
 protected:
  ScheduleTest() : engine_(TestEngine::SmallOptions(directory_.path() + "/data")) {}

  void Open() { ASSERT_EQ(engine_.Open(), ""); }

  ScheduleToken Schedule(const std::string& key, int64_t due_ms, const std::string& value) {
    const Entry entry = Entry::Of(value);
    const auto result = engine_.Run(0, [&](Op& op) -> Result<ScheduleResult> {
      const auto stream = engine_->OpenStream(op, key);
      if (!stream.ok() && stream.code() != Code::kNotFound) {
        return stream.status();
      }
      return engine_->ScheduleEntry(op, key, stream.ok() ? *stream : nullptr, due_ms,
                                    entry.payload());
    });
    EXPECT_TRUE(result.ok());
    return result.ok() ? result->token : ScheduleToken();
  }
  int64_t Cancel(const std::string& key, const std::vector<ScheduleToken>& tokens) {
    const auto result = engine_.Run(0, [&](Op& op) -> Result<int64_t> {
      ASSIGN_OR_RETURN(Stream * stream, engine_->OpenStream(op, key));
      return engine_->CancelScheduled(op, *stream, tokens);
    });
    EXPECT_TRUE(result.ok()) << result.status().message();
    return result.ok() ? *result : -1;
  }
  Model List(const std::string& key, ScheduleToken first = {},
             ScheduleToken last = ScheduleToken::Max(), size_t count = SIZE_MAX) {
    Model listed;
    const Status status = engine_.Run(0, [&](Op& op) -> Status {
      listed.clear();
      ASSIGN_OR_RETURN(Stream * stream, engine_->OpenStream(op, key));
      return engine_->ListScheduled(op, *stream, first, last, count,
                                    [&](ScheduleToken token, const Payload& payload) {
                                      listed.emplace(token, std::string(payload.wire));
                                    });
    });
    EXPECT_TRUE(status.ok()) << status.message();
    return listed;
  }
  std::vector<std::string> Values(const std::string& key) {
    std::vector<std::string> values;
    RangeArgs all;
    all.end = StreamId::Max();
    const Status status = engine_.Run(0, [&](Op& op) -> Status {
      values.clear();
      ASSIGN_OR_RETURN(Stream * stream, engine_->OpenStream(op, key));
      return engine_->Range(op, *stream, all,
                            [&](const EntryView& entry) { values.emplace_back(entry.payload); });
    });
    EXPECT_TRUE(status.ok());
    return values;
  }
  int Turns() {
    int turns = 0;
    do {
      engine_->RunDueWork(engine_.Now());
      engine_.EndTurn();
    } while (++turns < 10000 && engine_->next_due_work_ms() <= engine_.Now().store_ms);
    EXPECT_LT(turns, 10000);
    return turns;
  }
  void ExpectSound() {
    TempDir copy;
    CopyTree(directory_.path() + "/data", copy.path() + "/data");
    const Result<CheckReport> report = CheckStore(copy.path() + "/data");
    ASSERT_TRUE(report.ok()) << report.status().message();
    EXPECT_TRUE(report->clean()) << report->faults.front();
  }

  TempDir directory_;
  TestEngine engine_;
};

// Random steps on one stream, and what must come of them.
class ScheduleWalk : public ScheduleTest, public testing::WithParamInterface<unsigned> {
 protected:
  ScheduleWalk() : random_(GetParam()) {
    engine_.options().checkpoint_bytes = 64 * 1024;
    engine_.options().checkpoint_fault = [this] {
      using Fault = EngineOptions::CheckpointFault;
      return is_faulty_ && Draw(3) == 0
                 ? (Draw(2) == 0 ? Fault::kNotWritten : Fault::kWrittenUnseen)
                 : Fault::kNone;
    };
  }

  int Draw(int bound) { return static_cast<int>(random_() % static_cast<unsigned>(bound)); }
  ScheduleToken DrawToken() { return past_[random_() % past_.size()]; }

  void ScheduleOne(int step) {
    const std::string value(static_cast<size_t>(Draw(Draw(20) == 0 ? 20'000 : 200)), 'v');
    const std::string text = std::to_string(step) + value;
    const ScheduleToken token = Schedule("s", engine_.now_ms() + Draw(20'000) - 100, text);
    ASSERT_TRUE(model_.emplace(token, Entry::Of(text).wire()).second);
    past_.push_back(token);
  }
  void CancelSome() {
    std::vector<ScheduleToken> tokens;
    int64_t there = 0;
    for (int i = 1 + Draw(3); i > 0; --i) {
      tokens.push_back(DrawToken());
      there += static_cast<int64_t>(model_.erase(tokens.back()));
    }
    EXPECT_EQ(Cancel("s", tokens), there);
  }
  void ListSome() {
    const ScheduleToken first = DrawToken();
    const size_t count = 1 + static_cast<size_t>(Draw(30));
    Model expected;
    for (auto it = model_.lower_bound(first); it != model_.end() && expected.size() < count; ++it) {
      expected.insert(*it);
    }
    EXPECT_EQ(List("s", first, ScheduleToken::Max(), count), expected);
  }
  void LetTimePass() {
    engine_.Advance(Draw(400));
    Turns();
    while (!model_.empty() && model_.begin()->first.due_ms <= engine_.now_ms()) {
      added_.push_back(model_.begin()->second);
      model_.erase(model_.begin());
    }
  }
  void Restart() {
    engine_.EndTurn();
    engine_.Crash();
    is_faulty_ = false;
    if (Draw(3) == 0) {
      ExpectSound();
    }
    Open();
    is_faulty_ = true;
  }
  void ForgetAllThatMayGo() {
    engine_->SetMemoryBudget(1);
    engine_.EndTurn();
    engine_->SetMemoryBudget(engine_.options().memory_budget_bytes);
  }

  std::mt19937 random_;
  bool is_faulty_ = false;
  Model model_;
  std::vector<ScheduleToken> past_;
  std::vector<std::string> added_;
};

TEST_P(ScheduleWalk, LeadsWhereAMapLeads) {
  constexpr int kSteps = 600;
  Open();
  is_faulty_ = true;
  ScheduleOne(0);
  for (int step = 1; step <= kSteps && !HasFailure(); ++step) {
    const int what = Draw(100);
    if (what < 55) {
      ScheduleOne(step);
    } else if (what < 70) {
      CancelSome();
    } else if (what < 80) {
      ListSome();
    } else if (what < 90) {
      LetTimePass();
    } else if (what < 94) {
      (void)engine_->CheckpointNow();
    } else if (what < 96) {
      Restart();
    } else {
      ForgetAllThatMayGo();
    }
    engine_.EndTurn();
  }
  EXPECT_EQ(List("s"), model_);
  EXPECT_EQ(Values("s"), added_);
  is_faulty_ = false;
  engine_.Close();
  ExpectSound();
}

INSTANTIATE_TEST_SUITE_P(Seeds, ScheduleWalk, testing::Values(1u, 2u, 3u));

TEST_F(ScheduleTest, WhatIsDueBeforeTheNextCheckpointNeverReachesTheStore) {
  Open();
  const int64_t due_ms = engine_.now_ms() + 10;
  for (int i = 0; i < 100; ++i) {
    Schedule("s", due_ms, std::to_string(i));
  }
  engine_.EndTurn();
  engine_.Advance(10);
  Turns();
  EXPECT_EQ(Values("s").size(), 100u);
  engine_.Close();
  const uint64_t stored = [&] {
    const Result<CheckReport> report = CheckStore(directory_.path() + "/data");
    EXPECT_TRUE(report.ok() && report->clean());
    return report->entries;
  }();
  EXPECT_EQ(stored, 100u);
}

TEST_F(ScheduleTest, ManyTakeDiskAndNotMemory) {
  constexpr int kEntries = 100'000;
  engine_.options().memory_budget_bytes = uint64_t{8} << 20;
  Open();
  const std::string value(200, 'v');
  const int64_t base_ms = engine_.now_ms() + 60'000;
  uint64_t most = 0;
  for (int i = 0; i < kEntries; ++i) {
    Schedule("s", base_ms + (int64_t{i} * 7919) % kEntries, value);
    if (i % 50 == 0) {
      engine_.EndTurn();
      most = std::max(most, engine_->GetStats().memory_bytes);
    }
  }
  engine_.EndTurn();
  // Twenty times as much as would be held at once: what one checkpoint takes, and the store's own.
  EXPECT_LT(most, uint64_t{12} << 20);
  EXPECT_GT(uint64_t{kEntries} * value.size(), uint64_t{19} << 20);
  engine_.Crash();
  Open();
  EXPECT_EQ(List("s", {}, ScheduleToken::Max(), 3).begin()->first.due_ms, base_ms);
  Turns();
  engine_.Advance(60'000 + kEntries);
  most = 0;
  int turns = 0;
  while (engine_->next_due_work_ms() <= engine_.Now().store_ms && ++turns < 10'000) {
    engine_->RunDueWork(engine_.Now());
    engine_->TakeEvents();
    engine_.EndTurn();
    most = std::max(most, engine_->GetStats().memory_bytes);
  }
  EXPECT_LT(most, uint64_t{12} << 20);
  EXPECT_TRUE(List("s").empty());
  const Status status = engine_.Run(0, [&](Op& op) -> Status {
    ASSIGN_OR_RETURN(Stream * stream, engine_->OpenStream(op, "s"));
    EXPECT_EQ(Inspect(*stream).length, kEntries);
    return OkStatus();
  });
  EXPECT_TRUE(status.ok());
}

TEST_F(ScheduleTest, TheBoundsOfAStreamHoldForWhatIsAddedLater) {
  Open();
  PolicyRule rule;
  rule.key_pattern = "*";
  rule.settings.Set({static_cast<uint8_t>(StreamOption::kMaxScheduled), {3, 0, 0}, {}});
  rule.settings.Set({static_cast<uint8_t>(StreamOption::kMaxLen), {2, 0, 0}, {}});
  engine_->SetStreamRules({rule});
  const int64_t due_ms = engine_.now_ms() + 10;
  for (int i = 0; i < 3; ++i) {
    Schedule("s", due_ms, std::to_string(i));
  }
  const Entry entry = Entry::Of("v");
  const auto refused = engine_.Run(0, [&](Op& op) -> Result<ScheduleResult> {
    ASSIGN_OR_RETURN(Stream * stream, engine_->OpenStream(op, "s"));
    return engine_->ScheduleEntry(op, "s", stream, due_ms, entry.payload());
  });
  ASSERT_TRUE(refused.ok());
  EXPECT_EQ(refused->refusal, ScheduleRefusal::kFull);
  EXPECT_EQ(refused->limit, 3);
  engine_.Advance(10);
  Turns();
  EXPECT_EQ(Values("s").size(), 2u);  // The third one waits for room.
  EXPECT_EQ(List("s").size(), 1u);
  engine_->SetStreamRules({});
  Turns();
  engine_.Advance(100);
  Turns();
  EXPECT_EQ(Values("s").size(), 3u);
}

TEST_F(ScheduleTest, AnEntryAboveMaxBytesLetsTheOthersPass) {
  Open();
  const int64_t due_ms = engine_.now_ms() + 10;
  for (int i = 0; i < 20; ++i) {
    Schedule("s", due_ms + i, std::string(i % 2 == 0 ? 40'000 : 10, 'v'));
  }
  engine_.EndTurn();
  ASSERT_TRUE(engine_->CheckpointNow().ok());
  engine_.Crash();
  Open();
  PolicyRule rule;
  rule.key_pattern = "*";
  rule.settings.Set({static_cast<uint8_t>(StreamOption::kMaxBytes), {1000, 0, 0}, {}});
  engine_->SetStreamRules({rule});
  Turns();
  engine_.Advance(100);
  Turns();
  EXPECT_EQ(Values("s").size(), 10u);
  EXPECT_EQ(List("s").size(), 10u);
  EXPECT_EQ(Cancel("s", {List("s").begin()->first}), 1);
  engine_->SetStreamRules({});
  Turns();
  EXPECT_EQ(Values("s").size(), 19u);
  EXPECT_TRUE(List("s").empty());
}

TEST(ScheduledEntryRecord, IsWhole) {
  std::string bytes;
  EncodeScheduled({2, 2, "$1\r\nf\r\n$1\r\nv\r\n"}, &bytes);
  EXPECT_EQ(tests::BytesToHex(bytes), tests::BytesToHex(tests::ReadGolden("scheduled_entry.hex")));
  const auto decoded = DecodeScheduled(bytes);
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(decoded->payload, "$1\r\nf\r\n$1\r\nv\r\n");
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    EXPECT_FALSE(DecodeScheduled(damaged).ok()) << i;
    EXPECT_FALSE(DecodeScheduled(bytes.substr(0, i)).ok()) << i;
  }
}

}  // namespace
}  // namespace engine
