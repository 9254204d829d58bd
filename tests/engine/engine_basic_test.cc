// The engine's calls one by one, and that their outcome survives every way to stop.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
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

class EngineTest : public ::testing::Test {
 protected:
  EngineTest() : engine_(TestEngine::SmallOptions(directory_ / "data")) {}

  void SetUp() override { ASSERT_EQ(engine_.Open(), ""); }

  Code AddEntry(const std::string& key, StreamId id, const std::string& value = "v",
                const TrimArgs& trim = {}) {
    const Entry entry = Entry::Of(value);
    const auto added = engine_.Run(0, [&](Op& op) -> Result<AddResult> {
      auto stream = engine_->OpenStream(op, key);
      if (!stream.ok() && stream.code() != Code::kNotFound) {
        return stream.status();
      }
      return engine_->Add(op, key, stream.ok() ? *stream : nullptr, {AddId::Form::kExplicit, id},
                          entry.payload(), trim);
    });
    return added.ok() ? Code::kOk : added.code();
  }

  void AddRun(const std::string& key, uint64_t first, uint64_t last,
              const std::string& value = "v") {
    for (uint64_t ms = first; ms <= last; ++ms) {
      ASSERT_EQ(AddEntry(key, {ms, 0}, value), Code::kOk);
    }
  }

  Ids Range(const std::string& key, bool reverse = false, StreamId start = StreamId::Min(),
            StreamId end = StreamId::Max(), int64_t count = -1) {
    Ids ids;
    RangeArgs args;
    args.start = start;
    args.end = end;
    args.count = count;
    args.reverse = reverse;
    const Status status = engine_.Run(0, [&](Op& op) -> Status {
      ids.clear();
      ASSIGN_OR_RETURN(Stream * stream, engine_->OpenStream(op, key));
      return engine_->Range(op, *stream, args, [&](const EntryView& e) { ids.push_back(e.id); });
    });
    EXPECT_TRUE(status.ok() || status.code() == Code::kNotFound) << status.message();
    return ids;
  }

  // Runs `call(op, stream)` on a key that exists.
  template <typename Call>
  auto OnStream(const std::string& key, Call call) {
    using R = decltype(call(std::declval<Op&>(), std::declval<Stream&>()));
    return engine_.Run(0, [&](Op& op) -> R {
      ASSIGN_OR_RETURN(Stream * stream, engine_->OpenStream(op, key));
      return call(op, *stream);
    });
  }
  template <typename Call>
  auto OnGroup(const std::string& key, const std::string& group_name, Call call) {
    using R = decltype(call(std::declval<Op&>(), std::declval<Stream&>(), std::declval<Group&>()));
    return engine_.Run(0, [&](Op& op) -> R {
      ASSIGN_OR_RETURN(Stream * stream, engine_->OpenStream(op, key));
      ASSIGN_OR_RETURN(Group * group, engine_->OpenGroup(op, *stream, group_name));
      return call(op, *stream, *group);
    });
  }

  int64_t Delete(const std::string& key, const Ids& ids) {
    return *OnStream(key, [&](Op& op, Stream& s) { return engine_->DeleteEntries(op, s, ids); });
  }
  int64_t TrimTo(const std::string& key, uint64_t max_len, bool approximate = false) {
    TrimArgs args;
    args.strategy = TrimArgs::Strategy::kMaxLen;
    args.max_len = max_len;
    args.approximate = approximate;
    return *OnStream(key, [&](Op& op, Stream& s) { return engine_->Trim(op, s, args); });
  }
  void MakeGroup(const std::string& key, const std::string& name, StreamId from = {}) {
    ASSERT_TRUE(OnStream(key, [&](Op& op, Stream& s) {
                  return engine_->CreateGroup(op, s, name, from, std::nullopt);
                }).ok());
  }
  Ids ReadNew(const std::string& key, const std::string& group, const std::string& consumer,
              int64_t count = 0) {
    Ids ids;
    ReadNewArgs args;
    args.consumer = consumer;
    args.count = count;
    const auto read = OnGroup(key, group, [&](Op& op, Stream& s, Group& g) {
      return engine_->ReadNew(op, s, g, args, [&](const EntryView& e, const PriorDelivery&) {
        ids.push_back(e.id);
        return true;
      });
    });
    EXPECT_TRUE(read.ok());
    EXPECT_EQ(read->count, static_cast<int64_t>(ids.size()));
    return ids;
  }
  int64_t Ack(const std::string& key, const std::string& group, const Ids& ids) {
    return *OnGroup(key, group, [&](Op& op, Stream& s, Group& g) {
      return engine_->Acknowledge(op, s, g, ids);
    });
  }
  struct Row {
    StreamId id;
    std::string consumer;
    uint64_t count;
    bool operator==(const Row&) const = default;
  };
  std::vector<Row> Pending(const std::string& key, const std::string& group) {
    std::vector<Row> rows;
    PendingRangeArgs args;
    args.end = StreamId::Max();
    args.count = INT64_MAX;
    EXPECT_TRUE(OnGroup(key, group, [&](Op& op, Stream& s, Group& g) {
                  rows.clear();
                  return engine_->ListPending(op, s, g, args, [&](const PendingRow& row) {
                    rows.push_back({row.id, std::string(row.consumer), row.delivery_count});
                  });
                }).ok());
    return rows;
  }

