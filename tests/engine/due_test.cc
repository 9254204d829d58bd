// What is due and when: plain reads, the steward's wake-ups, bounds of pages, grace after a start.
#include "engine/due.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "engine/checker.h"
#include "engine/inspect.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_engine.h"

namespace engine {
namespace {

using tests::Entry;
using tests::TempDir;
using tests::TestEngine;

using Ids = std::vector<StreamId>;

PolicySetting Number(GroupOption option, int64_t value) {
  return {static_cast<uint8_t>(option), {value}, {}};
}
PolicySetting BackoffOf(int64_t min_ms, int64_t max_ms, int64_t factor_hundredths) {
  return {static_cast<uint8_t>(GroupOption::kBackoff), {min_ms, max_ms, factor_hundredths}, {}};
}

// A stream `s` with a group `g`.
class DueTest : public ::testing::Test {
 protected:
  DueTest() : engine_(TestEngine::SmallOptions(directory_ / "data")) {}

  void SetUp() override {
    engine_.options().restart_grace_ms = 0;
    ASSERT_EQ(engine_.Open(), "");
    Add(1);
    ASSERT_TRUE(engine_
                    .Run(0,
                         [&](Op& op) -> Status {
                           ASSIGN_OR_RETURN(Stream * stream, engine_->OpenStream(op, "s"));
                           return engine_->CreateGroup(op, *stream, "g", {}, std::nullopt);
                         })
                    .ok());
  }

