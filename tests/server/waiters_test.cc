#include "server/core/waiters.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace server {
namespace {

using Ids = std::vector<ClientId>;

class WaitersTest : public testing::Test {
 protected:
  void AddReader(ClientId id, std::vector<std::string> keys, uint32_t db = 0) {
    WaitRequest wait;
    wait.keys = std::move(keys);
    waiters_.Add(id, db, wait, Waiters::kForever);
  }
  void AddGroupReader(ClientId id, std::vector<std::string> keys, std::string group,
                      bool leaves_some = false, std::string consumer = {}) {
    WaitRequest wait;
    wait.leaves_some = leaves_some;
    wait.consumer = std::move(consumer);
    wait.keys = std::move(keys);
    wait.group = std::move(group);
    wait.group_read = true;
    waiters_.Add(id, 0, wait, Waiters::kForever);
  }
  // Who runs; those in `get_something` are served.
  Ids Serve(const std::set<ClientId>& get_something, size_t max = 1000) {
    Ids ran;
    waiters_.Serve(max, [&](ClientId id) {
      ran.push_back(id);
      if (!get_something.contains(id)) return Waiters::WakeUp::kBlocked;
      waiters_.Remove(id);
      return Waiters::WakeUp::kServed;
    });
    return ran;
  }

  Waiters waiters_;
};

TEST_F(WaitersTest, NothingIsReadyWithoutASignalForTheKey) {
  waiters_.Signal(0, "a");
  AddReader(1, {"a"});
  waiters_.Signal(0, "b");
  waiters_.Signal(1, "a");
  EXPECT_FALSE(waiters_.has_ready());
  EXPECT_EQ(Serve({1}), Ids{});
}

TEST_F(WaitersTest, APlaceThatGetsFreeCostsTwoRunsHoweverManyWaitForOne) {
  for (ClientId id = 1; id <= 50; ++id) AddGroupReader(id, {"a"}, "");
  EXPECT_EQ(waiters_.CountOn(0, "a"), 50u);
  EXPECT_EQ(waiters_.FirstOn(0, "a"), 1u);
  waiters_.Signal(0, "a");
  EXPECT_EQ(Serve({1}), (Ids{1, 2}));
  EXPECT_EQ(waiters_.FirstOn(0, "a"), 2u);
  EXPECT_EQ(waiters_.CountOn(0, "a"), 49u);
  EXPECT_EQ(waiters_.CountOn(1, "a"), 0u);
  EXPECT_EQ(waiters_.FirstOn(0, "b"), 0u);
  waiters_.SignalAll();
  EXPECT_EQ(Serve({}), Ids{2});
}

TEST_F(WaitersTest, KnowWhoWaitsInAGroup) {
  AddReader(1, {"a"});
  AddGroupReader(2, {"a", "b"}, "g", false, "x");
  AddGroupReader(3, {"a"}, "h", false, "y");
  AddGroupReader(4, {"a"}, "g", false, "z");
  const auto waiting = [this](uint32_t db, std::string_view key, std::string_view group) {
    std::string names;
    waiters_.ForEachConsumer(db, key, group, [&](std::string_view name) { names += name; });
    return names;
  };
  EXPECT_EQ(waiting(0, "a", "g"), "xz");
  EXPECT_EQ(waiting(0, "a", "h"), "y");
  EXPECT_EQ(waiting(0, "b", "g"), "x");
  EXPECT_EQ(waiting(0, "b", "h"), "");
  EXPECT_EQ(waiting(1, "a", "g"), "");
  waiters_.Remove(2);
  EXPECT_EQ(waiting(0, "a", "g"), "z");
  EXPECT_EQ(waiting(0, "b", "g"), "");
}

TEST_F(WaitersTest, AllReadersOutsideOfGroupsRunInOrder) {
  for (ClientId id : {3, 1, 2}) AddReader(id, {"a"});
  waiters_.Signal(0, "a");
  EXPECT_EQ(Serve({1}), (Ids{3, 1, 2}));
  EXPECT_FALSE(waiters_.has_ready());
  waiters_.Signal(0, "a");
  EXPECT_EQ(Serve({}), (Ids{3, 2}));
}

TEST_F(WaitersTest, EachGroupStopsAtTheFirstThatGetsNothing) {
  AddGroupReader(1, {"a"}, "g");
  AddGroupReader(2, {"a"}, "h");
  AddGroupReader(3, {"a"}, "g");
  AddGroupReader(4, {"a"}, "g");
  AddGroupReader(5, {"a"}, "h");
  waiters_.Signal(0, "a");
  EXPECT_EQ(Serve({1}), (Ids{1, 2, 3}));
  waiters_.Signal(0, "a");
  EXPECT_EQ(Serve({3, 4, 2}), (Ids{2, 3, 4, 5}));
}

TEST_F(WaitersTest, WhoLeavesSomeKeepsNobodyFromWhatWasPendingBefore) {
  AddGroupReader(1, {"a"}, "g", /*leaves_some=*/true);
  AddGroupReader(2, {"a"}, "g");
  AddGroupReader(3, {"a"}, "g", /*leaves_some=*/true);
  AddGroupReader(4, {"a"}, "g");
  waiters_.SignalPending(0, "a");
  EXPECT_EQ(Serve({2}), (Ids{1, 2, 3, 4}));
  waiters_.SignalPending(0, "a");
  EXPECT_EQ(Serve({}), (Ids{1, 3, 4}));
  // What is new is for everybody.
  waiters_.Signal(0, "a");
  EXPECT_EQ(Serve({}), (Ids{1}));
}

TEST_F(WaitersTest, OldestFirstWhateverTheyReadFor) {
  AddGroupReader(1, {"a"}, "h");
  AddReader(2, {"a"});
  AddGroupReader(3, {"a"}, "g");
  AddGroupReader(4, {"a"}, "h");
  AddReader(5, {"a"});
  AddGroupReader(6, {"a"}, "g");
  waiters_.Signal(0, "a");
  EXPECT_EQ(Serve({1, 2, 3, 4, 5, 6}, 2), (Ids{1, 2}));
  waiters_.Remove(3);
  EXPECT_EQ(Serve({1, 2, 3, 4, 5, 6}), (Ids{4, 5, 6}));
  EXPECT_EQ(waiters_.key_count(), 0u);
}

TEST_F(WaitersTest, KeepsItsPlaceWhenItGetsNothing) {
  AddGroupReader(1, {"a"}, "g");
  AddGroupReader(2, {"a"}, "g");
  waiters_.Signal(0, "a");
  EXPECT_EQ(Serve({}), Ids{1});
  waiters_.Signal(0, "a");
  EXPECT_EQ(Serve({1}), (Ids{1, 2}));
}

TEST_F(WaitersTest, WaitsOnAllItsKeysAndLeavesThemAll) {
  AddReader(1, {"a", "b", "a"});
  EXPECT_EQ(waiters_.key_count(), 2u);
  waiters_.Signal(0, "b");
  EXPECT_EQ(Serve({}), Ids{1});
  waiters_.Signal(0, "a");
  EXPECT_EQ(Serve({1}), Ids{1});
  EXPECT_EQ(waiters_.key_count(), 0u);
  EXPECT_EQ(waiters_.client_count(), 0u);
}

TEST_F(WaitersTest, BoundedServingContinuesWhereItStopped) {
  for (ClientId id = 1; id <= 5; ++id) AddReader(id, {"a"});
  waiters_.Signal(0, "a");
  EXPECT_EQ(Serve({1, 2, 3, 4, 5}, 2), (Ids{1, 2}));
  EXPECT_TRUE(waiters_.has_ready());
  EXPECT_EQ(Serve({3}, 2), (Ids{3, 4}));
  EXPECT_EQ(Serve({5}, 2), Ids{5});
  EXPECT_FALSE(waiters_.has_ready());
}

TEST_F(WaitersTest, ClientsMayGoWhileTheKeyIsServed) {
  for (ClientId id = 1; id <= 3; ++id) AddReader(id, {"a"});
  waiters_.Signal(0, "a");
  EXPECT_EQ(Serve({}, 1), Ids{1});
  waiters_.Remove(2);
  waiters_.Remove(1);
  EXPECT_EQ(Serve({3}), Ids{3});
  EXPECT_EQ(waiters_.key_count(), 0u);
}

TEST_F(WaitersTest, SignalDuringServingStartsANewPass) {
  AddGroupReader(1, {"a"}, "g");
  waiters_.Signal(0, "a");
  Ids ran;
  waiters_.Serve(1000, [&](ClientId id) {
    ran.push_back(id);
    if (ran.size() == 1) waiters_.Signal(0, "a");
    return Waiters::WakeUp::kBlocked;
  });
  EXPECT_EQ(ran, (Ids{1, 1}));
}

TEST_F(WaitersTest, BusyReaderHoldsItsGroupUntilItsKeysAreSignalled) {
  AddGroupReader(1, {"a"}, "g");
  AddGroupReader(2, {"a"}, "g");
  waiters_.Signal(0, "a");
  Ids ran;
  waiters_.Serve(1000, [&](ClientId id) {
    ran.push_back(id);
    return Waiters::WakeUp::kBusy;
  });
  EXPECT_EQ(ran, Ids{1});
  waiters_.SignalKeysOf(1);
  waiters_.Remove(1);
  EXPECT_EQ(Serve({2}), Ids{2});
}

TEST_F(WaitersTest, WholeDatabaseCanBeSignalled) {
  AddReader(1, {"a"});
  AddReader(2, {"b"});
  AddReader(3, {"a"}, 1);
  waiters_.SignalDatabase(0);
  Ids ran = Serve({1, 2, 3});
  std::ranges::sort(ran);
  EXPECT_EQ(ran, (Ids{1, 2}));
}

TEST_F(WaitersTest, DeadlinesComeInTheirOrderAndNeverEarly) {
  WaitRequest wait;
  wait.keys = {"a"};
  waiters_.Add(1, 0, wait, 300);
  waiters_.Add(2, 0, wait, 100);
  waiters_.Add(3, 0, wait, Waiters::kForever);
  EXPECT_EQ(waiters_.next_deadline_us(), 100);
  EXPECT_EQ(waiters_.Expired(99), std::nullopt);
  EXPECT_EQ(waiters_.Expired(100), 2u);
  waiters_.Remove(2);
  EXPECT_EQ(waiters_.Expired(299), std::nullopt);
  EXPECT_EQ(waiters_.Expired(300), 1u);
  waiters_.Remove(1);
  EXPECT_EQ(waiters_.next_deadline_us(), Waiters::kForever);
  EXPECT_EQ(waiters_.Expired(Waiters::kForever), std::nullopt);
}

TEST_F(WaitersTest, CountsKeysThatGroupsWaitOn) {
  AddReader(1, {"a"});
  AddGroupReader(2, {"a", "b"}, "g");
  AddGroupReader(3, {"a"}, "g");
  EXPECT_EQ(waiters_.group_key_count(), 2u);
  waiters_.Remove(2);
  EXPECT_EQ(waiters_.group_key_count(), 1u);
  waiters_.Remove(3);
  EXPECT_EQ(waiters_.group_key_count(), 0u);
}

TEST_F(WaitersTest, ManyReadersOfOneGroupCostOneRunForOneEntry) {
  constexpr ClientId kReaders = 20'000;
  for (ClientId id = 1; id <= kReaders; ++id) AddGroupReader(id, {"a"}, "g");
  for (ClientId id = 1; id <= kReaders; ++id) {
    waiters_.Signal(0, "a");
    const Ids ran = Serve({id});
    ASSERT_LE(ran.size(), 2u);
    ASSERT_EQ(ran.front(), id);
  }
  EXPECT_EQ(waiters_.key_count(), 0u);
}

// Readers that claim: who runs, and when.
class ClaimWaitersTest : public WaitersTest {
 protected:
  void AddClaimer(ClientId id, int64_t min_idle_ms, int64_t look_at_us,
                  std::vector<std::string> keys = {"a"}, std::string group = "g") {
    WaitRequest wait;
    wait.keys = std::move(keys);
    wait.group = std::move(group);
    wait.group_read = true;
    wait.claim = WaitRequest::Claim{.min_idle_ms = min_idle_ms};
    waiters_.Add(id, 0, wait, Waiters::kForever);
    waiters_.LookAgain(id, look_at_us);
  }
  Ids ServeAt(int64_t now_us, const std::set<ClientId>& get_something) {
    waiters_.StartDueClaims(now_us);
    return Serve(get_something);
  }
};

TEST_F(ClaimWaitersTest, OnlyTheFirstOfALineLooksAgainByTheClock) {
  for (ClientId id = 1; id <= 100; ++id) AddClaimer(id, 500, 7000);
  EXPECT_EQ(waiters_.next_claim_us(), 7000);
  EXPECT_EQ(ServeAt(6999, {1}), Ids{});
  EXPECT_EQ(ServeAt(7000, {}), Ids{1});
  EXPECT_EQ(waiters_.next_claim_us(), Waiters::kForever);
  waiters_.LookAgain(2, 8000);
  EXPECT_EQ(waiters_.next_claim_us(), Waiters::kForever);
  waiters_.LookAgain(1, 8000);
  EXPECT_EQ(waiters_.next_claim_us(), 8000);
}

TEST_F(ClaimWaitersTest, WhenTheFirstHasBeenServedTheNextOneRunsAtOnce) {
  for (ClientId id = 1; id <= 5; ++id) AddClaimer(id, 500, 7000);
  EXPECT_EQ(ServeAt(7000, {1, 2}), (Ids{1, 2, 3}));
  waiters_.LookAgain(3, 9000);
  EXPECT_EQ(waiters_.next_claim_us(), 9000);
  waiters_.Remove(3);
  EXPECT_TRUE(waiters_.has_ready());
  EXPECT_EQ(Serve({}), Ids{4});
}

TEST_F(ClaimWaitersTest, EachMinIdleAndGroupHasALineOfItsOwn) {
  AddClaimer(1, 500, 7000);
  AddClaimer(2, 300, 5000);
  AddClaimer(3, 300, 5000, {"a"}, "h");
  AddGroupReader(4, {"a"}, "g");
  EXPECT_EQ(ServeAt(5000, {}), (Ids{2, 3}));
  EXPECT_EQ(ServeAt(7000, {}), Ids{1});
}

TEST_F(ClaimWaitersTest, ASignalRunsTheFirstOfEachLineOfTheGroupTheOldestFirst) {
  AddGroupReader(9, {"a"}, "g");
  AddClaimer(1, 500, 7000);
  AddClaimer(2, 300, 5000);
  AddClaimer(3, 500, 7000);
  AddClaimer(4, 500, 7000, {"a"}, "h");
  AddClaimer(5, 500, 7000, {"b"});
  waiters_.SignalClaims(0, "a", "nobody");
  waiters_.SignalClaims(1, "a", "g");
  waiters_.SignalClaims(0, "c", "g");
  EXPECT_FALSE(waiters_.has_ready());
  waiters_.SignalClaims(0, "a", "g");
  EXPECT_EQ(Serve({1}), (Ids{1, 2, 3}));
  waiters_.SignalClaims(0, "a", "g");
  EXPECT_EQ(Serve({2}), (Ids{2, 3}));
}

TEST_F(ClaimWaitersTest, AReaderOfSeveralKeysLooksWhereItIsFirst) {
  AddClaimer(1, 500, 7000, {"a"});
  AddClaimer(2, 500, 6000, {"a", "b"});
  EXPECT_EQ(waiters_.next_claim_us(), 6000);
  waiters_.SignalClaims(0, "b", "g");
  EXPECT_EQ(Serve({2}), Ids{2});
  EXPECT_EQ(waiters_.next_claim_us(), 7000);
}

TEST_F(ClaimWaitersTest, NewEntriesAreServedInOneLineWithOtherReaders) {
  AddGroupReader(1, {"a"}, "g");
  AddClaimer(2, 500, 7000);
  AddGroupReader(3, {"a"}, "g");
  waiters_.Signal(0, "a");
  EXPECT_EQ(Serve({1, 2}), (Ids{1, 2, 3}));
  EXPECT_EQ(waiters_.next_claim_us(), Waiters::kForever);
}

}  // namespace
}  // namespace server
