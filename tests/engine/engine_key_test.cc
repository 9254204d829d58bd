// Strings, expiry and new names for keys: what the engine does, and that it survives every way to
// stop.
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "engine/checker.h"
#include "engine/checkpoint.h"
#include "engine/limits.h"
#include "tests/model/state_dump.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_engine.h"

namespace engine {
namespace {

using tests::Entry;
using tests::TempDir;
using tests::TestEngine;

class EngineKeyTest : public ::testing::Test {
 protected:
  EngineKeyTest() : engine_(TestEngine::SmallOptions(directory_ / "data")) {}

  void SetUp() override { Open(); }

  void Open() {
    ASSERT_EQ(engine_.Open(), "");
    engine_->SetExpirySink([this](uint32_t db, std::string_view key) {
      expired_.push_back(std::to_string(db) + "/" + std::string(key));
    });
  }
  void Set(const std::string& key, const std::string& value, int64_t ttl_ms = 0, uint32_t db = 0) {
    const int64_t expire_ms = ttl_ms == 0 ? 0 : engine_.now_ms() + ttl_ms;
    ASSERT_TRUE(
        engine_.Run(db, [&](Op& op) { return engine_->SetString(op, key, value, expire_ms); })
            .ok());
  }
  void Delete(const std::string& key) {
    const std::string_view keys[] = {key};
    ASSERT_TRUE(engine_.Run(0, [&](Op& op) { return engine_->DeleteKeys(op, keys, {}); }).ok());
  }
  std::string Get(const std::string& key, uint32_t db = 0) {
    std::string value;
    const Status status = engine_.Run(db, [&](Op& op) -> Status {
      ASSIGN_OR_RETURN(const std::string* text, engine_->OpenString(op, key));
      value = *text;
      return OkStatus();
    });
    return status.ok() ? value : status.code() == Code::kNotFound ? "(none)" : "(other)";
  }
  void Add(const std::string& key, StreamId id, const std::string& value = "v") {
    const Entry entry = Entry::Of(value);
    ASSERT_TRUE(engine_
                    .Run(0,
                         [&](Op& op) -> Result<AddResult> {
                           auto stream = engine_->OpenStream(op, key);
                           return engine_->Add(op, key, stream.ok() ? *stream : nullptr,
                                               {AddId::Form::kExplicit, id}, entry.payload(), {});
                         })
                    .ok());
  }
  Result<bool> Rename(const std::string& from, const std::string& to) {
    return engine_.Run(0, [&](Op& op) { return engine_->Rename(op, from, to, true); });
  }
  Result<bool> Copy(const std::string& from, uint32_t db, const std::string& to) {
    return engine_.Run(0, [&](Op& op) { return engine_->Copy(op, from, db, to, true); });
  }
  bool SetTtl(const std::string& key, int64_t ttl_ms) {
    return *engine_.Run(0, [&](Op& op) {
      return engine_->SetExpiry(op, key, ttl_ms == 0 ? 0 : engine_.now_ms() + ttl_ms);
    });
  }
  // A group with pending records of two consumers, one of a deleted entry.
  void MakeGroup(const std::string& key) {
    ASSERT_TRUE(engine_
                    .Run(0,
                         [&](Op& op) -> Status {
                           ASSIGN_OR_RETURN(Stream * stream, engine_->OpenStream(op, key));
                           return engine_->CreateGroup(op, *stream, "g", {}, std::nullopt);
                         })
                    .ok());
    for (const std::string consumer : {"a", "b", "a"}) {
      ReadNewArgs args;
      args.consumer = consumer;
      args.count = 40;
      engine_.Advance(7);
      ASSERT_TRUE(
          engine_
              .Run(0,
                   [&](Op& op) -> Result<engine::ReadNewResult> {
                     ASSIGN_OR_RETURN(Stream * stream, engine_->OpenStream(op, key));
                     ASSIGN_OR_RETURN(Group * group, engine_->OpenGroup(op, *stream, "g"));
                     RETURN_IF_ERROR(engine_->PrepareReadNew(op, *stream, *group, args));
                     return engine_->ReadNew(
                         op, *stream, *group, args,
                         [](const EntryView&, const engine::PriorDelivery&) { return true; });
                   })
              .ok());
    }
    const StreamId gone[] = {{3, 0}, {50, 0}};
    ASSERT_TRUE(engine_
                    .Run(0,
                         [&](Op& op) -> Result<int64_t> {
                           ASSIGN_OR_RETURN(Stream * stream, engine_->OpenStream(op, key));
                           return engine_->DeleteEntries(op, *stream, gone);
                         })
                    .ok());
  }
  void Reap() {
    engine_->ReapExpired(engine_.Now());
    engine_.EndTurn();
  }
  std::string Dump() { return DumpEngine(engine_, {}); }
  // After a crash, and after a clean stop, everything is as before, and the checker finds nothing.
  void ExpectSurvives() {
    engine_.EndTurn();
    const std::string before = Dump();
    ASSERT_TRUE(engine_->SyncNow().ok());
    engine_.Crash();
    ExpectClean();
    Open();
    ASSERT_EQ(tests::FirstDifference(before, Dump()), "");
    engine_.Close();
    ExpectClean();
    Open();
    ASSERT_EQ(tests::FirstDifference(before, Dump()), "");
  }
  void ExpectClean() {
    const auto report = CheckStore(directory_ / "data");
    ASSERT_TRUE(report.ok()) << report.status().message();
    EXPECT_TRUE(report->clean()) << report->faults.front();
  }