  void ReopenCleanly() {
    engine_.Close();
    ASSERT_EQ(engine_.Open(), "");
  }
  void ReopenAfterCrash() {
    engine_.EndTurn();
    engine_.Crash();
    ASSERT_EQ(engine_.Open(), "");
  }
  void ExpectSound() {
    engine_.EndTurn();
    engine_.Crash();
    const auto report = CheckStore(directory_ / "data");
    ASSERT_TRUE(report.ok()) << report.status().message();
    EXPECT_TRUE(report->clean()) << report->faults.front();
    ASSERT_EQ(engine_.Open(), "");
  }

  TempDir directory_;
  TestEngine engine_;
};

TEST_F(EngineTest, EntriesAreThereInBothDirections) {
  EXPECT_EQ(AddEntry("s", {5, 1}), Code::kOk);
  EXPECT_EQ(AddEntry("s", {5, 1}), Code::kIdTooSmall);
  EXPECT_EQ(AddEntry("s", {6, 0}), Code::kOk);
  EXPECT_EQ(AddEntry("s", {7, 3}), Code::kOk);
  EXPECT_EQ(Range("s"), (Ids{{5, 1}, {6, 0}, {7, 3}}));
  EXPECT_EQ(Range("s", true), (Ids{{7, 3}, {6, 0}, {5, 1}}));
  EXPECT_EQ(Range("s", false, {5, 2}, {7, 0}), (Ids{{6, 0}}));
  EXPECT_EQ(Range("s", true, {0, 0}, {7, 0}, 1), (Ids{{6, 0}}));
  EXPECT_TRUE(Range("absent").empty());
  EXPECT_EQ(AddEntry("s", StreamId::Max()), Code::kOk);
  EXPECT_EQ(AddEntry("s", StreamId::Max()), Code::kIdExhausted);
}

TEST_F(EngineTest, DeletingMovesBothEnds) {
  AddRun("s", 1, 6);
  EXPECT_EQ(Delete("s", {{1, 0}, {1, 0}, {9, 0}, {3, 0}, {6, 0}}), 3);
  EXPECT_EQ(Range("s"), (Ids{{2, 0}, {4, 0}, {5, 0}}));
  const auto info = OnStream("s", [](Op&, Stream& s) -> Result<StreamInfo> { return Inspect(s); });
  EXPECT_EQ(info->length, 3);
  EXPECT_EQ(info->first_id, (StreamId{2, 0}));
  EXPECT_EQ(info->last_id, (StreamId{6, 0}));
  EXPECT_EQ(info->max_deleted_id, (StreamId{6, 0}));
  EXPECT_EQ(info->entries_added, 6u);
}

TEST_F(EngineTest, TrimmingIsExactUnlessAskedOtherwise) {
  AddRun("s", 1, 250);
  EXPECT_EQ(TrimTo("s", 240, true), 0);
  EXPECT_EQ(TrimTo("s", 140, true), 100);
  EXPECT_EQ(TrimTo("s", 3), 147);
  EXPECT_EQ(Range("s"), (Ids{{248, 0}, {249, 0}, {250, 0}}));
  EXPECT_EQ(TrimTo("s", 0), 3);
  EXPECT_TRUE(Range("s").empty());
}

