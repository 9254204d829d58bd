// Entries whose deliveries are used up: by every path that hands entries out, and what becomes of
// them (delivery specification, sections 2 and 3).
#include <string>

#include "tests/engine/dead_letter_fixture.h"

namespace engine {
namespace {

class ExhaustionTest : public DeadLetterFixture {
 protected:
  // A stream `s` of so many entries, and a group with a cap.
  void Prepare(uint64_t entries, int64_t max_deliveries, std::vector<PolicySetting> more = {}) {
    AddMany(entries);
    CreateGroup();
    more.push_back(Number(GroupOption::kMaxDeliveries, max_deliveries));
    SetPolicy(more);
  }
  static AutoClaimArgs By(std::string_view consumer, bool just_id = false) {
    AutoClaimArgs args;
    args.consumer = consumer;
    args.just_id = just_id;
    return args;
  }
  static ReleaseArgs As(ReleaseArgs::Mode mode, std::optional<uint64_t> retry_count = {}) {
    ReleaseArgs args;
    args.mode = mode;
    args.retry_count = retry_count;
    return args;
  }
  Ids TakeAll(const std::string& consumer, int64_t min_idle_ms = 0) {
    ClaimArgs args;
    args.consumer = consumer;
    args.min_idle_ms = min_idle_ms;
    Ids pending;
    for (const auto& [id, count] : Pending()) {
      pending.push_back(id);
    }
    return Claim(args, pending);
  }
};

TEST_F(ExhaustionTest, ALetterTellsWhereItCameFromAndWhy) {
  Prepare(2, 2);
  const int64_t start_ms = engine_.now_ms();
  ASSERT_EQ(Read("alice", 0), (Ids{{1, 0}, {2, 0}}));
  engine_.Advance(1000);
  ASSERT_EQ(Read("bob", 1, 1000), (Ids{{1, 0}}));
  engine_.Advance(500);
  Ack({{2, 0}});
  EXPECT_EQ(Read("carol", 0, 0), Ids());
  const Fields expected = {{"f", "v1"},
                           {"__dlq.key", "s"},
                           {"__dlq.group", "g"},
                           {"__dlq.id", "1-0"},
                           {"__dlq.consumer", "bob"},
                           {"__dlq.deliveries", "2"},
                           {"__dlq.reason", "max-deliveries"},
                           {"__dlq.error", ""},
                           {"__dlq.first-ms", std::to_string(start_ms)},
                           {"__dlq.last-ms", std::to_string(start_ms + 1000)},
                           {"__dlq.time-ms", std::to_string(start_ms + 1500)},
                           {"__dlq.hops", "1"}};
  ASSERT_EQ(Letters(), std::vector<Fields>{expected});
  EXPECT_TRUE(Pending().empty());
  EXPECT_EQ(Ack({{1, 0}}), 0);
  const DeadLetterInfo info = Info();
  EXPECT_EQ(info.counters.exhausted, 1u);
  EXPECT_EQ(info.counters.letters, 1u);
  EXPECT_EQ(info.key, "{s}:dead:g");
  EXPECT_EQ(info.length, 1u);
  EXPECT_EQ(info.oldest_letter->ms, static_cast<uint64_t>(start_ms + 1500));
  // The stream is made, gets an entry, and the letter is told of by the name of where it came from.
  EXPECT_EQ(CountEvents(StreamEvent::Kind::kCreated), 1u);
  EXPECT_EQ(CountEvents(StreamEvent::Kind::kAdded), 1u);
  ASSERT_EQ(CountEvents(StreamEvent::Kind::kLetter), 1u);
  EXPECT_EQ(events_.back().key, "s");
  EXPECT_EQ(events_.back().group, "g");
  EXPECT_EQ(events_.back().id, *info.oldest_letter);
  ExpectClean();
}

TEST_F(ExhaustionTest, AConsumerThatCrashesOnPoisonIsNotCaughtInItsHistory) {
  Prepare(3, 3, {Number(GroupOption::kIsolateLast, 0)});
  ASSERT_EQ(Read("c", 0).size(), 3u);
  EXPECT_EQ(History("c").size(), 3u);
  EXPECT_EQ(History("c").size(), 3u);
  Ack({{2, 0}});
  EXPECT_EQ(History("c"), Ids());
  EXPECT_EQ(Letters().size(), 2u);
  EXPECT_EQ(History("c"), Ids());
  EXPECT_EQ(Letters().size(), 2u);
}

TEST_F(ExhaustionTest, AHistoryReadGoesOnBehindWhatItExhausts) {
  Prepare(4, 2);
  Read("c", 2);
  EXPECT_EQ(History("c", 2), (Ids{{1, 0}, {2, 0}}));
  Read("c", 2);
  EXPECT_EQ(History("c", 1), (Ids{{3, 0}}));
  EXPECT_EQ(Letters().size(), 2u);
  EXPECT_EQ(History("c", 5), (Ids{{4, 0}}));
  EXPECT_EQ(Letters().size(), 3u);
}

TEST_F(ExhaustionTest, WithOneDeliveryNothingIsEverHandedOutAgain) {
  Prepare(5, 1);
  ASSERT_EQ(Read("a", 0).size(), 5u);
  ClaimArgs claim;
  claim.consumer = "b";
  EXPECT_EQ(Claim(claim, {{1, 0}}), Ids());
  AutoClaimArgs sweep;
  sweep.consumer = "b";
  sweep.count = 1;
  AutoClaimResult result;
  EXPECT_EQ(AutoClaim(sweep, &result), Ids());
  EXPECT_TRUE(result.deleted.empty());
  EXPECT_EQ(History("a"), Ids());
  EXPECT_EQ(Read("b", 0, 0), Ids());
  EXPECT_EQ(Letters().size(), 5u);
  EXPECT_TRUE(Pending().empty());
}

TEST_F(ExhaustionTest, AClaimGoesOnWithTheNextEntry) {
  Prepare(6, 2);
  Read("a", 4);
  TakeAll("a");
  Read("a", 2);
  AutoClaimArgs sweep;
  sweep.consumer = "b";
  sweep.count = 1;
  AutoClaimResult result;
  EXPECT_EQ(AutoClaim(sweep, &result), (Ids{{5, 0}}));
  EXPECT_EQ(result.cursor, (StreamId{6, 0}));
  EXPECT_EQ(Letters().size(), 4u);
  EXPECT_EQ(Read("b", 1, 0), (Ids{{6, 0}}));
}

TEST_F(ExhaustionTest, AnEntryIsNotTakenFromAConsumerWhoseLeaseIsValid) {
  Prepare(1, 1, {Number(GroupOption::kAckWait, 5000)});
  ASSERT_EQ(Read("a", 1).size(), 1u);
  engine_.Advance(4999);
  EXPECT_EQ(TakeAll("b"), Ids());
  EXPECT_EQ(AutoClaim(By("b")), Ids());
  EXPECT_EQ(History("a"), Ids());
  EXPECT_EQ(Read("b", 1, 0), Ids());
  EXPECT_EQ(Pending(), (std::map<StreamId, uint64_t>{{{1, 0}, 1}}));
  EXPECT_TRUE(Letters().empty());
  engine_.Advance(1);
  EXPECT_EQ(AutoClaim(By("b")), Ids());
  EXPECT_EQ(Letters().size(), 1u);
}

TEST_F(ExhaustionTest, IdsAloneNeitherCountNorExhaust) {
  Prepare(2, 1);
  Read("a", 0);
  ClaimArgs claim;
  claim.consumer = "b";
  claim.just_id = true;
  EXPECT_EQ(Claim(claim, {{1, 0}}), (Ids{{1, 0}}));
  EXPECT_EQ(AutoClaim(By("c", true)), (Ids{{1, 0}, {2, 0}}));
  EXPECT_EQ(Pending(), (std::map<StreamId, uint64_t>{{{1, 0}, 1}, {{2, 0}, 1}}));
  EXPECT_TRUE(Letters().empty());
}

TEST_F(ExhaustionTest, ASetCountAlwaysClaims) {
  Prepare(1, 2, {Number(GroupOption::kAckWait, 60000)});
  Read("a", 0);
  ClaimArgs claim;
  claim.consumer = "b";
  claim.retry_count = 2;
  EXPECT_EQ(Claim(claim, {{1, 0}}), (Ids{{1, 0}}));
  EXPECT_EQ(Claim(claim, {{1, 0}}), (Ids{{1, 0}}));
  claim.retry_count = 0;
  EXPECT_EQ(Claim(claim, {{1, 0}}), (Ids{{1, 0}}));
  EXPECT_EQ(TakeAll("c"), (Ids{{1, 0}}));
  EXPECT_EQ(TakeAll("c"), (Ids{{1, 0}}));
  engine_.Advance(60000);
  EXPECT_EQ(TakeAll("c"), Ids());
  EXPECT_EQ(Letters().size(), 1u);
}

TEST_F(ExhaustionTest, ARepeatedIdFindsWhatTheFirstOneLeft) {
  Prepare(2, 1);
  Read("a", 0);
  ClaimArgs claim;
  claim.consumer = "b";
  EXPECT_EQ(Claim(claim, {{2, 0}, {1, 0}, {2, 0}, {1, 0}}), Ids());
  EXPECT_EQ(Letters().size(), 2u);
  claim.force = true;
  EXPECT_EQ(Claim(claim, {{1, 0}}), (Ids{{1, 0}}));
  EXPECT_EQ(Pending(), (std::map<StreamId, uint64_t>{{{1, 0}, 2}}));
}

TEST_F(ExhaustionTest, FailExhaustsWhatHasNoDeliveryLeft) {
  Prepare(3, 2);
  Read("a", 0);
  const ReleaseArgs fail = As(ReleaseArgs::Mode::kFail);
  EXPECT_EQ(Nack(fail, {{1, 0}, {2, 0}}), 2);
  EXPECT_TRUE(Letters().empty());
  ASSERT_EQ(Read("a", 2, 0), (Ids{{1, 0}, {2, 0}}));
  EXPECT_EQ(Nack(fail, {{1, 0}, {3, 0}, {1, 0}}), 2);
  ASSERT_EQ(Letters().size(), 1u);
  EXPECT_EQ(Letters()[0]["__dlq.id"], "1-0");
  EXPECT_EQ(Letters()[0]["__dlq.consumer"], "a");
  // SILENT gives one back; RETRYCOUNT is judged as it is set.
  EXPECT_EQ(Nack(As(ReleaseArgs::Mode::kSilent), {{2, 0}}), 1);
  EXPECT_EQ(Nack(As(ReleaseArgs::Mode::kSilent, 9), {{3, 0}}), 1);
  EXPECT_EQ(Pending(), (std::map<StreamId, uint64_t>{{{2, 0}, 1}, {{3, 0}, 9}}));
  EXPECT_EQ(Nack(As(ReleaseArgs::Mode::kFail, 1), {{3, 0}}), 1);
  EXPECT_EQ(Nack(As(ReleaseArgs::Mode::kFail, 2), {{2, 0}}), 1);
  EXPECT_EQ(Letters().size(), 2u);
  EXPECT_EQ(Pending(), (std::map<StreamId, uint64_t>{{{3, 0}, 1}}));
}

TEST_F(ExhaustionTest, AReleaseMayMakeARecordOnlyToExhaustIt) {
  Prepare(1, 2);
  ReleaseArgs made = As(ReleaseArgs::Mode::kFail, 2);
  made.force = true;
  EXPECT_EQ(Nack(made, {{1, 0}}), 1);
  ASSERT_EQ(Letters().size(), 1u);
  EXPECT_EQ(Letters()[0]["__dlq.consumer"], "");
  EXPECT_EQ(Letters()[0]["__dlq.first-ms"], "1");
  EXPECT_TRUE(Pending().empty());
  ExpectClean();
}

TEST_F(ExhaustionTest, FatalExhaustsAtOnceAndKeepsTheCount) {
  for (const auto& setting :
       {Number(GroupOption::kMaxDeliveries, 5), Number(GroupOption::kAckWait, 5),
        OnExhaustIs(OnExhaust::kDeadLetter), DeadLetterKeyIs("{s}:dead:g")}) {
    const std::string group = "g";
    AddMany(1);
    CreateGroup();
    SetPolicy({setting});
    Read("a", 0);
    EXPECT_EQ(Nack(As(ReleaseArgs::Mode::kFatal), {{1, 0}}), 1);
    ASSERT_EQ(Letters().size(), 1u) << int{setting.option};
    EXPECT_EQ(Letters()[0]["__dlq.reason"], "fatal");
    EXPECT_EQ(Letters()[0]["__dlq.deliveries"], "1");
    EXPECT_EQ(Info().counters.fatal, 1u);
    EXPECT_EQ(Info().counters.exhausted, 0u);
    const std::string_view keys[] = {"s", "{s}:dead:g"};
    ASSERT_TRUE(
        engine_.Run(0, [&](Op& op) { return engine_->DeleteKeys(op, keys, nullptr); }).ok());
  }
}

TEST_F(ExhaustionTest, FatalWithoutSuchAPolicyIsFoundByACapThatIsSetLater) {
  AddMany(1);
  CreateGroup();
  SetPolicy({Number(GroupOption::kMaxPending, 5)});
  Read("a", 0);
  EXPECT_EQ(Nack(As(ReleaseArgs::Mode::kFatal), {{1, 0}}), 1);
  EXPECT_EQ(Pending(), (std::map<StreamId, uint64_t>{{{1, 0}, kMaxDeliveryCount}}));
  EXPECT_EQ(Read("a", 1, 0), (Ids{{1, 0}}));
  SetPolicy({Number(GroupOption::kMaxDeliveries, 5)});
  EXPECT_EQ(Read("a", 1, 0), Ids());
  ASSERT_EQ(Letters().size(), 1u);
  EXPECT_EQ(Letters()[0]["__dlq.reason"], "fatal");
}

TEST_F(ExhaustionTest, ParkedEntriesWaitUntilTheyAreGivenDeliveries) {
  Prepare(4, 1, {OnExhaustIs(OnExhaust::kPark)});
  Read("a", 0);
  EXPECT_EQ(TakeAll("b"), Ids());
  EXPECT_EQ(Info().parked, 4);
  EXPECT_EQ(Info().counters.exhausted, 4u);
  EXPECT_EQ(CountEvents(StreamEvent::Kind::kParked), 4u);
  EXPECT_EQ(Read("b", 0, 0), Ids());
  EXPECT_EQ(AutoClaim(By("b")), Ids());
  EXPECT_EQ(AutoClaim(By("b", true)), Ids());
  EXPECT_EQ(TakeAll("b"), Ids());
  EXPECT_EQ(Nack(As(ReleaseArgs::Mode::kFail), {{4, 0}}), 1);
  EXPECT_EQ(Info().parked, 4);
  engine_.Advance(5000);
  Work();
  EXPECT_EQ(Info().parked, 4);
  EXPECT_EQ(Ack({{1, 0}}), 1);
  EXPECT_EQ(Nack(As(ReleaseArgs::Mode::kFail, 0), {{2, 0}}), 1);
  ClaimArgs unpark;
  unpark.consumer = "b";
  unpark.retry_count = 0;
  EXPECT_EQ(Claim(unpark, {{3, 0}}), (Ids{{3, 0}}));
  EXPECT_EQ(Read("b", 0, 0), (Ids{{2, 0}, {3, 0}}));
  EXPECT_EQ(Info().parked, 1);
  EXPECT_EQ(Info().counters.exhausted, 4u);
  ExpectClean();
}

TEST_F(ExhaustionTest, DroppedEntriesAreAcknowledgedAndCounted) {
  Prepare(2, 1, {OnExhaustIs(OnExhaust::kDrop)});
  Read("a", 0);
  EXPECT_EQ(History("a"), Ids());
  EXPECT_TRUE(Pending().empty());
  EXPECT_TRUE(Letters().empty());
  EXPECT_EQ(Info().counters.dropped, 2u);
  EXPECT_EQ(Info().counters.exhausted, 2u);
}

TEST_F(ExhaustionTest, WhatCannotBeALetterIsParkedAndMovedWhenItCan) {
  Prepare(600, 1);
  ASSERT_TRUE(
      engine_.Run(0, [&](Op& op) { return engine_->SetString(op, "{s}:dead:g", "x", 0); }).ok());
  Read("a", 0);
  EXPECT_EQ(TakeAll("b"), Ids());
  EXPECT_EQ(Info().parked, 600);
  EXPECT_EQ(log_.size(), 1u);
  EXPECT_EQ(Nack(As(ReleaseArgs::Mode::kFatal, 7), {{600, 0}}), 1);
  engine_.Advance(1000);
  Work();
  EXPECT_EQ(Info().parked, 600);
  EXPECT_EQ(log_.size(), 1u);
  engine_.Advance(60000);
  Work();
  EXPECT_EQ(log_.size(), 2u);
  const std::string_view key = "{s}:dead:g";
  ASSERT_TRUE(engine_.Run(0,
                          [&](Op& op) {
                            return engine_->DeleteKeys(op, {&key, 1}, nullptr);
                          })
                  .ok());
  engine_.Advance(1000);
  Work();
  EXPECT_EQ(Info().parked, 0);
  std::vector<Fields> letters = Letters();
  ASSERT_EQ(letters.size(), 600u);
  for (size_t i = 0; i < letters.size(); ++i) {
    ASSERT_EQ(letters[i]["__dlq.id"], std::to_string(i + 1) + "-0");
  }
  EXPECT_EQ(letters[0]["__dlq.reason"], "max-deliveries");
  EXPECT_EQ(letters[599]["__dlq.reason"], "fatal");
  EXPECT_EQ(letters[599]["__dlq.deliveries"], "7");
  EXPECT_EQ(Info().counters.letters, 600u);
  EXPECT_EQ(engine_->next_due_work_ms(), INT64_MAX);
  ExpectClean();
}

TEST_F(ExhaustionTest, ParkedEntriesAreMovedOnceThePolicySaysSo) {
  Prepare(3, 1, {OnExhaustIs(OnExhaust::kPark)});
  Read("a", 0);
  TakeAll("b");
  GoCold();
  SetPolicy({OnExhaustIs(OnExhaust::kDeadLetter)});
  engine_.Advance(1000);
  Work();
  EXPECT_EQ(Letters().size(), 3u);
  EXPECT_EQ(Info().parked, 0);
}

TEST_F(ExhaustionTest, AFullDeadLetterStreamParks) {
  Prepare(3, 1, {DeadLetterKeyIs("d")});
  Add("d", "x");
  ASSERT_TRUE(On("d", [&](Op& op, Stream& stream) {
                engine_->SetPolicy(
                    op, stream,
                    PolicyChange{{{static_cast<uint8_t>(StreamOption::kMaxLen), {3}, {}}}, {}});
                return OkStatus();
              }).ok());
  Read("a", 0);
  EXPECT_EQ(TakeAll("b"), Ids());
  EXPECT_EQ(Letters("d").size(), 3u);
  EXPECT_EQ(Info().parked, 1);
  EXPECT_EQ(Info().counters.exhausted, 3u);
  EXPECT_EQ(Info().counters.letters, 2u);
}

TEST_F(ExhaustionTest, AStreamWithoutADerivedNameParks) {
  const std::string key = "a}";
  AddMany(1, key);
  CreateGroup("g", key);
  SetPolicy({Number(GroupOption::kMaxDeliveries, 1)}, "g", key);
  Read("c", 0, {}, "g", key);
  Read("c", 0, 0, "g", key);
  EXPECT_EQ(Info("g", key).parked, 1);
  EXPECT_EQ(Info("g", key).key, "");
}

TEST_F(ExhaustionTest, TheDeadLetterStreamIsTrimmedToItsLength) {
  Prepare(1000, 1, {Number(GroupOption::kDeadLetterMaxLen, 150)});
  Read("a", 0);
  EXPECT_EQ(TakeAll("b"), Ids());
  EXPECT_EQ(Info().counters.letters, 1000u);
  EXPECT_GE(Info().length, 150u);
  EXPECT_LT(Info().length, 250u);  // Whole nodes only.
  EXPECT_GE(CountEvents(StreamEvent::Kind::kTrimmed), 1u);
  ExpectClean();
}

TEST_F(ExhaustionTest, EntriesThatAreGoneAreSettledWhateverTheirCount) {
  Prepare(4, 5);
  Read("a", 0);
  Delete("s", {{1, 0}, {2, 0}, {3, 0}});
  EXPECT_EQ(Read("b", 1, 0), (Ids{{4, 0}}));
  ASSERT_EQ(Letters().size(), 3u);
  EXPECT_EQ(Letters()[0]["__dlq.reason"], "trimmed");
  EXPECT_EQ(Letters()[0]["__dlq.id"], "1-0");
  EXPECT_EQ(Letters()[0].count("f"), 0u);
  EXPECT_EQ(Info().counters.trimmed, 3u);
  EXPECT_EQ(Pending().size(), 1u);
  Delete("s", {{4, 0}});
  AutoClaimResult result;
  AutoClaim(By("b"), &result);
  EXPECT_EQ(result.deleted, (Ids{{4, 0}}));
  EXPECT_EQ(Letters().size(), 4u);
  EXPECT_EQ(Info().counters.trimmed, 4u);
}

TEST_F(ExhaustionTest, WithoutACapNoLetterTellsOfThoseThatAreGone) {
  AddMany(2);
  CreateGroup();
  SetPolicy({Number(GroupOption::kAckWait, 5)});
  Read("a", 0);
  Delete("s", {{1, 0}});
  EXPECT_EQ(Read("b", 0, 0), (Ids{{2, 0}}));
  EXPECT_EQ(Pending().size(), 1u);
  EXPECT_TRUE(Letters().empty());
  EXPECT_EQ(Info().counters.trimmed, 1u);
}

TEST_F(ExhaustionTest, WithoutAPolicyNothingIsExhausted) {
  AddMany(1);
  CreateGroup();
  Read("a", 0);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(Read("b", 0, 0).size(), 1u);
  }
  Delete("s", {{1, 0}});
  EXPECT_EQ(Read("b", 0, 0), Ids());
  EXPECT_EQ(Pending().size(), 1u);
}

TEST_F(ExhaustionTest, OneCallExhaustsSoManyAndNoMore) {
  constexpr size_t kAll = kExhaustedPerCall + 500;
  Prepare(kAll, 1);
  Read("a", 0);
  EXPECT_EQ(Read("b", 1, 0), Ids());
  EXPECT_EQ(Letters().size(), kExhaustedPerCall);
  EXPECT_EQ(History("a"), Ids());
  EXPECT_EQ(Letters().size(), kAll);
}

TEST_F(ExhaustionTest, WhatIsNeededIsFetchedBeforeAnythingChanges) {
  Prepare(1000, 2);
  Read("a", 0);
  TakeAll("a");
  GoCold();
  const uint64_t rounds = engine_.loads();
  EXPECT_EQ(Read("b", 0, 0), Ids());
  EXPECT_GT(engine_.loads(), rounds);
  EXPECT_LE(engine_.loads() - rounds, 8u);
  GoCold();
  EXPECT_EQ(Letters().size(), 1000u);
  ExpectClean();
}

TEST_F(ExhaustionTest, LettersAreOutOfReachOfRulesForEveryKey) {
  engine_->SetGroupRules({{"*", "*", {}}});
  PolicyRule rule{"*", "*", {}};
  rule.settings.Set(Number(GroupOption::kMaxDeliveries, 1));
  engine_->SetGroupRules({rule});
  AddMany(1);
  CreateGroup();
  Read("a", 0);
  EXPECT_EQ(History("a"), Ids());
  const std::string dead = "{s}:dead:g";
  CreateGroup("h", dead);
  EXPECT_EQ(Read("x", 0, {}, "h", dead).size(), 1u);
  EXPECT_EQ(Read("y", 0, 0, "h", dead).size(), 1u);
  EXPECT_EQ(Read("y", 0, 0, "h", dead).size(), 1u);
  EXPECT_EQ(Info().length, 1u);
}

TEST_F(ExhaustionTest, CopiesAndNewNamesKeepWhatIsParked) {
  Prepare(3, 1, {OnExhaustIs(OnExhaust::kPark)});
  Read("a", 0);
  Nack(As(ReleaseArgs::Mode::kFatal), {{3, 0}});
  TakeAll("b");
  ASSERT_TRUE(*engine_.Run(0, [&](Op& op) { return engine_->Copy(op, "s", 0, "copy", false); }));
  ASSERT_TRUE(*engine_.Run(0, [&](Op& op) { return engine_->Rename(op, "s", "t", false); }));
  Reopen();
  for (const std::string key : {"copy", "t"}) {
    EXPECT_EQ(Info("g", key).parked, 3) << key;
    EXPECT_EQ(Info("g", key).counters.exhausted, 2u) << key;
    SetPolicy({OnExhaustIs(OnExhaust::kDeadLetter)}, "g", key);
    engine_.Advance(1000);
    Work();
    std::vector<Fields> letters = Letters("{" + key + "}:dead:g");
    ASSERT_EQ(letters.size(), 3u) << key;
    EXPECT_EQ(letters[0]["__dlq.key"], key);
    EXPECT_EQ(letters[1]["__dlq.reason"], "max-deliveries");
    EXPECT_EQ(letters[2]["__dlq.reason"], "fatal");
  }
  ExpectClean();
}

TEST_F(ExhaustionTest, ADeadLetterKeyThatBecameTheStreamItselfParks) {
  Prepare(1, 1, {DeadLetterKeyIs("t")});
  Read("a", 0);
  ASSERT_TRUE(*engine_.Run(0, [&](Op& op) { return engine_->Rename(op, "s", "t", false); }));
  EXPECT_EQ(Read("b", 0, 0, "g", "t"), Ids());
  EXPECT_EQ(Info("g", "t").parked, 1);
  EXPECT_EQ(Info("g", "t").length, 1u);
}

TEST_F(ExhaustionTest, ACrashAfterAnyTurnLeavesOneLetterForEachDeadEntry) {
  constexpr uint64_t kEntries = 60;
  Prepare(kEntries, 3);
  Read("a", 0);
  uint32_t random = 12345;
  const auto next = [&random](uint32_t below) {
    random = random * 1664525 + 1013904223;
    return (random >> 8) % below;
  };
  std::map<StreamId, uint64_t> handed_out;
  for (uint64_t ms = 1; ms <= kEntries; ++ms) {
    handed_out[{ms, 0}] = 1;
  }
  size_t acknowledged = 0;
  for (int step = 0; step < 150; ++step) {
    const StreamId id{1 + next(kEntries), 0};
    Ids got;
    switch (next(6)) {
      case 0:
        got = Read("b", 1 + next(4), 0);
        break;
      case 1:
        got = History("a", 1 + next(4));
        break;
      case 2: {
        ClaimArgs claim;
        claim.consumer = "a";
        got = Claim(claim, {id});
      } break;
      case 3: {
        AutoClaimArgs sweep = By("b");
        sweep.start = id;
        sweep.count = 1 + int64_t{next(3)};
        got = AutoClaim(sweep);
      } break;
      case 4:
        Nack(As(ReleaseArgs::Mode::kFail), {id});
        break;
      default:
        acknowledged += static_cast<size_t>(Ack({id}));
        break;
    }
    for (const StreamId each : got) {
      ++handed_out[each];
    }
    if (next(3) == 0) {
      Reopen();
    }
    std::map<std::string, int> letters;
    for (Fields& letter : Letters()) {
      ++letters[letter["__dlq.id"]];
    }
    for (const auto& [name, count] : letters) {
      ASSERT_EQ(count, 1) << name << " at step " << step;
    }
    ASSERT_EQ(letters.size() + acknowledged + Pending().size(), kEntries) << step;
    ASSERT_EQ(Info().counters.letters, letters.size()) << step;
  }
  for (const auto& [each, count] : handed_out) {
    EXPECT_LE(count, 3u) << each.ToString();
  }
  ExpectClean();
}

}  // namespace
}  // namespace engine
