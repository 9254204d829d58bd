// Trimming with regard to groups and idempotent production where what they need is not in memory.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/checker.h"
#include "engine/checksum.h"
#include "engine/inspect.h"
#include "engine/stream.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_engine.h"

namespace engine {
namespace {

using tests::Entry;
using tests::TempDir;
using tests::TestEngine;

class ReferencesTest : public ::testing::Test {
 protected:
  ReferencesTest() : engine_(TestEngine::SmallOptions(directory_ / "data")) {}

  void SetUp() override { ASSERT_EQ(engine_.Open(), ""); }

  template <typename Call>
  auto OnStream(Call call) {
    using Answer = decltype(call(std::declval<Op&>(), std::declval<Stream&>()));
    return engine_.Run(0, [&](Op& op) -> Answer {
      ASSIGN_OR_RETURN(Stream * stream, engine_->OpenStream(op, "s"));
      return call(op, *stream);
    });
  }

  void AddEntries(uint64_t count, const std::string& value) {
    const Entry entry = Entry::Of(value);
    for (uint64_t ms = 1; ms <= count; ++ms) {
      const auto added = engine_.Run(0, [&](Op& op) -> Result<AddResult> {
        const auto stream = engine_->OpenStream(op, "s");
        return engine_->Add(op, "s", stream.ok() ? *stream : nullptr,
                            {AddId::Form::kExplicit, {ms, 0}}, entry.payload(), {});
      });
      ASSERT_TRUE(added.ok());
    }
  }

  void ReadAll(const std::string& group) {
    ASSERT_TRUE(OnStream([&](Op& op, Stream& stream) {
                  return engine_->CreateGroup(op, stream, group, {}, std::nullopt);
                }).ok());
    ReadNewArgs args;
    args.consumer = "c";
    const auto count = OnStream([&](Op& op, Stream& stream) -> Result<ReadNewResult> {
      ASSIGN_OR_RETURN(Group * opened, engine_->OpenGroup(op, stream, group));
      return engine_->ReadNew(op, stream, *opened, args,
                              [](const EntryView&, const PriorDelivery&) { return true; });
    });
    ASSERT_TRUE(count.ok());
  }

  void AcknowledgeBut(const std::string& group, uint64_t count, uint64_t kept_every) {
    std::vector<StreamId> ids;
    for (uint64_t ms = 1; ms <= count; ++ms) {
      if (ms % kept_every != 0) {
        ids.push_back({ms, 0});
      }
    }
    const auto acknowledged = OnStream([&](Op& op, Stream& stream) -> Result<int64_t> {
      ASSIGN_OR_RETURN(Group * opened, engine_->OpenGroup(op, stream, group));
      return engine_->Acknowledge(op, stream, *opened, ids);
    });
    ASSERT_EQ(*acknowledged, static_cast<int64_t>(ids.size()));
  }

  // Everything that is clean leaves memory.
  void GoCold() {
    ASSERT_TRUE(engine_->CheckpointNow().ok());
    engine_->SetMemoryBudget(1);
    for (int turn = 0; turn < 50; ++turn) {
      engine_.EndTurn();
    }
    engine_->SetMemoryBudget(uint64_t{64} << 20);
  }

  int64_t Trim(References references, uint64_t max_len) {
    TrimArgs args;
    args.strategy = TrimArgs::Strategy::kMaxLen;
    args.max_len = max_len;
    args.references = references;
    const auto removed =
        OnStream([&](Op& op, Stream& stream) { return engine_->Trim(op, stream, args); });
    EXPECT_TRUE(removed.ok()) << removed.status().message();
    return removed.ok() ? *removed : -1;
  }

  int64_t PendingCount(const std::string& group) {
    return OnStream([&](Op& op, Stream& stream) -> Result<PendingSummary> {
             ASSIGN_OR_RETURN(Group * opened, engine_->OpenGroup(op, stream, group));
             return engine_->SummarizePending(op, stream, *opened);
           })
        ->total;
  }

  Result<AddResult> AddOnce(const std::string& producer, const std::string& iid) {
    const Entry entry = Entry::Of("v");
    return engine_.Run(0, [&](Op& op) -> Result<AddResult> {
      const auto stream = engine_->OpenStream(op, "s");
      if (!stream.ok() && stream.code() != Code::kNotFound) {
        return stream.status();
      }
      return engine_->AddOnce(op, "s", stream.ok() ? *stream : nullptr, {producer, iid},
                              entry.payload(), {});
    });
  }

  ProducerCounts Counts() {
    return *OnStream([&](Op& op, Stream& stream) { return engine_->CountProducers(op, stream); });
  }

  void ExpectClean() {
    engine_.EndTurn();
    engine_.Close();
    const auto report = CheckStore(directory_ / "data");
    ASSERT_TRUE(report.ok()) << report.status().message();
    EXPECT_TRUE(report->clean()) << report->faults.front();
    ASSERT_EQ(engine_.Open(), "");
  }

