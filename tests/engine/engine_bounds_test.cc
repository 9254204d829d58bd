// Bounds of streams and RETAIN where the state must be exact: effects, reloading, cold objects.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/checker.h"
#include "engine/inspect.h"
#include "engine/stream.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_engine.h"

namespace engine {
namespace {

using tests::Entry;
using tests::TempDir;
using tests::TestEngine;

class BoundsTest : public ::testing::Test {
 protected:
  BoundsTest() : engine_(TestEngine::SmallOptions(directory_ / "data")) {}

  void SetUp() override { ASSERT_EQ(engine_.Open(), ""); }

  template <typename Call>
  auto OnStream(Call call) {
    using Answer = decltype(call(std::declval<Op&>(), std::declval<Stream&>()));
    return engine_.Run(0, [&](Op& op) -> Answer {
      ASSIGN_OR_RETURN(Stream * stream, engine_->OpenStream(op, "s"));
      return call(op, *stream);
    });
  }

  AddResult Add(uint64_t ms, const std::string& value, RoomLine line = RoomLine::kFree) {
    const Entry entry = Entry::Of(value);
    const auto added = engine_.Run(0, [&](Op& op) -> Result<AddResult> {
      const auto stream = engine_->OpenStream(op, "s");
      if (!stream.ok() && stream.code() != Code::kNotFound) {
        return stream.status();
      }
      return engine_->Add(op, "s", stream.ok() ? *stream : nullptr,
                          {AddId::Form::kExplicit, {ms, 0}}, entry.payload(), {}, line);
    });
    EXPECT_TRUE(added.ok());
    return *added;
  }
  void AddMany(uint64_t count, const std::string& value) {
    for (uint64_t ms = 1; ms <= count; ++ms) {
      ASSERT_EQ(Add(ms, value).refusal.bound, Bound::kNone);
    }
  }

  void Set(std::vector<std::pair<StreamOption, int64_t>> options) {
    PolicyChange change;
    for (const auto& [option, value] : options) {
      change.set.push_back(
          {.option = static_cast<uint8_t>(option), .numbers = {value}, .text = {}});
    }
    ASSERT_TRUE(OnStream([&](Op& op, Stream& stream) {
                  engine_->SetPolicy(op, stream, change);
                  return OkStatus();
                }).ok());
  }

  void CreateGroup(const std::string& name, StreamId position) {
    ASSERT_TRUE(OnStream([&](Op& op, Stream& stream) {
                  return engine_->CreateGroup(op, stream, name, position, std::nullopt);
                }).ok());
  }
  std::vector<StreamId> Read(const std::string& group, int64_t count) {
    std::vector<StreamId> ids;
    ReadNewArgs args;
    args.consumer = "c";
    args.count = count;
    const auto read = OnStream([&](Op& op, Stream& stream) -> Result<ReadNewResult> {
      ids.clear();
      ASSIGN_OR_RETURN(Group * opened, engine_->OpenGroup(op, stream, group));
      return engine_->ReadNew(op, stream, *opened, args,
                              [&](const EntryView& entry, const PriorDelivery&) {
                                ids.push_back(entry.id);
                                return true;
                              });
    });
    EXPECT_TRUE(read.ok());
    return ids;
  }
  int64_t Acknowledge(const std::string& group, const std::vector<StreamId>& ids) {
    return *OnStream([&](Op& op, Stream& stream) -> Result<int64_t> {
      ASSIGN_OR_RETURN(Group * opened, engine_->OpenGroup(op, stream, group));
      return engine_->Acknowledge(op, stream, *opened, ids);
    });
  }

