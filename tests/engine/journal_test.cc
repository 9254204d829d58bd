#include "engine/journal.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>

#include "tests/engine/journal_fixture.h"

namespace engine {
namespace {

TEST(Journal, YieldsWhatWasAppendedInOrder) {
  FaultyFileOps ops;
  {
    auto journal = OpenStarted(SmallOptions(&ops));
    AppendTurns(*journal, 1, 300, 200);
    EXPECT_EQ(journal->durable_turn(), 300u);
    EXPECT_EQ(journal->released_turn(), 300u);
  }
  const Replayed replayed = OpenAndReplay(SmallOptions(&ops), 0);
  ASSERT_TRUE(replayed.status.ok()) << replayed.status.message();
  EXPECT_TRUE(replayed.is_ordered);
  ASSERT_EQ(replayed.records.size(), 300u);
  for (const auto& [turn, payload] : replayed.records) {
    ASSERT_EQ(payload, PayloadOf(turn, 200));
  }
  EXPECT_EQ(replayed.journal->last_turn(), 300u);
}

TEST(Journal, YieldsOnlyWhatIsAboveTheCheckpoint) {
  FaultyFileOps ops;
  AppendTurns(*OpenStarted(SmallOptions(&ops)), 1, 100, 50);
  const Replayed replayed = OpenAndReplay(SmallOptions(&ops), 60);
  ASSERT_TRUE(replayed.status.ok()) << replayed.status.message();
  EXPECT_EQ(replayed.records.size(), 40u);
  EXPECT_EQ(replayed.records.begin()->first, 61u);
}

TEST(Journal, SplitsALargeRecordOverSegments) {
  for (const size_t size : {0, 1, 7, 8, 12000, 12288 - 48, 12288, 20000, 100000}) {
    FaultyFileOps ops;
    {
      auto journal = OpenStarted(SmallOptions(&ops));
      AppendTurns(*journal, 1, 3, 100);
      journal->Append(4, 5, std::string(size, 'L'));
      AppendTurns(*journal, 5, 6, 100);
    }
    const Replayed replayed = OpenAndReplay(SmallOptions(&ops), 0);
    ASSERT_TRUE(replayed.status.ok()) << size << replayed.status.message();
    ASSERT_EQ(replayed.records.size(), 6u) << size;
    EXPECT_EQ(replayed.records.at(4), std::string(size, 'L'));
    EXPECT_EQ(replayed.records.at(6), PayloadOf(6, 100));
  }
}

TEST(Journal, ContinuesAfterEachReopening) {
  FaultyFileOps ops;
  for (Turn life = 0; life < 10; ++life) {
    auto journal = OpenStarted(SmallOptions(&ops));
    ASSERT_EQ(journal->last_turn(), life * 20);
    AppendTurns(*journal, life * 20 + 1, life * 20 + 20, 300);
  }
  EXPECT_EQ(OpenAndReplay(SmallOptions(&ops), 0).records.size(), 200u);
}

// A power cut takes back the headers of segments that were recycled but not synced, a kill may come
// before they are recycled.
TEST(Journal, DoesNotGrowWhenNoLifeIsLongEnoughToRecycle) {
  FaultyFileOps ops;
  constexpr Turn kTurnsPerLife = 5;
  size_t most_files = 0;
  for (Turn life = 0; life < 20; ++life) {
    // The checkpoint has all turns but the last one.
    const Turn last = life * kTurnsPerLife;
    const Replayed replayed = OpenAndReplay(SmallOptions(&ops), last == 0 ? 0 : last - 1);
    ASSERT_TRUE(replayed.status.ok()) << replayed.status.message();
    ASSERT_EQ(replayed.records.size(), last == 0 ? 0u : 1u) << "life " << life;
    ASSERT_TRUE(replayed.journal->Start().ok());
    AppendTurns(*replayed.journal, last + 1, last + kTurnsPerLife, 200);
    most_files = std::max(most_files, ops.Paths().size());
  }
  EXPECT_LE(most_files, SmallOptions(&ops).max_spares + 2);
}

TEST(Journal, RecyclesSegmentsAndNeverShowsTheirOldContent) {
  FaultyFileOps ops;
  size_t most_files = 0;
  {
    auto journal = OpenStarted(SmallOptions(&ops));
    for (Turn turn = 1; turn <= 2000; ++turn) {
      AppendTurns(*journal, turn, turn, 500);
      if (turn % 50 == 0) {
        journal->OnCheckpoint(turn - 10);
      }
      most_files = std::max(most_files, ops.Paths().size());
    }
  }
  EXPECT_LE(most_files, 9u);
  const Replayed replayed = OpenAndReplay(SmallOptions(&ops), 1990);
  ASSERT_TRUE(replayed.status.ok()) << replayed.status.message();
  ASSERT_EQ(replayed.records.size(), 10u);
  EXPECT_EQ(replayed.records.at(2000), PayloadOf(2000, 500));
}

TEST(Journal, IsEmptyAfterACleanCloseAndNumbersGoOn) {
  FaultyFileOps ops;
  {
    auto journal = OpenStarted(SmallOptions(&ops));
    AppendTurns(*journal, 1, 100, 500);
    journal->OnCheckpoint(100);
    ASSERT_TRUE(journal->CloseClean().ok());
  }
  auto journal = OpenStarted(SmallOptions(&ops), 100);
  EXPECT_EQ(journal->last_turn(), 100u);
  AppendTurns(*journal, 101, 101, 10);
  journal.reset();
  const Replayed replayed = OpenAndReplay(SmallOptions(&ops), 100);
  ASSERT_TRUE(replayed.status.ok()) << replayed.status.message();
  EXPECT_EQ(replayed.records.size(), 1u);
}

TEST(Journal, HasNoSegmentsInUseAfterACleanClose) {
  FaultyFileOps ops;
  {
    auto journal = OpenStarted(SmallOptions(&ops));
    AppendTurns(*journal, 1, 5, 10);
    EXPECT_TRUE(journal->HasSegments());
    ASSERT_TRUE(journal->CloseClean().ok());
  }
  auto journal = Journal::Open(SmallOptions(&ops));
  ASSERT_TRUE(journal.ok());
  EXPECT_FALSE((*journal)->HasSegments());
}

TEST(Journal, RefusesAMissingDirectoryUnlessTold) {
  FaultyFileOps ops;
  JournalOptions options = SmallOptions(&ops);
  options.create_if_missing = false;
  EXPECT_EQ(Journal::Open(options).code(), Code::kCorruption);
}

TEST(Journal, RefusesSegmentsOfAnotherStore) {
  FaultyFileOps ops;
  AppendTurns(*OpenStarted(SmallOptions(&ops)), 1, 2, 10);
  JournalOptions options = SmallOptions(&ops);
  options.store_id[3] ^= 1;
  EXPECT_EQ(Journal::Open(options).code(), Code::kCorruption);
}

TEST(Journal, StopsWithTheVisitorsFailure) {
  FaultyFileOps ops;
  AppendTurns(*OpenStarted(SmallOptions(&ops)), 1, 5, 10);
  auto journal = Journal::Open(SmallOptions(&ops));
  ASSERT_TRUE(journal.ok());
  int calls = 0;
  const Status status = (*journal)->Replay(0, [&](const JournalRecord&) {
    return ++calls == 3 ? Status(Code::kCorruption, "effect") : OkStatus();
  });
  EXPECT_EQ(status.message(), "effect");
  EXPECT_EQ(calls, 3);
}

TEST(Journal, CountsBytesSinceTheCheckpoint) {
  FaultyFileOps ops;
  auto journal = OpenStarted(SmallOptions(&ops));
  AppendTurns(*journal, 1, 100, 1000);
  EXPECT_EQ(journal->bytes_since_checkpoint(), 100 * FragmentBytes(1000));
  journal->OnCheckpoint(100);
  EXPECT_EQ(journal->bytes_since_checkpoint(), 0u);
}

TEST(Journal, GivesBuffersBack) {
  FaultyFileOps ops;
  auto journal = OpenStarted(SmallOptions(&ops));
  EXPECT_EQ(journal->TakeBuffer().capacity(), std::string().capacity());
  journal->Append(1, 1, std::string(5000, 'x'));
  const std::string buffer = journal->TakeBuffer();
  EXPECT_TRUE(buffer.empty());
  EXPECT_GE(buffer.capacity(), 5000u);
}

TEST(Journal, GivesALargeBufferBackAtOnceWhenARecordFillsLittleOfIt) {
  FaultyFileOps ops;
  JournalOptions options = SmallOptions(&ops);
  options.sync_mode = SyncMode::kEverySecond;
  auto journal = OpenStarted(options);
  std::string payload = "little";
  payload.reserve(100'000);
  journal->Append(1, 1, std::move(payload));
  EXPECT_EQ(journal->durable_turn(), 0u);
  EXPECT_GE(journal->TakeBuffer().capacity(), 100'000u);
}

// With the thread.

struct Signal {
  std::mutex mutex;
  std::condition_variable moved;
  Turn turn = 0;
  void Set(Turn to) {
    const std::lock_guard lock(mutex);
    turn = to;
    moved.notify_all();
  }
  void WaitFor(Turn wanted) {
    std::unique_lock lock(mutex);
    moved.wait(lock, [&] { return turn >= wanted; });
  }
};

TEST(JournalThread, ReleasesTurnsOnceTheyAreSynced) {
  FaultyFileOps ops;
  Signal signal;
  JournalOptions options = SmallOptions(&ops);
  options.use_thread = true;
  options.on_released = [&](Turn turn) { signal.Set(turn); };
  {
    auto journal = OpenStarted(options);
    for (Turn turn = 1; turn <= 500; ++turn) {
      std::string payload = journal->TakeBuffer();
      payload = PayloadOf(turn, 300);
      journal->Append(turn, static_cast<int64_t>(turn), std::move(payload));
      if (turn % 100 == 0) {
        signal.WaitFor(turn);
        EXPECT_EQ(journal->durable_turn(), turn);
        journal->OnCheckpoint(turn - 50);
      }
    }
    EXPECT_TRUE(journal->Sync().ok());
    EXPECT_EQ(journal->queued_bytes(), 0u);
  }
  const Replayed replayed = OpenAndReplay(SmallOptions(&ops), 450);
  ASSERT_TRUE(replayed.status.ok()) << replayed.status.message();
  EXPECT_EQ(replayed.records.size(), 50u);
}

TEST(JournalThread, EverySecondReleasesAtOnceAndSyncsLater) {
  FaultyFileOps ops;
  Signal signal;
  JournalOptions options = SmallOptions(&ops);
  options.use_thread = true;
  options.sync_mode = SyncMode::kEverySecond;
  options.sync_interval_ms = 3600 * 1000;
  auto journal = OpenStarted(options);
  AppendTurns(*journal, 1, 20, 100);
  // At once, unless the thread was just adding a spare segment.
  while (journal->released_turn() < 20) {
    std::this_thread::yield();
  }
  EXPECT_EQ(journal->durable_turn(), 0u);
  ASSERT_TRUE(journal->Sync().ok());
  EXPECT_EQ(journal->durable_turn(), 20u);
}

TEST(JournalThread, EverySecondSyncsByItself) {
  FaultyFileOps ops;
  JournalOptions options = SmallOptions(&ops);
  options.use_thread = true;
  options.sync_mode = SyncMode::kEverySecond;
  options.sync_interval_ms = 5;
  auto journal = OpenStarted(options);
  AppendTurns(*journal, 1, 20, 100);
  while (journal->durable_turn() < 20) {
    std::this_thread::yield();
  }
  EXPECT_EQ(journal->released_turn(), 20u);
}

TEST(JournalThread, ModeChangesKeepTheOrder) {
  FaultyFileOps ops;
  JournalOptions options = SmallOptions(&ops);
  options.use_thread = true;
  options.sync_interval_ms = 1;
  {
    auto journal = OpenStarted(options);
    const SyncMode modes[] = {SyncMode::kAlways, SyncMode::kNo, SyncMode::kEverySecond};
    for (Turn turn = 1; turn <= 3000; ++turn) {
      if (turn % 7 == 0) {
        journal->SetSyncMode(modes[turn % 3]);
      }
      if (turn % 200 == 0) {
        journal->OnCheckpoint(turn - 100);
      }
      AppendTurns(*journal, turn, turn, 100);
    }
    EXPECT_TRUE(journal->Sync().ok());
  }
  const Replayed replayed = OpenAndReplay(SmallOptions(&ops), 2900);
  ASSERT_TRUE(replayed.status.ok()) << replayed.status.message();
  EXPECT_EQ(replayed.records.size(), 100u);
  EXPECT_TRUE(replayed.is_ordered);
}

TEST(JournalThread, SyncFromAnotherThreadCoversWhatWasAppended) {
  FaultyFileOps ops;
  JournalOptions options = SmallOptions(&ops);
  options.use_thread = true;
  options.sync_mode = SyncMode::kNo;
  auto journal = OpenStarted(options);
  std::atomic<Turn> appended{0};
  std::atomic<bool> done{false};
  std::thread other([&] {
    while (!done.load()) {
      const Turn before = appended.load();
      EXPECT_TRUE(journal->Sync().ok());
      EXPECT_GE(journal->durable_turn(), before);
    }
  });
  for (Turn turn = 1; turn <= 500; ++turn) {
    AppendTurns(*journal, turn, turn, 200);
    appended.store(turn);
  }
  done.store(true);
  other.join();
}

// Holds the journal's thread in one kind of call until it is let go.
class Gate {
 public:
  Gate(FaultyFileOps* ops, FaultyFileOps::Call call)
      : call_(call), appender_(std::this_thread::get_id()) {
    ops->SetHook([this](FaultyFileOps::Call made) { Pass(made); });
  }
  ~Gate() { Open(); }

  void Close() { Set(true); }
  void Open() { Set(false); }
  void WaitUntilHeld() {
    std::unique_lock lock(mutex_);
    moved_.wait(lock, [this] { return is_held_; });
  }

 private:
  void Set(bool closed) {
    const std::lock_guard lock(mutex_);
    is_closed_ = closed;
    moved_.notify_all();
  }
  void Pass(FaultyFileOps::Call made) {
    std::unique_lock lock(mutex_);
    if (made != call_ || std::this_thread::get_id() == appender_ || !is_closed_) {
      return;
    }
    is_held_ = true;
    moved_.notify_all();
    moved_.wait(lock, [this] { return !is_closed_; });
    is_held_ = false;
  }

  const FaultyFileOps::Call call_;
  const std::thread::id appender_;
  std::mutex mutex_;
  std::condition_variable moved_;
  bool is_closed_ = false;
  bool is_held_ = false;
};

JournalOptions EverySecondOptions(FaultyFileOps* ops) {
  JournalOptions options = SmallOptions(ops);
  options.use_thread = true;
  options.sync_mode = SyncMode::kEverySecond;
  options.sync_interval_ms = 3600 * 1000;
  return options;
}

TEST(JournalThread, AppendingDoesNotWaitForSegmentsThatAreRecycled) {
  FaultyFileOps ops;
  Gate gate(&ops, FaultyFileOps::Call::kWriteHeader);
  {
    auto journal = OpenStarted(EverySecondOptions(&ops));
    AppendTurns(*journal, 1, 100, 500);  // Some segments full.
    ASSERT_TRUE(journal->Sync().ok());
    gate.Close();
    journal->OnCheckpoint(100);
    gate.WaitUntilHeld();
    AppendTurns(*journal, 101, 103, 500);
    EXPECT_EQ(journal->released_turn(), 103u);
    gate.Open();
  }
  EXPECT_EQ(OpenAndReplay(SmallOptions(&ops), 100).records.size(), 3u);
}

TEST(JournalThread, AppendingDoesNotWaitForAStuckSync) {
  FaultyFileOps ops;
  Gate gate(&ops, FaultyFileOps::Call::kSync);
  Signal signal;
  JournalOptions options = EverySecondOptions(&ops);
  options.sync_wait_ms = 10;
  options.sync_step_bytes = 1;
  options.on_released = [&](Turn turn) { signal.Set(turn); };
  {
    auto journal = OpenStarted(options);
    gate.Close();
    AppendTurns(*journal, 1, 1, 100);
    gate.WaitUntilHeld();
    AppendTurns(*journal, 2, 5, 100);
    EXPECT_EQ(journal->released_turn(), 5u);  // Not stuck for long enough.
    AppendTurns(*journal, 6, 100, 100);
    EXPECT_LT(journal->released_turn(), 100u);
    EXPECT_GT(journal->queued_bytes(), 0u);
    gate.Open();
    signal.WaitFor(100);
  }
  const Replayed replayed = OpenAndReplay(SmallOptions(&ops), 0);
  ASSERT_TRUE(replayed.status.ok()) << replayed.status.message();
  EXPECT_EQ(replayed.records.size(), 100u);
  EXPECT_TRUE(replayed.is_ordered);
}

TEST(JournalThread, TheAppendingThreadNeverMakesAFile) {
  FaultyFileOps ops;
  std::atomic<int> made{0};
  const std::thread::id appender = std::this_thread::get_id();
  std::atomic<bool> is_started{false};
  ops.SetHook([&](FaultyFileOps::Call call) {
    if (call == FaultyFileOps::Call::kCreate && std::this_thread::get_id() == appender) {
      made += is_started.load() ? 1 : 0;
    }
  });
  {
    auto journal = OpenStarted(EverySecondOptions(&ops));
    is_started = true;
    for (Turn turn = 1; turn <= 2000; ++turn) {
      AppendTurns(*journal, turn, turn, 500);
      if (turn % 300 == 0) {
        journal->OnCheckpoint(turn - 100);
      }
    }
    ASSERT_TRUE(journal->Sync().ok());
    EXPECT_EQ(journal->queued_bytes(), 0u);
  }
  EXPECT_EQ(made.load(), 0);
  const Replayed replayed = OpenAndReplay(SmallOptions(&ops), 1900);
  ASSERT_TRUE(replayed.status.ok()) << replayed.status.message();
  EXPECT_EQ(replayed.records.size(), 100u);
}

TEST(JournalThread, AsksForRoomOnlyWhenASpareIsWanted) {
  FaultyFileOps ops;
  std::atomic<int> asked{0};
  JournalOptions options = SmallOptions(&ops);
  options.use_thread = true;
  options.has_room = [&asked](uint64_t /*bytes*/) {
    ++asked;
    return true;
  };
  auto journal = OpenStarted(options);
  // The spare is there: there is more room than in one segment.
  while (journal->headroom_bytes() <= options.segment_bytes) {
    std::this_thread::yield();
  }
  EXPECT_GT(asked.load(), 0);
  asked = 0;
  for (Turn turn = 1; turn <= 50; ++turn) {
    AppendTurns(*journal, turn, turn, 100);
    ASSERT_TRUE(journal->Sync().ok());
  }
  EXPECT_GE(journal->sync_count(), 50u);
  EXPECT_EQ(asked.load(), 0);
}

TEST(JournalThread, EverySecondSyncsEarlyWhenMuchHasBeenWritten) {
  FaultyFileOps ops;
  JournalOptions options = EverySecondOptions(&ops);
  options.sync_step_bytes = 5000;
  auto journal = OpenStarted(options);
  AppendTurns(*journal, 1, 20, 1000);
  while (journal->durable_turn() < 5) {
    std::this_thread::yield();
  }
}

}  // namespace
}  // namespace engine