  TempDir directory_;
  TestEngine engine_;
};

TEST_F(ReferencesTest, AckedTrimLooksOnlyIntoBlocksWithPendingEntries) {
  AddEntries(2000, std::string(1000, 'x'));  // About 130 blocks.
  ReadAll("g");
  AcknowledgeBut("g", 2000, 1000);
  GoCold();
  const uint64_t loads = engine_->GetStats().loads;
  EXPECT_EQ(Trim(References::kRespect, 0), 1998);
  EXPECT_LT(engine_->GetStats().loads - loads, 20u);
  EXPECT_EQ(PendingCount("g"), 2);
  ExpectClean();
  EXPECT_EQ(Trim(References::kRespect, 0), 0);
  EXPECT_EQ(Trim(References::kKeep, 1), 1);
}

TEST_F(ReferencesTest, DroppingTrimEndsPendingRecordsOfColdPages) {
  AddEntries(3000, "x");
  ReadAll("g");
  ReadAll("h");
  AcknowledgeBut("h", 3000, 7);
  GoCold();
  EXPECT_EQ(Trim(References::kDrop, 100), 2900);
  EXPECT_EQ(PendingCount("g"), 100);
  EXPECT_EQ(PendingCount("h"), 3000 / 7 - 2900 / 7);
  ExpectClean();
  EXPECT_EQ(PendingCount("g"), 100);
}

TEST_F(ReferencesTest, RemovalLoadsWhatGroupsHold) {
  AddEntries(1000, std::string(300, 'x'));
  ReadAll("g");
  AcknowledgeBut("g", 1000, 2);
  GoCold();
  const std::vector<StreamId> ids{{1, 0}, {2, 0}, {999, 0}, {1000, 0}, {5000, 0}};
  const auto removed = OnStream([&](Op& op, Stream& stream) {
    return engine_->RemoveEntries(op, stream, References::kRespect, ids);
  });
  ASSERT_TRUE(removed.ok());
  using enum Removal;
  EXPECT_EQ(removed->outcomes,
            (std::vector<Removal>{kRemoved, kReferenced, kRemoved, kReferenced, kReferenced}));
  EXPECT_EQ(removed->removed_entries, 2);
  ExpectClean();
}

TEST_F(ReferencesTest, ProducersFillPagesThatComeAndGo) {
  const auto name = [](int i) { return "producer" + std::to_string(i) + std::string(500, '.'); };
  std::vector<StreamId> ids;
  for (int i = 0; i < 300; ++i) {
    ids.push_back(AddOnce(name(i), "iid")->id);
  }
  GoCold();
  EXPECT_EQ(Counts().producers, 300u);  // Without a look into any page.
  const auto duplicate = AddOnce(name(123), "iid");
  EXPECT_TRUE(duplicate->is_duplicate);
  EXPECT_EQ(duplicate->id, ids[123]);
  ExpectClean();
  EXPECT_EQ(AddOnce(name(7), "iid")->id, ids[7]);
  EXPECT_FALSE(AddOnce(name(7), "another")->is_duplicate);
  EXPECT_EQ(Counts().iids, 301u);
  GoCold();
  engine_.Advance(120'000);
  EXPECT_EQ(Counts().producers, 0u);
  // A page that has expired goes with each new iid, until none but the newest is left.
  for (int i = 0; i < 100; ++i) {
    EXPECT_FALSE(AddOnce(name(7), "iid" + std::to_string(i))->is_duplicate);
  }
  EXPECT_EQ(Counts().iids, 100u);
  size_t pages = 0;
  ASSERT_TRUE(OnStream([&](Op&, Stream& stream) {
                pages = stream.producers->slots.size();
                return OkStatus();
              }).ok());
  EXPECT_EQ(pages, 1u);
  ExpectClean();
  EXPECT_EQ(Counts().iids, 100u);
}

TEST_F(ReferencesTest, IidsSurviveACrashAndGoWithTheKey) {
  const StreamId id = AddOnce("p", "i")->id;
  EXPECT_TRUE(AddOnce("p", "i")->is_duplicate);
  engine_.EndTurn();
  engine_.Crash();
  ASSERT_EQ(engine_.Open(), "");
  EXPECT_EQ(AddOnce("p", "i")->id, id);
  ASSERT_TRUE(OnStream([](Op&, Stream& stream) {
                EXPECT_EQ(Inspect(stream).iids_added, 1u);
                EXPECT_EQ(Inspect(stream).iids_duplicates, 2u);
                return OkStatus();
              }).ok());
  ASSERT_TRUE(engine_->CheckpointNow().ok());
  const std::string_view key = "s";
  ASSERT_EQ(*engine_.Run(0,
                         [&](Op& op) {
                           return engine_->DeleteKeys(op, {&key, 1}, nullptr);
                         }),
            1);
  ExpectClean();
  EXPECT_FALSE(AddOnce("p", "i")->is_duplicate);
}

}  // namespace
}  // namespace engine
