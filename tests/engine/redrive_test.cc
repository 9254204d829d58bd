// Dead letters on their way back (delivery specification, section 5).
#include <string>

#include "tests/engine/dead_letter_fixture.h"

namespace engine {
namespace {

using How = RedrivenLetter::How;
const std::string kDead = "{s}:dead:g";

class RedriveTest : public DeadLetterFixture {
 protected:
  // Entries of `s` that have become letters of its group.
  void MakeLetters(uint64_t count) {
    AddMany(count);
    CreateGroup();
    SetPolicy({Number(GroupOption::kMaxDeliveries, 1)});
    Read("a", 0);
    while (!History("a").empty() || !Pending().empty()) {
    }
    ReadLetterIds();
  }
  void ReadLetterIds() {
    RangeArgs args;
    args.end = StreamId::Max();
    ASSERT_TRUE(On(kDead, [&](Op& op, Stream& stream) {
                  letter_ids_.clear();
                  return engine_->Range(op, stream, args, [&](const EntryView& entry) {
                    letter_ids_.push_back(entry.id);
                  });
                }).ok());
  }
  RedriveResult Redrive(std::optional<StreamId> from, const Ids& ids = {}, int64_t count = 100,
                        std::optional<std::string_view> group = {},
                        std::optional<std::string_view> to = {}) {
    const auto redriven = On(kDead, [&](Op& op, Stream& stream) {
      return engine_->Redrive(
          op, stream,
          RedriveArgs{.group = group,
                      .to = to,
                      .ids = ids,
                      .from = from,
                      .count = count,
                      .may_write = [this](std::string_view key) { return key != refused_key_; }});
    });
    EXPECT_TRUE(redriven.ok()) << redriven.status().message();
    return redriven.ok() ? *redriven : RedriveResult();
  }
  static ClaimArgs Forced() {
    ClaimArgs args;
    args.consumer = "c";
    args.force = true;
    return args;
  }
  static std::vector<How> HowOf(const RedriveResult& result) {
    std::vector<How> how;
    for (const RedrivenLetter& letter : result.letters) {
      how.push_back(letter.how);
    }
    return how;
  }