  template <typename Call>
  auto OnGroup(Call call) {
    using R = decltype(call(std::declval<Op&>(), std::declval<Stream&>(), std::declval<Group&>()));
    return engine_.Run(0, [&](Op& op) -> R {
      ASSIGN_OR_RETURN(Stream * stream, engine_->OpenStream(op, "s"));
      ASSIGN_OR_RETURN(Group * group, engine_->OpenGroup(op, *stream, "g"));
      return call(op, *stream, *group);
    });
  }
  // Entries follow those there are.
  void Add(uint64_t count) {
    for (uint64_t i = 0; i < count; ++i) {
      const Entry entry = Entry::Of("v");
      const StreamId id{++last_ms_, 0};
      ASSERT_TRUE(engine_
                      .Run(0,
                           [&](Op& op) -> Result<AddResult> {
                             const auto stream = engine_->OpenStream(op, "s");
                             return engine_->Add(op, "s", stream.ok() ? *stream : nullptr,
                                                 {AddId::Form::kExplicit, id}, entry.payload(), {});
                           })
                      .ok());
    }
  }
  void Set(std::vector<PolicySetting> settings) {
    ASSERT_TRUE(OnGroup([&](Op& op, Stream& stream, Group& group) {
                  engine_->SetPolicy(op, stream, group, {settings, {}});
                  return OkStatus();
                }).ok());
    engine_->RunDueWork(engine_.Now());
  }
  Ids Read(const std::string& consumer, int64_t count = 0, bool no_ack = false) {
    ReadNewArgs args;
    args.consumer = consumer;
    args.count = count;
    args.no_ack = no_ack;
    return Read(args);
  }
  Ids Read(const ReadNewArgs& args) {
    Ids ids;
    const auto read = OnGroup([&](Op& op, Stream& stream, Group& group) {
      ids.clear();
      return engine_->ReadNew(op, stream, group, args,
                              [&](const EntryView& entry, const PriorDelivery&) {
                                ids.push_back(entry.id);
                                return true;
                              });
    });
    EXPECT_TRUE(read.ok()) << read.status().message();
    ends_reply_ = read.ok() && read->ends_reply;
    claim_wait_ms_ = read.ok() ? read->claim_wait_ms : -1;
    return ids;
  }
  Ids ClaimIdle(int64_t min_idle_ms, int64_t count = 0) {
    ReadNewArgs args;
    args.consumer = "claimer";
    args.count = count;
    args.claim_min_idle_ms = min_idle_ms;
    return Read(args);
  }
  int64_t Acknowledge(const Ids& ids) {
    return *OnGroup([&](Op& op, Stream& stream, Group& group) {
      return engine_->Acknowledge(op, stream, group, ids);
    });
  }
  int64_t Release(const Ids& ids, const ReleaseArgs& args = {}) {
    return *OnGroup([&](Op& op, Stream& stream, Group& group) {
      return engine_->Release(op, stream, group, args, ids);
    });
  }
  int64_t Delay(const Ids& ids, int64_t delay_ms) {
    ReleaseArgs args;
    args.delay_ms = delay_ms;
    return Release(ids, args);
  }
  Ids Claim(const Ids& ids, const ClaimArgs& args) {
    Ids claimed;
    EXPECT_TRUE(OnGroup([&](Op& op, Stream& stream, Group& group) {
                  claimed.clear();
                  return engine_->Claim(
                      op, stream, group, args, ids,
                      [&](StreamId id, const EntryView*) { claimed.push_back(id); });
                }).ok());
    return claimed;
  }
  void Delete(const Ids& ids) {
    ASSERT_TRUE(engine_
                    .Run(0,
                         [&](Op& op) -> Result<int64_t> {
                           ASSIGN_OR_RETURN(Stream * stream, engine_->OpenStream(op, "s"));
                           return engine_->DeleteEntries(op, *stream, ids);
                         })
                    .ok());
  }
  struct Row {
    StreamId id;
    PendingDetails::State state;
    uint64_t count = 0;
    int64_t last_ms = 0;
    int64_t due_ms = 0;  // -1: never.
    std::string reason;
    bool operator==(const Row&) const = default;
  };
  std::vector<Row> Pending() {
    std::vector<Row> rows;
    PendingRangeArgs all;
    all.end = StreamId::Max();
    all.count = INT64_MAX;
    EXPECT_TRUE(OnGroup([&](Op& op, Stream& stream, Group& group) {
                  rows.clear();
                  return engine_->DescribePending(
                      op, stream, group, all, [&](const PendingDetails& record) {
                        rows.push_back({record.id, record.state, record.delivery_count,
                                        record.last_unix_ms, record.due_unix_ms,
                                        std::string(record.reason)});
                      });
                }).ok());
    return rows;
  }
  // What the steward does now; whether blocked readers of the group are woken for it.
  bool Wakes() {
    engine_->TakeEvents();
    bool woken = false;
    for (int step = 0; step < 10'000 && engine_->next_due_work_ms() <= engine_.Now().store_ms;
         ++step) {
      engine_->RunDueWork(engine_.Now());
      for (const StreamEvent& event : engine_->TakeEvents()) {
        woken = woken || (event.kind == StreamEvent::Kind::kReady && event.group == "g");
      }
      engine_.EndTurn();
    }
    EXPECT_GT(engine_->next_due_work_ms(), engine_.Now().store_ms);
    return woken;
  }
  void DropEvents() { engine_->TakeEvents(); }
  void ExpectSound() {
    engine_.Close();
    const auto report = CheckStore(directory_ / "data");
    ASSERT_TRUE(report.ok()) << report.status().message();
    EXPECT_EQ(report->faults, std::vector<std::string>());
    ASSERT_EQ(engine_.Open(), "");
  }

  TempDir directory_;
  TestEngine engine_;
  uint64_t last_ms_ = 0;
  bool ends_reply_ = false;
  int64_t claim_wait_ms_ = 0;
};

TEST_F(DueTest, AnIdleEntryComesBackOnAPlainReadBeforeNewOnes) {
  Set({Number(GroupOption::kAckWait, 1000)});
  EXPECT_EQ(Read("alice"), (Ids{{1, 0}}));
  Add(2);
  engine_.Advance(999);
  EXPECT_EQ(Read("bob", 1), (Ids{{2, 0}}));
  engine_.Advance(1);
  EXPECT_EQ(Read("bob"), (Ids{{1, 0}, {3, 0}}));
  const auto rows = Pending();
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].count, 2u);
  EXPECT_EQ(rows[1].count, 1u);
  EXPECT_EQ(rows[0].due_ms, engine_.now_ms() + 1000);
  // The one delivered before is due first, whatever its id.
  engine_.Advance(1000);
  EXPECT_EQ(Read("carol"), (Ids{{2, 0}, {1, 0}, {3, 0}}));
}