TEST_F(EngineTest, GroupsDeliverAcknowledgeAndClaim) {
  AddRun("s", 1, 5);
  MakeGroup("s", "g");
  EXPECT_EQ(ReadNew("s", "g", "alice", 2), (Ids{{1, 0}, {2, 0}}));
  EXPECT_EQ(ReadNew("s", "g", "bob"), (Ids{{3, 0}, {4, 0}, {5, 0}}));
  EXPECT_TRUE(ReadNew("s", "g", "bob").empty());
  EXPECT_EQ(Ack("s", "g", {{2, 0}, {4, 0}, {4, 0}, {77, 0}}), 2);
  EXPECT_EQ(Pending("s", "g"),
            (std::vector<Row>{{{1, 0}, "alice", 1}, {{3, 0}, "bob", 1}, {{5, 0}, "bob", 1}}));

  Delete("s", {{3, 0}});
  engine_.Advance(50);
  ClaimArgs claim;
  claim.consumer = "carol";
  claim.min_idle_ms = 50;
  claim.force = true;
  Ids claimed;
  const Ids wanted{{5, 0}, {3, 0}, {2, 0}, {99, 0}};
  ASSERT_TRUE(OnGroup("s", "g", [&](Op& op, Stream& s, Group& g) {
                return engine_->Claim(op, s, g, claim, wanted, [&](StreamId id, const EntryView*) {
                  claimed.push_back(id);
                });
              }).ok());
  EXPECT_EQ(claimed, (Ids{{5, 0}, {2, 0}}));
  EXPECT_EQ(Pending("s", "g"),
            (std::vector<Row>{{{1, 0}, "alice", 1}, {{2, 0}, "carol", 2}, {{5, 0}, "carol", 2}}));

  Delete("s", {{1, 0}});
  AutoClaimArgs autoclaim;
  autoclaim.consumer = "dave";
  autoclaim.count = 2;
  claimed.clear();
  const auto result = OnGroup("s", "g", [&](Op& op, Stream& s, Group& g) {
    return engine_->AutoClaim(op, s, g, autoclaim,
                              [&](StreamId id, const EntryView*) { claimed.push_back(id); });
  });
  EXPECT_EQ(result->deleted, (Ids{{1, 0}}));
  EXPECT_EQ(result->cursor, (StreamId{5, 0}));
  EXPECT_EQ(claimed, (Ids{{2, 0}}));
}

TEST_F(EngineTest, StateSurvivesCleanStopAndCrash) {
  AddRun("s", 1, 300);
  AddRun("t", 1, 3);
  MakeGroup("s", "g");
  ReadNew("s", "g", "alice", 200);
  Ack("s", "g", {{1, 0}, {100, 0}});
  Delete("s", {{50, 0}, {300, 0}});
  const auto entries = Range("s");
  const auto pending = Pending("s", "g");
  for (int round = 0; round < 3; ++round) {
    ReopenAfterCrash();
    EXPECT_EQ(Range("s"), entries);
    EXPECT_EQ(Pending("s", "g"), pending);
    ReopenCleanly();
    EXPECT_EQ(Range("s"), entries);
    EXPECT_EQ(Pending("s", "g"), pending);
    if (round == 1) {
      ASSERT_TRUE(engine_->CheckpointNow().ok());
    }
  }
  ExpectSound();
  EXPECT_EQ(Range("s"), entries);
}

TEST_F(EngineTest, ACheckpointInTheMiddleOfATurnIsNotReplayedTwice) {
  AddRun("s", 1, 3);
  ASSERT_TRUE(engine_->CheckpointNow().ok());
  AddRun("s", 4, 4);
  ReopenAfterCrash();
  EXPECT_EQ(Range("s").size(), 4u);
}

