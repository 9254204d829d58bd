// What is due and when: plain reads, the steward's wake-ups, what holds entries back, the grace
// after a start.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/limits.h"
#include "tests/engine/due_fixture.h"

namespace engine {
namespace {

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
  EXPECT_FALSE(engine_->TakeEvents().empty());
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
  engine_.Now();  // Time goes on from here.
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

TEST_F(DueTest, WhatIsDueIsCountedWhenNobodyHasUsedTheStreamForLong) {
  Set({Number(GroupOption::kAckWait, 1000)});
  ASSERT_EQ(Read("c").size(), 1U);
  engine_.EndTurn();
  ASSERT_TRUE(engine_->CheckpointNow().ok());
  for (int i = 0; i < 60; ++i) {
    engine_.Advance(10'000);
    engine_->RunDueWork(engine_.Now());
    engine_.EndTurn();
    ASSERT_TRUE(engine_->CheckpointNow().ok());
  }
  EXPECT_EQ(engine_->GetStreamStats(engine_.Now()).due, 1);
}

}  // namespace
}  // namespace engine