TEST_F(DueTest, ReadsWithoutAcknowledgementGetNewEntriesAlone) {
  Set({Number(GroupOption::kAckWait, 1000)});
  Read("alice");
  engine_.Advance(1000);
  Add(1);
  EXPECT_EQ(Read("bob", 0, true), (Ids{{2, 0}}));
  EXPECT_EQ(Read("bob"), (Ids{{1, 0}}));
}

TEST_F(DueTest, WithoutAckWaitOnlyTimesOfTheirOwnFallDue) {
  Add(1);
  Read("alice");
  engine_.Advance(1'000'000);
  EXPECT_TRUE(Read("bob").empty());
  EXPECT_EQ(Delay({{2, 0}}, 500), 1);
  EXPECT_EQ(Pending()[0].due_ms, -1);
  EXPECT_EQ(Pending()[1].due_ms, engine_.now_ms() + 500);
  EXPECT_FALSE(Wakes());
  engine_.Advance(500);
  EXPECT_TRUE(Wakes());
  EXPECT_EQ(Read("bob"), (Ids{{2, 0}}));
  engine_.Advance(1'000'000);
  EXPECT_TRUE(Read("bob").empty());
  ExpectSound();
}

TEST_F(DueTest, BackoffGrowsWithTheCountAndHoldsClaimsBack) {
  Set({Number(GroupOption::kAckWait, 100), BackoffOf(1000, 3000, 200)});
  EXPECT_EQ(Read("alice"), (Ids{{1, 0}}));
  engine_.Advance(999);
  EXPECT_TRUE(Read("bob").empty());
  EXPECT_TRUE(ClaimIdle(0).empty());
  EXPECT_EQ(claim_wait_ms_, kMinClaimWaitMs);
  ClaimArgs claim;
  claim.consumer = "bob";
  claim.min_idle_ms = 1;
  EXPECT_TRUE(Claim({{1, 0}}, claim).empty());
  engine_.Advance(1);
  EXPECT_EQ(Read("bob"), (Ids{{1, 0}}));
  engine_.Advance(1999);
  EXPECT_TRUE(Read("bob").empty());
  // By name it can be had at once.
  claim.min_idle_ms = 0;
  EXPECT_EQ(Claim({{1, 0}}, claim), (Ids{{1, 0}}));
  engine_.Advance(2999);
  EXPECT_TRUE(Read("bob").empty());
  engine_.Advance(1);
  EXPECT_EQ(Read("bob"), (Ids{{1, 0}}));
  claim.min_idle_ms = 1;
  claim.retry_count = 0;
  engine_.Advance(1);
  EXPECT_EQ(Claim({{1, 0}}, claim), (Ids{{1, 0}}));
  engine_.Advance(100);
  EXPECT_EQ(Read("bob"), (Ids{{1, 0}}));
}

TEST_F(DueTest, ABlockedClaimLooksAgainWhenItsHoldIsOver) {
  Set({BackoffOf(700, 700, 100)});
  Read("alice");
  engine_.Advance(100);
  EXPECT_TRUE(ClaimIdle(50).empty());
  EXPECT_EQ(claim_wait_ms_, 50);  // One that is delivered now.
  engine_.Advance(560);
  EXPECT_TRUE(ClaimIdle(50).empty());
  EXPECT_EQ(claim_wait_ms_, 40);
  engine_.Advance(40);
  EXPECT_EQ(ClaimIdle(50), (Ids{{1, 0}}));
}