  Ids letter_ids_;
  std::string refused_key_;
};

TEST_F(RedriveTest, BringsEntriesBackIntoTheirGroupAlone) {
  MakeLetters(3);
  CreateGroup("other");
  Read("x", 0, {}, "other");
  events_.clear();
  const RedriveResult result = Redrive(StreamId());
  EXPECT_EQ(result.moved, 3);
  EXPECT_EQ(result.cursor, StreamId());
  EXPECT_EQ(HowOf(result), (std::vector<How>{How::kRequeued, How::kRequeued, How::kRequeued}));
  EXPECT_EQ(result.letters[1].new_id, (StreamId{2, 0}));
  EXPECT_EQ(Pending(), (std::map<StreamId, uint64_t>{{{1, 0}, 0}, {{2, 0}, 0}, {{3, 0}, 0}}));
  EXPECT_EQ(Pending("other").size(), 3u);
  EXPECT_TRUE(Letters().empty());
  EXPECT_EQ(Info().counters.redriven, 3u);
  EXPECT_EQ(CountEvents(StreamEvent::Kind::kReady), 1u);
  EXPECT_EQ(CountEvents(StreamEvent::Kind::kDeleted), 1u);
  // It has a whole life before it, and the next letter knows of this one.
  EXPECT_EQ(Read("b", 1, 0), (Ids{{1, 0}}));
  EXPECT_EQ(History("b"), Ids());
  ASSERT_EQ(Letters().size(), 1u);
  EXPECT_EQ(Letters()[0]["__dlq.hops"], "2");
  EXPECT_EQ(Letters()[0]["__dlq.deliveries"], "1");
  Reopen();
  EXPECT_EQ(Pending().size(), 2u);
  ExpectClean();
}

TEST_F(RedriveTest, WhatComesAnywayLosesItsLetterOnly) {
  MakeLetters(3);
  ASSERT_EQ(Claim(Forced(), {{1, 0}}), (Ids{{1, 0}}));
  ASSERT_TRUE(OnGroup("s", "g", [&](Op& op, Stream& stream, Group& group) {
                return engine_->SetGroupId(op, stream, group, {2, 0}, std::nullopt);
              }).ok());
  const RedriveResult result = Redrive(StreamId());
  EXPECT_EQ(result.moved, 3);
  EXPECT_EQ(HowOf(result), (std::vector<How>{How::kRequeued, How::kRequeued, How::kRequeued}));
  EXPECT_EQ(Pending(), (std::map<StreamId, uint64_t>{{{1, 0}, 2}, {{2, 0}, 0}}));
  EXPECT_TRUE(Letters().empty());
}

TEST_F(RedriveTest, ParkedOnesAreReleasedWithCountZero) {
  MakeLetters(1);
  SetPolicy({OnExhaustIs(OnExhaust::kPark)});
  Claim(Forced(), {{1, 0}});
  ASSERT_EQ(History("c"), Ids());
  ASSERT_EQ(Info().parked, 1);
  EXPECT_EQ(Redrive(StreamId()).moved, 1);
  EXPECT_EQ(Info().parked, 0);
  EXPECT_EQ(Pending(), (std::map<StreamId, uint64_t>{{{1, 0}, 0}}));
  ExpectClean();
}

TEST_F(RedriveTest, AppendsWhereTheEntryIsGoneAndTheGroupIsAlone) {
  MakeLetters(2);
  Delete("s", {{1, 0}});
  const RedriveResult result = Redrive(StreamId());
  EXPECT_EQ(HowOf(result), (std::vector<How>{How::kAppended, How::kRequeued}));
  EXPECT_EQ(result.letters[0].new_id.ms, static_cast<uint64_t>(engine_.now_ms()));
  EXPECT_EQ(CountEvents(StreamEvent::Kind::kAdded), 3u);
  std::vector<Fields> entries = Letters("s");
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[1], (Fields{{"f", "v1"}}));
  ExpectClean();
}

TEST_F(RedriveTest, AnotherEntryUnderTheIdIsNotTheLettersOne) {
  MakeLetters(1);
  const std::string_view key = "s";
  ASSERT_TRUE(engine_.Run(0,
                          [&](Op& op) {
                            return engine_->DeleteKeys(op, {&key, 1}, nullptr);
                          })
                  .ok());
  Add("s", "different", {1, 0});
  CreateGroup();
  EXPECT_EQ(HowOf(Redrive(StreamId())), std::vector<How>{How::kAppended});
  EXPECT_EQ(Letters("s").size(), 2u);
}

TEST_F(RedriveTest, ManyGroupsOrNoneKeepTheLetterWhereItIs) {
  MakeLetters(2);
  CreateGroup("other");
  Delete("s", {{1, 0}});
  EXPECT_EQ(HowOf(Redrive(StreamId())), (std::vector<How>{How::kGone, How::kRequeued}));
  EXPECT_EQ(Letters().size(), 1u);
  ASSERT_TRUE(OnGroup("s", "g", [&](Op& op, Stream& stream, Group& group) {
                return engine_->DestroyGroup(op, stream, group);
              }).ok());
  EXPECT_EQ(HowOf(Redrive(StreamId())), std::vector<How>{How::kGone});
  // TO says that everybody may see it.
  const RedriveResult result = Redrive(StreamId(), {}, 100, {}, "s");
  EXPECT_EQ(HowOf(result), std::vector<How>{How::kAppended});
  EXPECT_TRUE(Letters().empty());
}

TEST_F(RedriveTest, ToMakesTheStreamAndRefusesOtherTypes) {
  MakeLetters(2);
  ASSERT_TRUE(
      engine_.Run(0, [&](Op& op) { return engine_->SetString(op, "string", "x", 0); }).ok());
  EXPECT_EQ(HowOf(Redrive({}, letter_ids_, 100, {}, "string")),
            (std::vector<How>{How::kRefused, How::kRefused}));
  EXPECT_EQ(Letters().size(), 2u);
  events_.clear();
  EXPECT_EQ(Redrive({}, letter_ids_, 100, {}, "t").moved, 2);
  EXPECT_EQ(CountEvents(StreamEvent::Kind::kCreated), 1u);
  EXPECT_EQ(CountEvents(StreamEvent::Kind::kAdded), 2u);
  EXPECT_EQ(Letters("t"), (std::vector<Fields>{{{"f", "v1"}}, {{"f", "v2"}}}));
}

TEST_F(RedriveTest, ABoundRefusesWhatIsAboveIt) {
  MakeLetters(3);
  Add("t", "x");
  ASSERT_TRUE(On("t", [&](Op& op, Stream& stream) {
                engine_->SetPolicy(
                    op, stream,
                    PolicyChange{{{static_cast<uint8_t>(StreamOption::kMaxLen), {2}, {}}}, {}});
                return OkStatus();
              }).ok());
  const RedriveResult result = Redrive(StreamId(), {}, 100, {}, "t");
  EXPECT_EQ(HowOf(result), (std::vector<How>{How::kAppended, How::kRefused, How::kRefused}));
  EXPECT_EQ(result.moved, 1);
  EXPECT_EQ(Letters().size(), 2u);
}

TEST_F(RedriveTest, WhoMayNotWriteTheSourceIsRefused) {
  MakeLetters(1);
  refused_key_ = "s";
  EXPECT_EQ(HowOf(Redrive(StreamId())), std::vector<How>{How::kRefused});
  EXPECT_EQ(Letters().size(), 1u);
}

TEST_F(RedriveTest, WhatIsNoLetterStays) {
  MakeLetters(1);
  const StreamId other = Add(kDead, "no letter");
  SetPolicy({Number(GroupOption::kMaxDeliveries, 5)});
  const StreamId added = Add("s", "soon gone");
  Read("a", 0);
  Delete("s", {added});
  Read("b", 0, 0);
  ReadLetterIds();
  ASSERT_EQ(letter_ids_.size(), 3u);
  EXPECT_EQ(HowOf(Redrive(StreamId())),
            (std::vector<How>{How::kRequeued, How::kForeign, How::kForeign}));
  const RedriveResult result = Redrive({}, {other, {1, 1}, letter_ids_[0]});
  EXPECT_EQ(HowOf(result), (std::vector<How>{How::kForeign, How::kForeign, How::kForeign}));
  EXPECT_EQ(result.cursor, StreamId());
}

TEST_F(RedriveTest, GoesOnWhereItsCursorSays) {
  MakeLetters(5);
  RedriveResult result = Redrive(letter_ids_[1], {}, 2);
  EXPECT_EQ(result.moved, 2);
  EXPECT_EQ(result.cursor, letter_ids_[3]);
  result = Redrive(result.cursor, {}, 2);
  EXPECT_EQ(result.moved, 2);
  EXPECT_EQ(result.cursor, StreamId());
  EXPECT_EQ(Letters().size(), 1u);
  EXPECT_EQ(Redrive(letter_ids_[1], {}, 2).letters.size(), 0u);
}

TEST_F(RedriveTest, OfOneGroupPassesOverOthers) {
  MakeLetters(2);
  CreateGroup("h");
  SetPolicy({Number(GroupOption::kMaxDeliveries, 1), DeadLetterKeyIs(kDead)}, "h");
  Read("x", 0, {}, "h");
  Read("x", 0, 0, "h");
  ReadLetterIds();
  ASSERT_EQ(letter_ids_.size(), 4u);
  const RedriveResult result = Redrive(StreamId(), {}, 3, "h");
  EXPECT_EQ(result.moved, 1);
  EXPECT_EQ(result.letters.size(), 1u);
  EXPECT_EQ(result.cursor, letter_ids_[3]);
  EXPECT_TRUE(Pending("g").empty());
  EXPECT_EQ(Pending("h").size(), 1u);
}

TEST_F(RedriveTest, ALetterThatIsNamedTwiceMovesOnce) {
  MakeLetters(2);
  const RedriveResult result = Redrive({}, {letter_ids_[1], letter_ids_[1], letter_ids_[0]});
  EXPECT_EQ(HowOf(result), (std::vector<How>{How::kRequeued, How::kForeign, How::kRequeued}));
  EXPECT_EQ(result.moved, 2);
  EXPECT_EQ(Pending().size(), 2u);
}

TEST_F(RedriveTest, LettersLeaveWithTheirReferences) {
  MakeLetters(3);
  CreateGroup("keeper", kDead);
  Read("k", 2, {}, "keeper", kDead);
  EXPECT_EQ(Redrive(StreamId()).moved, 3);
  EXPECT_TRUE(Pending("keeper", kDead).empty());
  ExpectClean();
}

TEST_F(RedriveTest, LoadsInAFewRoundsHoweverManyLettersThereAre) {
  constexpr uint64_t kLetters = 12'000;
  MakeLetters(kLetters);
  ASSERT_EQ(letter_ids_.size(), kLetters);
  GoCold();
  const uint64_t rounds_before = engine_.loads();
  const RedriveResult result = Redrive(StreamId(), {}, 10'000);
  EXPECT_EQ(result.moved, 10'000);
  EXPECT_EQ(result.cursor, letter_ids_[10'000]);
  EXPECT_LE(engine_.loads() - rounds_before, 8u);
  EXPECT_EQ(Redrive(result.cursor, {}, 10'000).moved, 2000);
  EXPECT_EQ(Pending().size(), kLetters);
  ExpectClean();
}

TEST_F(RedriveTest, LosesAndDoublesNothingInACrash) {
  MakeLetters(40);
  StreamId from;
  for (int step = 0; step < 8; ++step) {
    const RedriveResult result = Redrive(from, {}, 5);
    from = result.cursor;
    Reopen();
    ASSERT_EQ(Pending().size() + Letters().size(), 40u);
    ASSERT_EQ(Letters().size(), 40u - 5 * (static_cast<size_t>(step) + 1));
  }
  EXPECT_EQ(from, StreamId());
}

}  // namespace
}  // namespace engine