  StreamInfo Info() {
    return *OnStream([&](Op&, Stream& stream) -> Result<StreamInfo> { return Inspect(stream); });
  }
  void Work() {
    for (int turn = 0; turn < 1000; ++turn) {
      engine_->RunDueWork(engine_.Now());
      engine_.EndTurn();
      engine_.RunPosted();
      if (engine_->next_due_work_ms() > engine_.Now().store_ms + 1) {
        return;
      }
      engine_.Advance(1);
    }
    FAIL() << "the steward does not come to an end";
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
  void CrashAndOpen() {
    engine_.EndTurn();
    engine_.Crash();
    const auto report = CheckStore(directory_ / "data");
    ASSERT_TRUE(report.ok() && report->clean());
    ASSERT_EQ(engine_.Open(), "");
  }

  TempDir directory_;
  TestEngine engine_;
};

TEST_F(BoundsTest, RefusalsAreCountedOnceWhateverCheckpointsComeBetween) {
  AddMany(2, "v");
  Set({{StreamOption::kMaxLen, 2}});
  engine_.EndTurn();
  const auto refuse = [&] {
    ASSERT_EQ(Add(9, "v").refusal.bound, Bound::kMaxLen);
    ASSERT_TRUE(OnStream([&](Op& op, Stream& stream) {
                  engine_->CountRefusal(op, stream);
                  return OkStatus();
                }).ok());
    engine_.EndTurn();
  };
  refuse();
  const Turn turn = engine_->current_turn();
  refuse();
  // Worth no commit, so no reply waits for one.
  EXPECT_EQ(engine_->current_turn(), turn);
  EXPECT_LT(engine_.newest_seen_turn(), turn);
  ASSERT_TRUE(engine_->CheckpointNow().ok());
  refuse();
  Set({{StreamOption::kMaxLen, 3}});
  CrashAndOpen();
  EXPECT_EQ(Info().counters.rejected, 3u);
}

TEST_F(BoundsTest, RefusalTellsWhetherAndHowLongToWait) {
  AddMany(2, "v");
  Set({{StreamOption::kMaxLen, 2},
       {StreamOption::kOverflow, static_cast<int64_t>(Overflow::kBlock)},
       {StreamOption::kOverflowTimeout, 1234}});
  const Refusal refusal = Add(3, "v").refusal;
  EXPECT_EQ(refusal.bound, Bound::kMaxLen);
  EXPECT_EQ(refusal.limit, 2);
  EXPECT_TRUE(refusal.may_wait);
  EXPECT_EQ(refusal.timeout_ms, 1234);
  // Although there is room, others were here first.
  Set({{StreamOption::kMaxLen, 3}});
  EXPECT_EQ(Add(3, "v", RoomLine::kTaken).refusal.bound, Bound::kMaxLen);
  EXPECT_EQ(Add(3, "v").refusal.bound, Bound::kNone);
  // Nobody waits where entries are refused.
  Set({{StreamOption::kMaxLen, 4}, {StreamOption::kOverflow, 0}});
  EXPECT_EQ(Add(4, "v", RoomLine::kTaken).refusal.bound, Bound::kNone);
}

TEST_F(BoundsTest, ColdStreamMakesRoomAfterLoadingWhatItNeeds) {
  AddMany(400, std::string(200, 'x'));
  CreateGroup("g", {});
  const std::vector<StreamId> ids = Read("g", 300);
  ASSERT_EQ(Acknowledge("g", {ids.begin(), ids.begin() + 250}), 250);
  Set({{StreamOption::kMaxLen, 400}});
  GoCold();
  const uint64_t loads = engine_.loads();
  ASSERT_EQ(Add(1000, "v").refusal.bound, Bound::kNone);
  EXPECT_GT(engine_.loads(), loads);
  EXPECT_EQ(Info().length, 400);
  EXPECT_EQ(Info().counters.retired, 1u);
  // 249 more may go, of the 250 that nobody needs.
  for (uint64_t ms = 1001; ms < 1250; ++ms) {
    ASSERT_EQ(Add(ms, "v").refusal.bound, Bound::kNone) << ms;
  }
  EXPECT_EQ(Add(2000, "v").refusal.bound, Bound::kMaxLen);
  EXPECT_EQ(Info().first_id, (StreamId{251, 0}));
  EXPECT_EQ(Info().max_deleted_id, StreamId());
  CrashAndOpen();
  EXPECT_EQ(Info().length, 400);
}

TEST_F(BoundsTest, AcknowledgingInOrderMovesTheFrontAndMarksNothing) {
  AddMany(1000, std::string(100, 'x'));
  CreateGroup("g", {});
  Set({{StreamOption::kRetain, 1}});
  Work();
  const std::vector<StreamId> ids = Read("g", 1000);
  for (size_t i = 0; i < 990; ++i) {
    ASSERT_EQ(Acknowledge("g", {ids[i]}), 1);
  }
  EXPECT_EQ(Info().length, 10);
  EXPECT_EQ(Info().first_id, ids[990]);
  ASSERT_TRUE(OnStream([](Op&, Stream& stream) {
                EXPECT_EQ(stream.newest_hole, StreamId());
                EXPECT_EQ(stream.directory.block_count(), 1u);
                return OkStatus();
              }).ok());
}

TEST_F(BoundsTest, ColdAcknowledgementLoadsTheEntriesThatGo) {
  AddMany(600, std::string(200, 'x'));
  CreateGroup("g", {});
  CreateGroup("h", {});
  Set({{StreamOption::kRetain, 1}});
  Work();
  const std::vector<StreamId> ids = Read("g", 600);
  Read("h", 600);
  std::vector<StreamId> some;
  for (size_t i = 0; i < ids.size(); i += 7) {
    some.push_back(ids[i]);
  }
  ASSERT_EQ(Acknowledge("g", some), static_cast<int64_t>(some.size()));
  EXPECT_EQ(Info().length, 600);
  GoCold();
  ASSERT_EQ(Acknowledge("h", some), static_cast<int64_t>(some.size()));
  EXPECT_EQ(Info().length, static_cast<int64_t>(600 - some.size()));
  EXPECT_EQ(Info().first_id, ids[1]);
  CrashAndOpen();
  EXPECT_EQ(Info().length, static_cast<int64_t>(600 - some.size()));
}

TEST_F(BoundsTest, SweepGoesOnAfterARestartInBoundedSteps) {
  // More blocks than one step looks at, every third entry pending.
  AddMany(9000, std::string(400, 'x'));
  CreateGroup("g", {});
  const std::vector<StreamId> ids = Read("g", 9000);
  std::vector<StreamId> done;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (i % 3 != 0) {
      done.push_back(ids[i]);
    }
  }
  ASSERT_EQ(Acknowledge("g", done), 6000);
  EXPECT_EQ(Info().length, 9000);
  Set({{StreamOption::kRetain, 1}});
  GoCold();
  engine_->RunDueWork(engine_.Now());
  engine_.EndTurn();
  CrashAndOpen();
  const int64_t between = Info().length;
  EXPECT_LT(between, 9001);
  EXPECT_GT(between, 3000);
  Set({{StreamOption::kOverflowTimeout, 1}});  // The steward looks again.
  Work();
  EXPECT_EQ(Info().length, 3000);
  EXPECT_EQ(Info().counters.retired, 6000u);
  EXPECT_EQ(Info().max_deleted_id, StreamId());
  CrashAndOpen();
  EXPECT_EQ(Info().length, 3000);
}

TEST_F(BoundsTest, AgedEntriesGoInBoundedSteps) {
  AddMany(12'000, std::string(1200, 'x'));
  Set({{StreamOption::kMaxAge, 1000}});
  // The first look may be for a block that has left memory.
  for (int turn = 0; turn < 3 && Info().length == 12'000; ++turn) {
    engine_->RunDueWork(engine_.Now());
    engine_.EndTurn();
  }
  EXPECT_GT(Info().length, 0);
  EXPECT_LT(Info().length, 12'000);
  Work();
  EXPECT_EQ(Info().length, 0);
  EXPECT_EQ(Info().counters.expired, 12'000u);
  EXPECT_EQ(engine_->next_due_work_ms(), INT64_MAX);
  CrashAndOpen();
  EXPECT_EQ(Info().counters.expired, 12'000u);
}

}  // namespace
}  // namespace engine
