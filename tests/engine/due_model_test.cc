// Bounds of due times: random life of a group against a scan of its records, and by themselves.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "engine/due.h"
#include "engine/due_index.h"
#include "tests/engine/due_fixture.h"

namespace engine {
namespace {

// Random life of a group, with reopening, against a scan of all its records.
class DueModelTest : public DueTest {
 protected:
  size_t Draw(size_t below) { return random_() % below; }

  // Who is due now, in order, by what the group says of each record.
  Ids Due() {
    std::vector<std::pair<int64_t, StreamId>> due;
    for (const Row& row : Pending()) {
      if (row.due_ms >= 0 && row.due_ms <= engine_.now_ms()) {
        due.push_back({row.due_ms, row.id});
      }
    }
    std::sort(due.begin(), due.end());
    Ids ids;
    for (const auto& [due_ms, id] : due) {
      ids.push_back(id);
    }
    return ids;
  }
  Ids PickPending() {
    Ids ids;
    const auto rows = Pending();
    for (size_t i = 0; i < 6 && !rows.empty(); ++i) {
      ids.push_back(rows[Draw(rows.size())].id);
    }
    return ids;
  }
  void Step() {
    switch (Draw(9)) {
      case 0:
        return Add(Draw(60));
      case 1:
        return ExpectReadsWhatIsDue();
      case 2:
        Acknowledge(PickPending());
        return;
      case 3:
        Release(PickPending());
        return;
      case 4:
        Delay(PickPending(), static_cast<int64_t>(Draw(3000)));
        return;
      case 5:
        return ClaimAtRandom();
      case 6:
        return engine_.Advance(static_cast<int64_t>(Draw(400)));
      case 7:
        return ChangePolicy();
      default:
        return Reopen();
    }
  }
  void ExpectReadsWhatIsDue() {
    const Ids due = Due();
    const auto count = static_cast<int64_t>(1 + Draw(40));
    Ids read = Read("c" + std::to_string(Draw(3)), count);
    const size_t redelivered = std::min(due.size(), static_cast<size_t>(count));
    ASSERT_GE(read.size(), redelivered);
    // Those with one due time come in order of delivery.
    const auto rows_before = [&](size_t n) {
      Ids ids(read.begin(), read.begin() + static_cast<ptrdiff_t>(n));
      std::sort(ids.begin(), ids.end());
      return ids;
    };
    Ids wanted(due.begin(), due.begin() + static_cast<ptrdiff_t>(redelivered));
    if (redelivered == due.size()) {
      std::sort(wanted.begin(), wanted.end());
      EXPECT_EQ(rows_before(redelivered), wanted);
    } else {
      for (size_t i = 0; i < redelivered; ++i) {
        EXPECT_NE(std::find(due.begin(), due.end(), read[i]), due.end());
      }
    }
  }
  void ClaimAtRandom() {
    const std::string consumer = "c" + std::to_string(Draw(3));
    ClaimArgs args;
    args.consumer = consumer;
    if (Draw(2) == 0) {
      args.idle_ms = static_cast<int64_t>(Draw(2000));
    }
    Claim(PickPending(), args);
  }
  void ChangePolicy() {
    const std::vector<int64_t> waits = {0, 300, 1000, 5000};
    Set({Number(GroupOption::kAckWait, waits[Draw(waits.size())]),
         Draw(2) == 0 ? BackoffOf(0, 0, 200) : BackoffOf(200, 900, 200)});
  }
  void Reopen() {
    const std::vector<Row> before = Pending();
    if (Draw(10) == 0) {
      ASSERT_NO_FATAL_FAILURE(ExpectSound());
    } else if (Draw(2) == 0) {
      engine_.EndTurn();
      engine_.Crash();
      ASSERT_EQ(engine_.Open(), "");
    } else {
      ASSERT_TRUE(engine_->CheckpointNow().ok());
    }
    EXPECT_TRUE(Pending() == before);
  }

  std::mt19937_64 random_;
};

TEST_F(DueModelTest, ReadsWhatAScanWouldFind) {
  for (uint64_t seed = 1; seed <= 2; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    random_.seed(seed);
    for (int i = 0; i < 200 && !HasFailure(); ++i) {
      Step();
      engine_.EndTurn();
      if (Draw(4) == 0) {
        Wakes();
      }
    }
    ASSERT_NO_FATAL_FAILURE(ExpectSound());
  }
}

// ---- Rules and bounds by themselves ----

TEST(DueRules, ABoundIsNeverLaterThanARecord) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 2000; ++round) {
    DueRules rules;
    rules.ack_wait_ms = static_cast<int64_t>(random() % 3 == 0 ? 0 : random() % 1000);
    rules.backoff = {static_cast<int64_t>(random() % 500),
                     static_cast<int64_t>(500 + random() % 500),
                     static_cast<int64_t>(100 + random() % 300)};
    rules.owned_from_ms =
        random() % 2 == 0 ? DueRules::kNoGrace : static_cast<int64_t>(1000 + random() % 1000);
    PageTimes times;
    int64_t due_ms = kNeverDue;
    for (int i = 0; i < 5; ++i) {
      PendingRecord record;
      record.owner = random() % 2 == 0 ? kNoConsumer : 1;
      record.delivery_ms = static_cast<int64_t>(1 + random() % 2000);
      record.count = random() % 6;
      if (record.is_released()) {
        record.released_ms = static_cast<int64_t>(1 + random() % 2000);
        record.parked = random() % 3 == 0;
        record.due_ms = random() % 3 == 0 ? static_cast<int64_t>(1 + random() % 4000) : 0;
      }
      times.Add(record);
      due_ms = std::min(due_ms, rules.DueAt(record));
    }
    EXPECT_LE(rules.EarliestDue(times), due_ms);
  }
}

TEST(DueRules, SumsThatDoNotFitAreNever) {
  GroupPolicy policy;
  policy.ack_wait_ms = 1000;
  PendingRecord record;
  record.owner = 1;
  record.delivery_ms = INT64_MAX - 10;
  EXPECT_EQ(DueAt(&policy, record), kNeverDue);
  record.delivery_ms = 5;
  EXPECT_EQ(DueAt(&policy, record), 1005);
  EXPECT_EQ(DueAt(nullptr, record), kNeverDue);
  policy.paused = true;
  EXPECT_EQ(DueAt(&policy, record), kNeverDue);
}

TEST(DueIndex, KeepsPagesByBothMoments) {
  DueIndex index{DueRules()};
  PageDue first;
  PageDue second;
  index.Move({1, 0}, &first, {50, 70});
  index.Move({2, 0}, &second, {60, 60});
  EXPECT_EQ(index.first_due_ms(), 50);
  EXPECT_EQ(index.first_look_ms(), 60);
  index.Move({1, 0}, &first, {80, kNeverDue});
  EXPECT_EQ(index.first_due_ms(), 60);
  EXPECT_EQ(index.by_look().size(), 1u);
  index.Move({1, 0}, &first, PageDue());
  index.Move({2, 0}, &second, PageDue());
  EXPECT_EQ(index.first_due_ms(), kNeverDue);
  EXPECT_EQ(index.first_look_ms(), kNeverDue);
}

}  // namespace
}  // namespace engine
