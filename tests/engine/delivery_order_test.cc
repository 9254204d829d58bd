// Delivery order over many pages: what is claimed, and how little is looked at for it.
#include <gtest/gtest.h>

#include <optional>
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

constexpr int64_t kNeverIdle = 1'000'000'000;

// A stream `s` with entries 1-0 to 2000-0. The first half was delivered to alice, the second one
// minute later to bob; nothing of it is in memory.
class DeliveryOrderTest : public ::testing::Test {
 protected:
  DeliveryOrderTest() : engine_(TestEngine::SmallOptions(directory_ / "data")) {}

  template <typename Call>
  auto OnGroup(Call call) {
    using R = decltype(call(std::declval<Op&>(), std::declval<Stream&>(), std::declval<Group&>()));
    return engine_.Run(0, [&](Op& op) -> R {
      ASSIGN_OR_RETURN(Stream * stream, engine_->OpenStream(op, "s"));
      ASSIGN_OR_RETURN(Group * group, engine_->OpenGroup(op, *stream, "g"));
      return call(op, *stream, *group);
    });
  }

  void ReopenCold() {
    engine_.Close();
    ASSERT_EQ(engine_.Open(), "");
    ASSERT_TRUE(OnGroup([](Op&, Stream&, Group&) { return OkStatus(); }).ok());
    loads_before_ = engine_->GetStats().loads;
  }
  // Pages and blocks fetched since the store was opened.
  uint64_t Loads() { return engine_->GetStats().loads - loads_before_; }