  TempDir directory_;
  TestEngine engine_;
  std::vector<std::string> expired_;
};

TEST_F(EngineKeyTest, AStringReplacesAnythingAndSurvives) {
  Set("k", "one");
  Set("k", std::string(100'000, 'x'));
  Add("s", {1, 0});
  ASSERT_NO_FATAL_FAILURE(ExpectSurvives());
  EXPECT_EQ(Get("k"), std::string(100'000, 'x'));
  EXPECT_EQ(Get("s"), "(other)");
  Set("s", "now a string");
  ASSERT_NO_FATAL_FAILURE(ExpectSurvives());
  EXPECT_EQ(Get("s"), "now a string");
  EXPECT_EQ(engine_->KeyCountOf(0), 2);
}

TEST_F(EngineKeyTest, AStreamIsNoStringAndTheOtherWayRound) {
  Set("k", "v");
  const auto opened = engine_.Run(0, [&](Op& op) { return engine_->OpenStream(op, "k"); });
  EXPECT_EQ(opened.code(), Code::kWrongType);
}

TEST_F(EngineKeyTest, AKeyIsGoneWhenItsTimeHasComeThoughNobodyDeletedIt) {
  Set("k", "v", 100);
  Add("s", {1, 0});
  ASSERT_TRUE(SetTtl("s", 100));
  engine_.Advance(99);
  EXPECT_EQ(Get("k"), "v");
  engine_.Advance(1);
  EXPECT_EQ(Get("k"), "(none)");
  EXPECT_EQ(engine_->KeyCountOf(0), 2);
  EXPECT_TRUE(engine_.Run(0, [&](Op& op) { return engine_->Keys(op, ""); })->empty());
  EXPECT_FALSE(SetTtl("k", 1000));
  EXPECT_TRUE(expired_.empty());
  Add("s", {1, 0});  // Anew: the old one goes first.
  EXPECT_EQ(expired_, std::vector<std::string>{"0/s"});
  Reap();
  EXPECT_EQ(expired_, (std::vector<std::string>{"0/s", "0/k"}));
  EXPECT_EQ(engine_->KeyCountOf(0), 1);
  ASSERT_NO_FATAL_FAILURE(ExpectSurvives());
}

TEST_F(EngineKeyTest, DueKeysThatAreOnlyInTheStoreAreReaped) {
  for (int i = 0; i < 100; ++i) {
    Set("k" + std::to_string(i), "v", 1000 + i % 10);
  }
  Set("stays", "v");
  Add("s", {1, 0});
  ASSERT_TRUE(SetTtl("s", 1005));
  engine_.Close();
  Open();
  engine_.Advance(1004);
  for (int turn = 0; turn < 4; ++turn) {
    Reap();
  }
  EXPECT_EQ(expired_.size(), 50u);
  EXPECT_EQ(engine_->KeyCountOf(0), 52);
  engine_.Advance(100);
  for (int turn = 0; turn < 4; ++turn) {
    Reap();
  }
  EXPECT_EQ(expired_.size(), 101u);
  EXPECT_EQ(engine_->KeyCountOf(0), 1);
  EXPECT_EQ(engine_->next_reap_unix_ms(), INT64_MAX);
  ASSERT_NO_FATAL_FAILURE(ExpectSurvives());
}

TEST_F(EngineKeyTest, MoreExpiringKeysThanTheWindowHoldsGoInOrder) {
  constexpr int kKeys = static_cast<int>(kTimeWindowKeys) * 2 + 100;
  for (int i = 0; i < kKeys; ++i) {
    Set("k" + std::to_string(i), "v", 1000 + i * 7919 % kKeys);
    if (i % 500 == 0) {
      engine_.EndTurn();
      engine_->ReapExpired(engine_.Now());
    }
  }
  ASSERT_TRUE(engine_->CheckpointNow().ok());
  Set("early", "v", 10);
  engine_.Advance(10);
  Reap();
  EXPECT_EQ(expired_, std::vector<std::string>{"0/early"});
  engine_.Advance(1000 + kKeys / 2);
  for (int turn = 0; turn < 200 && engine_->next_reap_unix_ms() <= engine_.now_ms(); ++turn) {
    Reap();
  }
  EXPECT_NEAR(static_cast<double>(engine_->KeyCountOf(0)), kKeys / 2, 20);
  engine_.Advance(kKeys);
  for (int turn = 0; turn < 200 && engine_->next_reap_unix_ms() <= engine_.now_ms(); ++turn) {
    Reap();
  }
  EXPECT_EQ(engine_->KeyCountOf(0), 0);
  ASSERT_NO_FATAL_FAILURE(ExpectSurvives());
}

TEST_F(EngineKeyTest, ATimeThatIsChangedOrTakenBackIsForgotten) {
  Set("moved", "v", 100);
  Set("stays", "v", 100);
  Set("again", "v", 100);
  ASSERT_TRUE(engine_->CheckpointNow().ok());
  ASSERT_TRUE(SetTtl("moved", 5000));
  ASSERT_TRUE(SetTtl("stays", 0));
  Set("again", "w");
  ASSERT_NO_FATAL_FAILURE(ExpectSurvives());
  engine_.Advance(4999);
  Reap();
  EXPECT_TRUE(expired_.empty());
  engine_.Advance(1);
  Reap();
  EXPECT_EQ(expired_, std::vector<std::string>{"0/moved"});
  EXPECT_EQ(engine_->ExpiryStatsOf(0, engine_.Now()).keys, 0);
}

TEST_F(EngineKeyTest, FlushingAndSwappingNeedNothingPerKey) {
  Set("flushed", "v", 100);
  ASSERT_TRUE(engine_->CheckpointNow().ok());
  ASSERT_TRUE(engine_.Run(0, [&](Op& op) { return engine_->FlushDb(op, 0); }).ok());
  Set("swapped", "v", 100);
  ASSERT_TRUE(engine_.Run(0, [&](Op& op) { return engine_->SwapDatabases(op, 0, 2); }).ok());
  Set("flushed", "w");
  ASSERT_NO_FATAL_FAILURE(ExpectSurvives());
  engine_.Advance(100);
  Reap();
  EXPECT_EQ(expired_, std::vector<std::string>{"2/swapped"});
  EXPECT_EQ(Get("flushed"), "w");
  ASSERT_NO_FATAL_FAILURE(ExpectSurvives());
}

// The journal may hold numbers that the checkpoint has not seen: databases that are new at a start
// must not get them.
TEST_F(EngineKeyTest, DatabasesThatAreAddedShareNothingWithFlushedOnes) {
  const auto flush = [&](uint32_t db) {
    ASSERT_TRUE(engine_.Run(db, [&](Op& op) { return engine_->FlushDb(op, db); }).ok());
  };
  flush(0);
  Set("k", "flushed", 100'000);
  flush(0);
  Set("k", "kept", 200'000);
  engine_.EndTurn();
  engine_.Crash();
  const auto report = CheckStore(directory_ / "data");
  ASSERT_TRUE(report.ok()) << report.status().message();
  EXPECT_TRUE(report->clean()) << report->faults.front();

  engine_.options().databases = 20;
  ASSERT_NO_FATAL_FAILURE(Open());
  EXPECT_EQ(Get("k"), "kept");
  for (uint32_t db = 1; db < 20; ++db) {
    EXPECT_EQ(Get("k", db), "(none)") << db;
  }
  Set("k", "new", 100'000, 19);
  ASSERT_NO_FATAL_FAILURE(ExpectSurvives());
  EXPECT_EQ(Get("k", 19), "new");
  engine_.Close();
  const auto larger = CheckStore(directory_ / "data");
  ASSERT_TRUE(larger.ok()) << larger.status().message();
  EXPECT_TRUE(larger->clean());
}

TEST_F(EngineKeyTest, ALargeCheckpointEndsInSlicesWhileKeysGoOnChanging) {
  const auto key = [](size_t i) { return "key" + std::to_string(i); };
  constexpr size_t kKeys = 3 * Checkpoint::kConfirmSliceUnits;
  for (size_t i = 0; i < kKeys; ++i) {
    Set(key(i), "v", i % 2 == 0 ? 0 : 100'000);
  }
  ASSERT_TRUE(engine_->CheckpointNow().ok());
  for (size_t i = 0; i < kKeys; ++i) {
    Set(key(i), "w", i % 3 == 0 ? 0 : 50'000 + static_cast<int64_t>(i));
  }
  bool is_done = false;
  ASSERT_TRUE(engine_
                  ->StartCheckpoint([&](const Status& status) {
                    EXPECT_TRUE(status.ok());
                    is_done = true;
                  })
                  .ok());
  size_t turns = 0;
  for (; !is_done && turns < kKeys / 2; ++turns) {
    // One goes, one comes back, one changes, while they are being written and forgotten.
    Delete(key(turns));
    Set(key(turns), "again", 70'000);
    Delete(key(kKeys - 1 - turns));
    Set(key(kKeys / 2 + turns), "x");
    engine_.EndTurn();
  }
  ASSERT_TRUE(is_done);
  EXPECT_GT(turns, 6u);
  EXPECT_EQ(engine_->KeyCountOf(0), static_cast<int64_t>(kKeys - turns));
  EXPECT_EQ(Get(key(0)), "again");
  EXPECT_EQ(Get(key(kKeys - 1)), "(none)");
  ASSERT_NO_FATAL_FAILURE(ExpectSurvives());
}

TEST_F(EngineKeyTest, ARenamedStreamKeepsEverything) {
  for (uint64_t ms = 1; ms <= 300; ++ms) {
    Add("old", {ms, 0}, std::string(200, 'v'));
  }
  MakeGroup("old");
  Set("new", "replaced");
  ASSERT_TRUE(engine_->CheckpointNow().ok());
  ASSERT_TRUE(SetTtl("old", 100'000));
  ASSERT_TRUE(*Rename("old", "new"));
  EXPECT_EQ(Rename("old", "new").code(), Code::kNotFound);
  ASSERT_NO_FATAL_FAILURE(ExpectSurvives());
  Add("new", {301, 0});
  Add("old", {1, 0}, "another");
  ASSERT_TRUE(*Rename("new", "newer"));
  ASSERT_TRUE(*Rename("old", "new"));
  ASSERT_NO_FATAL_FAILURE(ExpectSurvives());
  EXPECT_EQ(engine_->KeyCountOf(0), 2);
  engine_.Advance(100'000);
  Reap();
  EXPECT_EQ(expired_, std::vector<std::string>{"0/newer"});
  ASSERT_NO_FATAL_FAILURE(ExpectSurvives());
}

TEST_F(EngineKeyTest, ACopyHasAllThatTheOriginalHas) {
  for (uint64_t ms = 1; ms <= 300; ++ms) {
    Add("from", {ms, 0}, std::string(200, 'v'));
  }
  MakeGroup("from");
  ASSERT_TRUE(engine_->CheckpointNow().ok());
  ASSERT_TRUE(*Copy("from", 1, "from"));
  std::string dump = Dump();
  const size_t copy = dump.find("db 1 ");
  std::string original = dump.substr(dump.find("stream 0/"), copy - dump.find("stream 0/"));
  std::string copied = dump.substr(dump.find("stream 1/"));
  copied = copied.substr(0, copied.find("db 2 "));
  copied[7] = '0';
  EXPECT_EQ(tests::FirstDifference(original, copied), "");
  ASSERT_NO_FATAL_FAILURE(ExpectSurvives());
  // A pending record whose entry is gone has none in the copy either.
  int missing = 0;
  HistoryArgs args;
  args.consumer = "a";
  ASSERT_TRUE(engine_
                  .Run(1,
                       [&](Op& op) -> Result<HistoryResult> {
                         missing = 0;
                         ASSIGN_OR_RETURN(Stream * stream, engine_->OpenStream(op, "from"));
                         ASSIGN_OR_RETURN(Group * group, engine_->OpenGroup(op, *stream, "g"));
                         RETURN_IF_ERROR(engine_->PrepareReadHistory(op, *stream, *group, args));
                         return engine_->ReadHistory(op, *stream, *group, args,
                                                     [&](StreamId, const EntryView* entry) {
                                                       missing += entry == nullptr ? 1 : 0;
                                                       return true;
                                                     });
                       })
                  .ok());
  EXPECT_EQ(missing, 1);
}

TEST_F(EngineKeyTest, StringsThatDoNotFitIntoMemoryAreLoadedAgain) {
  for (int i = 0; i < 400; ++i) {
    Set("k" + std::to_string(i), std::string(100'000, static_cast<char>('a' + i % 26)));
    engine_.EndTurn();
  }
  EXPECT_LT(engine_->GetStats().memory_bytes, uint64_t{20} << 20);
  for (int i = 0; i < 400; i += 37) {
    EXPECT_EQ(Get("k" + std::to_string(i)), std::string(100'000, static_cast<char>('a' + i % 26)));
  }
  EXPECT_GT(engine_.loads(), 0u);
}

}  // namespace
}  // namespace engine