TEST_F(EngineTest, DeletedKeysStayDeleted) {
  AddRun("a", 1, 10);
  AddRun("b", 1, 10);
  engine_.EndTurn();
  ASSERT_TRUE(engine_->CheckpointNow().ok());
  const std::vector<std::string_view> keys{"a", "absent", "a"};
  EXPECT_EQ(*engine_.Run(0, [&](Op& op) { return engine_->DeleteKeys(op, keys, nullptr); }), 1);
  AddRun("c", 1, 2);
  const auto names = [&] {
    auto result = engine_.Run(0, [&](Op& op) { return engine_->Keys(op, ""); });
    std::sort(result->begin(), result->end());
    return *result;
  };
  const std::vector<std::string> left{"b", "c"};
  EXPECT_EQ(names(), left);
  ReopenAfterCrash();
  EXPECT_EQ(names(), left);
  AddRun("a", 5, 5);
  ReopenCleanly();
  EXPECT_EQ(Range("a"), (Ids{{5, 0}}));
  ASSERT_TRUE(engine_.Run(0, [&](Op& op) { return engine_->FlushDb(op, 0); }).ok());
  EXPECT_TRUE(names().empty());
  ReopenAfterCrash();
  EXPECT_TRUE(names().empty());
  ReopenCleanly();
  EXPECT_TRUE(names().empty());
  ExpectSound();
}

TEST_F(EngineTest, WhatDoesNotFitIntoMemoryIsLoadedAgain) {
  engine_->SetMemoryBudget(uint64_t{1} << 20);
  const std::string value(1000, 'x');
  for (uint64_t ms = 1; ms <= 4000; ++ms) {
    ASSERT_EQ(AddEntry("s" + std::to_string(ms % 4), {ms, 0}, value), Code::kOk);
    if (ms % 50 == 0) {
      engine_.EndTurn();
    }
  }
  MakeGroup("s1", "g");
  ASSERT_TRUE(engine_->CheckpointNow().ok());
  for (int i = 0; i < 40; ++i) {
    engine_.EndTurn();
  }
  EXPECT_LT(engine_->GetStats().dirty_bytes, uint64_t{1} << 16);
  const uint64_t loads = engine_.loads();
  EXPECT_EQ(Range("s1").size(), 1000u);
  EXPECT_GT(engine_.loads(), loads);
  EXPECT_EQ(Range("s2", true).size(), 1000u);
  EXPECT_EQ(ReadNew("s1", "g", "c").size(), 1000u);
  EXPECT_EQ(Delete("s1", {{1, 0}, {2001, 0}, {3997, 0}}), 3);
  EXPECT_EQ(TrimTo("s1", 500), 497);
  ReopenCleanly();
  EXPECT_EQ(Range("s1").size(), 500u);
  EXPECT_EQ(Pending("s1", "g").size(), 1000u);
  ExpectSound();
}

TEST_F(EngineTest, DeletingInTheMiddleLeavesAPartlyDeletedNewestBlockAlone) {
  const std::string value(1000, 'x');
  AddRun("s", 1, 100, value);
  EXPECT_EQ(Delete("s", {{99, 0}}), 1);
  ASSERT_TRUE(engine_->CheckpointNow().ok());
  ReopenCleanly();
  EXPECT_EQ(Delete("s", {{50, 0}}), 1);
  EXPECT_EQ(Delete("s", {{100, 0}}), 1);
  EXPECT_EQ(Range("s", true, {90, 0}).front(), (StreamId{98, 0}));
}

TEST_F(EngineTest, AutoClaimSeesThatAnIdIsGoneThoughIdsWentBackOverIt) {
  AddRun("s", 1, 10);
  MakeGroup("s", "g");
  ReadNew("s", "g", "c");
  TrimTo("s", 0);
  SetIdArgs back;
  back.last_id = {2, 0};
  ASSERT_TRUE(OnStream("s", [&](Op& op, Stream& s) { return engine_->SetId(op, s, back); }).ok());
  ASSERT_EQ(AddEntry("s", {3, 0}), Code::kOk);
  ASSERT_EQ(AddEntry("s", {9, 0}), Code::kOk);
  AutoClaimArgs args;
  args.consumer = "d";
  Ids claimed;
  const auto result = OnGroup("s", "g", [&](Op& op, Stream& s, Group& g) {
    return engine_->AutoClaim(op, s, g, args,
                              [&](StreamId id, const EntryView*) { claimed.push_back(id); });
  });
  EXPECT_EQ(claimed, (Ids{{3, 0}, {9, 0}}));
  EXPECT_EQ(result->deleted.size(), 8u);
}

}  // namespace
}  // namespace engine