  Ids Read(const std::string& consumer, int64_t count,
           std::optional<int64_t> claim_min_idle_ms = std::nullopt) {
    ReadNewArgs args;
    args.consumer = consumer;
    args.count = count;
    args.claim_min_idle_ms = claim_min_idle_ms;
    Ids ids;
    const auto read = OnGroup([&](Op& op, Stream& stream, Group& group) {
      return engine_->ReadNew(op, stream, group, args,
                              [&](const EntryView& entry, const PriorDelivery&) {
                                ids.push_back(entry.id);
                                return true;
                              });
    });
    EXPECT_TRUE(read.ok()) << read.status().message();
    claim_wait_ms_ = read.ok() ? read->claim_wait_ms : -1;
    return ids;
  }
  Ids ClaimIdle(int64_t min_idle_ms, int64_t count) { return Read("carol", count, min_idle_ms); }
  void SetUp() override {
    ASSERT_EQ(engine_.Open(), "");
    for (uint64_t ms = 1; ms <= 2000; ++ms) {
      const Entry entry = Entry::Of(std::to_string(ms));
      ASSERT_TRUE(engine_
                      .Run(0,
                           [&](Op& op) -> Result<AddResult> {
                             const auto stream = engine_->OpenStream(op, "s");
                             return engine_->Add(op, "s", stream.ok() ? *stream : nullptr,
                                                 {AddId::Form::kExplicit, {ms, 0}}, entry.payload(),
                                                 {});
                           })
                      .ok());
    }
    ASSERT_TRUE(engine_
                    .Run(0,
                         [&](Op& op) -> Status {
                           ASSIGN_OR_RETURN(Stream * stream, engine_->OpenStream(op, "s"));
                           return engine_->CreateGroup(op, *stream, "g", {}, std::nullopt);
                         })
                    .ok());
    Read("alice", 1000);
    engine_.Advance(60'000);
    Read("bob", 1000);
    ReopenCold();
  }

  int64_t Release(const Ids& ids) {
    return *OnGroup([&](Op& op, Stream& stream, Group& group) {
      return engine_->Release(op, stream, group, {}, ids);
    });
  }
  AutoClaimResult AutoClaim(int64_t min_idle_ms, int64_t count, StreamId start = {}) {
    AutoClaimArgs args;
    args.consumer = "carol";
    args.min_idle_ms = min_idle_ms;
    args.start = start;
    args.count = count;
    claimed_ = 0;
    return *OnGroup([&](Op& op, Stream& stream, Group& group) {
      return engine_->AutoClaim(op, stream, group, args,
                                [&](StreamId, const EntryView*) { ++claimed_; });
    });
  }

  TempDir directory_;
  TestEngine engine_;
  uint64_t loads_before_ = 0;
  int64_t claim_wait_ms_ = 0;
  int claimed_ = 0;
};

TEST_F(DeliveryOrderTest, ClaimingOneLoadsOnePageAndOneBlock) {
  EXPECT_EQ(ClaimIdle(60'000, 1), (Ids{{1, 0}}));
  EXPECT_LE(Loads(), 2u);
  EXPECT_EQ(ClaimIdle(60'000, 2), (Ids{{2, 0}, {3, 0}}));
  EXPECT_LE(Loads(), 2u);
}

TEST_F(DeliveryOrderTest, NothingIsLoadedWhereNothingIsIdleEnough) {
  EXPECT_TRUE(ClaimIdle(kNeverIdle, 100).empty());
  EXPECT_EQ(Loads(), 0u);
  EXPECT_EQ(claim_wait_ms_, kNeverIdle - 60'000);
}

TEST_F(DeliveryOrderTest, ARecordMovedToTheFrontIsFoundInItsPage) {
  EXPECT_EQ(Release({{1900, 0}}), 1);
  EXPECT_EQ(Release({{500, 0}}), 1);
  ReopenCold();
  EXPECT_EQ(ClaimIdle(kNeverIdle, 0), (Ids{{1900, 0}, {500, 0}}));
  EXPECT_LE(Loads(), 4u);
  ClaimArgs past;
  past.consumer = "dave";
  past.idle_ms = 5 * kNeverIdle;
  const Ids target{{1500, 0}};
  ASSERT_TRUE(OnGroup([&](Op& op, Stream& stream, Group& group) {
                return engine_->Claim(op, stream, group, past, target,
                                      [](StreamId, const EntryView*) {});
              }).ok());
  ReopenCold();
  EXPECT_EQ(ClaimIdle(60'000, 3), (Ids{{1500, 0}, {1, 0}, {2, 0}}));
}

TEST_F(DeliveryOrderTest, AllOfItComesOnceAndInOrder) {
  Ids expected;
  for (uint64_t ms = 1; ms <= 2000; ++ms) {
    expected.push_back({ms, 0});
  }
  EXPECT_EQ(ClaimIdle(0, 0), expected);
  EXPECT_EQ(ClaimIdle(0, 2000), expected);
  EXPECT_TRUE(ClaimIdle(1, 0).empty());
}

TEST_F(DeliveryOrderTest, AutoClaimPassesOverPagesAndStopsWhereItWouldAnyway) {
  // 100 x 10 records are looked at; only the page in which that ends is opened.
  EXPECT_EQ(AutoClaim(kNeverIdle, 100).cursor, (StreamId{1001, 0}));
  EXPECT_LE(Loads(), 1u);
  EXPECT_EQ(AutoClaim(kNeverIdle, 1000).cursor, StreamId());
  EXPECT_EQ(AutoClaim(kNeverIdle, 1, {995, 0}).cursor, (StreamId{1005, 0}));
  EXPECT_LE(Loads(), 2u);
}

TEST_F(DeliveryOrderTest, AutoClaimFindsEntriesThatAreGone) {
  const Ids middle{{700, 0}};
  ASSERT_TRUE(engine_
                  .Run(0,
                       [&](Op& op) -> Result<int64_t> {
                         ASSIGN_OR_RETURN(Stream * stream, engine_->OpenStream(op, "s"));
                         return engine_->DeleteEntries(op, *stream, middle);
                       })
                  .ok());
  ReopenCold();
  EXPECT_EQ(AutoClaim(kNeverIdle, 1000).deleted, middle);
  TrimArgs trim;
  trim.strategy = TrimArgs::Strategy::kMaxLen;
  trim.max_len = 10;
  ASSERT_TRUE(engine_
                  .Run(0,
                       [&](Op& op) -> Result<int64_t> {
                         ASSIGN_OR_RETURN(Stream * stream, engine_->OpenStream(op, "s"));
                         return engine_->Trim(op, *stream, trim);
                       })
                  .ok());
  ReopenCold();
  EXPECT_EQ(AutoClaim(kNeverIdle, 5000).deleted.size(), 1989u);
  EXPECT_EQ(claimed_, 0);
}

TEST_F(DeliveryOrderTest, ListingIdleRecordsPassesOverPages) {
  PendingRangeArgs args;
  args.end = StreamId::Max();
  args.count = 10;
  args.min_idle_ms = kNeverIdle;
  int rows = 0;
  ASSERT_TRUE(OnGroup([&](Op& op, Stream& stream, Group& group) {
                return engine_->ListPending(op, stream, group, args,
                                            [&](const PendingRow&) { ++rows; });
              }).ok());
  EXPECT_EQ(rows, 0);
  EXPECT_EQ(Loads(), 0u);
}

TEST_F(DeliveryOrderTest, TheStoreIsSoundAfterwards) {
  Release({{1, 0}, {1000, 0}, {2000, 0}});
  ClaimIdle(60'000, 300);
  engine_.EndTurn();
  engine_.Crash();
  const auto report = CheckStore(directory_ / "data");
  ASSERT_TRUE(report.ok()) << report.status().message();
  EXPECT_TRUE(report->clean()) << report->faults.front();
  ASSERT_EQ(engine_.Open(), "");
}

}  // namespace
}  // namespace engine