TEST_F(DueTest, ReleasedEntriesAreDueAfterTheirBackoffOrDelay) {
  Set({Number(GroupOption::kAckWait, 10'000), BackoffOf(1000, 1000, 100)});
  Add(2);
  Read("alice");
  engine_.Advance(10);
  EXPECT_EQ(Release({{1, 0}}), 1);
  EXPECT_EQ(Delay({{2, 0}}, 0), 1);
  EXPECT_EQ(Delay({{3, 0}}, 60'000), 1);
  EXPECT_TRUE(Wakes());
  EXPECT_EQ(Read("bob"), (Ids{{2, 0}}));
  engine_.Advance(1000);
  EXPECT_TRUE(Wakes());
  EXPECT_EQ(Read("bob"), (Ids{{1, 0}}));
  engine_.Advance(11'000);
  EXPECT_EQ(Read("carol"), (Ids{{2, 0}, {1, 0}}));
  EXPECT_TRUE(ClaimIdle(0, 1).empty());
  EXPECT_EQ(Acknowledge({{1, 0}, {2, 0}}), 2);
  engine_.Advance(48'000);
  EXPECT_EQ(Read("carol", 1), (Ids{{3, 0}}));
  ExpectSound();
}

TEST_F(DueTest, ADelayEndsWithTheNextReleaseAndReasonsStay) {
  Read("alice");
  ReleaseArgs args;
  args.delay_ms = 500;
  args.reason = "no route";
  EXPECT_EQ(Release({{1, 0}}, args), 1);
  EXPECT_EQ(Pending()[0].reason, "no route");
  EXPECT_EQ(Release({{1, 0}}), 1);
  EXPECT_EQ(Pending()[0].reason, "no route");
  EXPECT_EQ(Pending()[0].due_ms, -1);
  engine_.Advance(500);
  EXPECT_TRUE(Read("bob").empty());
  ExpectSound();
}

TEST_F(DueTest, TheStewardWakesOnceForWhatFallsDueTogether) {
  Set({Number(GroupOption::kAckWait, 1000)});
  DropEvents();
  Add(4);
  Read("alice");
  EXPECT_FALSE(Wakes());
  EXPECT_EQ(engine_->next_due_work_ms(), engine_.Now().store_ms + 1000);
  engine_.Advance(1000);
  EXPECT_TRUE(Wakes());
  // Nobody takes them: nothing is left to be woken for.
  EXPECT_EQ(engine_->next_due_work_ms(), INT64_MAX);
  EXPECT_EQ(Read("bob", 2).size(), 2u);
  EXPECT_EQ(engine_->next_due_work_ms(), engine_.Now().store_ms + 1000);
}

TEST_F(DueTest, ExhaustedOnesGoWithoutAReader) {
  Set({Number(GroupOption::kAckWait, 1000),
       Number(GroupOption::kMaxDeliveries, 1),
       {static_cast<uint8_t>(GroupOption::kOnExhaust),
        {static_cast<int64_t>(OnExhaust::kDrop)},
        {}}});
  Add(2);
  Read("alice", 2);
  engine_.Advance(500);
  Read("alice", 1);
  engine_.Advance(500);
  Wakes();
  ASSERT_EQ(Pending().size(), 1u);
  EXPECT_EQ(Pending()[0].id, (StreamId{3, 0}));
  engine_.Advance(500);
  Wakes();
  EXPECT_TRUE(Pending().empty());
  ExpectSound();
}

TEST_F(DueTest, EntriesThatAreGoneAreSettledWhenTheyFallDue) {
  Set({Number(GroupOption::kAckWait, 1000)});
  Add(2);
  Read("alice");
  Delete({{1, 0}, {2, 0}});
  engine_.Advance(1000);
  EXPECT_EQ(Read("bob", 1), (Ids{{3, 0}}));
  EXPECT_EQ(Pending().size(), 1u);
  Delete({{3, 0}});
  engine_.Advance(1000);
  EXPECT_FALSE(Wakes());
  EXPECT_TRUE(Pending().empty());
}

TEST_F(DueTest, MaxPendingHoldsNewEntriesBackUntilThereIsRoom) {
  Set({Number(GroupOption::kMaxPending, 2), Number(GroupOption::kAckWait, 1000)});
  Add(4);
  EXPECT_EQ(Read("alice"), (Ids{{1, 0}, {2, 0}}));
  EXPECT_TRUE(Read("bob").empty());
  EXPECT_EQ(Read("bob", 1, true), (Ids{{3, 0}}));
  DropEvents();
  EXPECT_EQ(Acknowledge({{1, 0}}), 1);
  const auto events = engine_->TakeEvents();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].kind, StreamEvent::Kind::kReady);
  EXPECT_EQ(Read("bob"), (Ids{{4, 0}}));
  engine_.Advance(1000);
  EXPECT_EQ(Read("carol"), (Ids{{2, 0}, {4, 0}}));
  // Room was there before: nobody waits for it.
  EXPECT_EQ(Acknowledge({{2, 0}}), 1);
  DropEvents();
  EXPECT_EQ(Acknowledge({{4, 0}}), 1);
  EXPECT_TRUE(engine_->TakeEvents().empty());
}

TEST_F(DueTest, APausedGroupHandsOutNothingAndNothingFallsDue) {
  Set({Number(GroupOption::kAckWait, 1000), Number(GroupOption::kPaused, 1)});
  EXPECT_TRUE(Read("alice").empty());
  Set({Number(GroupOption::kPaused, 0)});
  EXPECT_EQ(Read("alice"), (Ids{{1, 0}}));
  Set({Number(GroupOption::kPaused, 1)});
  engine_.Advance(1000);
  EXPECT_FALSE(Wakes());
  EXPECT_EQ(Pending()[0].due_ms, -1);
  EXPECT_TRUE(Read("alice").empty());
  Add(1);
  EXPECT_TRUE(Read("alice", 0, true).empty());
  EXPECT_TRUE(ClaimIdle(0).empty());
  DropEvents();
  Set({Number(GroupOption::kPaused, 0)});
  EXPECT_EQ(engine_->TakeEvents().size(), 1u);
  EXPECT_TRUE(Wakes());
  EXPECT_EQ(Read("alice"), (Ids{{1, 0}, {2, 0}}));
}

TEST_F(DueTest, TheLastDeliveryIsAlone) {
  Set({Number(GroupOption::kAckWait, 1000), Number(GroupOption::kMaxDeliveries, 3)});
  Add(3);
  Read("alice", 1);
  Read("alice");
  engine_.Advance(1000);
  EXPECT_EQ(Read("bob", 1), (Ids{{1, 0}}));
  engine_.Advance(500);
  EXPECT_EQ(Read("bob"), (Ids{{2, 0}, {3, 0}, {4, 0}}));
  engine_.Advance(500);
  Add(1);
  EXPECT_EQ(Read("carol"), (Ids{{1, 0}}));
  EXPECT_TRUE(ends_reply_);
  EXPECT_EQ(Read("carol"), (Ids{{5, 0}}));
  EXPECT_FALSE(ends_reply_);
  engine_.Advance(500);
  // After others it would not be alone.
  ReadNewArgs args;
  args.consumer = "carol";
  args.follows_others = true;
  EXPECT_TRUE(Read(args).empty());
  EXPECT_TRUE(ends_reply_);
}

TEST_F(DueTest, WithOneDeliveryEachNewEntryIsAlone) {
  Set({Number(GroupOption::kMaxDeliveries, 1), Number(GroupOption::kIsolateLast, 1)});
  Add(2);
  EXPECT_EQ(Read("alice"), (Ids{{1, 0}}));
  EXPECT_TRUE(ends_reply_);
  ReadNewArgs args;
  args.consumer = "alice";
  args.follows_others = true;
  EXPECT_TRUE(Read(args).empty());
  EXPECT_TRUE(ends_reply_);
  EXPECT_EQ(Read("bob", 0, true), (Ids{{2, 0}, {3, 0}}));
}

TEST_F(DueTest, DeletingAConsumerReleasesWhatItHeld) {
  const auto remove = [&](const std::string& name) {
    return *OnGroup([&](Op& op, Stream& stream, Group& group) {
      return engine_->DeleteConsumer(op, stream, group, name);
    });
  };
  Add(2);
  Read("alice", 1);
  EXPECT_EQ(remove("alice"), 1);
  EXPECT_TRUE(Pending().empty());
  Set({Number(GroupOption::kAckWait, 60'000)});
  Read("alice", 2);
  EXPECT_EQ(remove("alice"), 2);
  ASSERT_EQ(Pending().size(), 2u);
  EXPECT_EQ(Pending()[0].state, PendingDetails::State::kReleased);
  EXPECT_TRUE(Wakes());
  EXPECT_EQ(Read("bob"), (Ids{{2, 0}, {3, 0}}));
  EXPECT_EQ(Pending()[0].count, 2u);
  ExpectSound();
}

TEST_F(DueTest, AJustIdClaimToOneselfRenewsTheLease) {
  Set({Number(GroupOption::kAckWait, 1000)});
  Read("alice");
  engine_.Advance(900);
  ClaimArgs renew;
  renew.consumer = "alice";
  renew.just_id = true;
  EXPECT_EQ(Claim({{1, 0}}, renew), (Ids{{1, 0}}));
  EXPECT_EQ(Pending()[0].count, 1u);
  engine_.Advance(900);
  EXPECT_FALSE(Wakes());
  EXPECT_TRUE(Read("bob").empty());
  engine_.Advance(100);
  EXPECT_TRUE(Wakes());
  EXPECT_EQ(Read("bob"), (Ids{{1, 0}}));
}

TEST_F(DueTest, NothingOwnedFallsDueInTheGraceAfterAStart) {
  Set({Number(GroupOption::kAckWait, 1000)});
  Add(2);
  Read("alice", 2);
  Release({{2, 0}});
  engine_.options().restart_grace_ms = 400;
  engine_.Advance(5000);
  engine_.Close();
  ASSERT_EQ(engine_.Open(), "");
  // Released ones are nobody's to acknowledge.
  EXPECT_EQ(Read("bob", 1), (Ids{{2, 0}}));
  EXPECT_EQ(Pending()[0].due_ms, engine_.now_ms() + 400);
  EXPECT_EQ(Read("bob", 1), (Ids{{3, 0}}));
  engine_.Advance(399);
  EXPECT_FALSE(Wakes());
  engine_.Advance(1);
  EXPECT_TRUE(Wakes());
  EXPECT_EQ(Read("bob"), (Ids{{1, 0}}));
}

TEST_F(DueTest, TheGraceIsNoLongerThanAckWait) {
  Set({Number(GroupOption::kAckWait, 1000)});
  Read("alice");
  engine_.options().restart_grace_ms = 30'000;
  engine_.Advance(5000);
  engine_.EndTurn();
  engine_.Crash();
  ASSERT_EQ(engine_.Open(), "");
  engine_.Advance(999);
  EXPECT_TRUE(Read("bob").empty());
  engine_.Advance(1);
  EXPECT_EQ(Read("bob"), (Ids{{1, 0}}));
}

TEST_F(DueTest, IdleWorkIsNone) {
  Set({Number(GroupOption::kAckWait, 3'600'000)});
  Add(100'000);
  while (!Read("alice", 1000).empty()) {
    engine_.EndTurn();
  }
  ASSERT_TRUE(engine_->CheckpointNow().ok());
  const uint64_t loads = engine_->GetStats().loads;
  const int64_t due_ms = engine_->next_due_work_ms();
  EXPECT_EQ(due_ms, engine_.Now().store_ms + 3'600'000);
  for (int second = 0; second < 3599; ++second) {
    engine_.Advance(1000);
    engine_->RunDueWork(engine_.Now());
    EXPECT_TRUE(Read("bob").empty());
    EXPECT_EQ(engine_->next_due_work_ms(), due_ms);
  }
  EXPECT_EQ(engine_->GetStats().loads, loads);
  // Also when the rules change, of which nothing follows for when they are due.
  Set({Number(GroupOption::kAckWait, 7'200'000)});
  engine_->RunDueWork(engine_.Now());
  engine_->RunDueWork(engine_.Now());
  EXPECT_TRUE(Read("bob").empty());
  EXPECT_EQ(engine_->GetStats().loads, loads);
}

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
    ClaimArgs args;
    args.consumer = "c" + std::to_string(Draw(3));
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
