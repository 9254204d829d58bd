// Torn tails, rot, power cuts, failing calls.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "engine/journal.h"
#include "tests/engine/journal_fixture.h"

namespace engine {
namespace {

// Where the fragments of a segment begin, and where the last one ends.
std::vector<uint64_t> FragmentOffsets(const std::string& content) {
  const auto header = DecodeSegmentHeaderBlock(content);
  const uint64_t seed = SegmentSeed(header->store_id, header->sequence);
  std::vector<uint64_t> offsets = {kSegmentHeaderBlockBytes};
  while (const auto fragment = DecodeFragment(content, offsets.back(), seed)) {
    offsets.push_back(offsets.back() + FragmentBytes(fragment->header.length));
  }
  return offsets;
}

TEST(JournalFault, CutsATornTailAtEveryByteOfTheLastRecord) {
  FaultyFileOps ops;
  AppendTurns(*OpenStarted(SmallOptions(&ops)), 1, 5, 60);
  const auto [path, content] = NewestSegment(ops);
  const auto offsets = FragmentOffsets(content);
  ASSERT_EQ(offsets.size(), 6u);
  std::mt19937_64 random(1);
  for (uint64_t cut = offsets[4]; cut < offsets[5]; ++cut) {
    for (const bool is_garbage : {false, true}) {
      std::string torn = content;
      bool is_changed = false;
      for (uint64_t at = cut; at < torn.size(); ++at) {
        const char byte = is_garbage ? static_cast<char>(random()) : '\0';
        is_changed |= at < offsets[4] + 48 + 60 && torn[at] != byte;
        torn[at] = byte;
      }
      ops.SetContent(path, torn);
      const Replayed replayed = OpenAndReplay(SmallOptions(&ops), 0);
      ASSERT_TRUE(replayed.status.ok()) << cut << " " << replayed.status.message();
      ASSERT_EQ(replayed.records.size(), is_changed ? 4u : 5u) << cut;
    }
  }
}

TEST(JournalFault, RefusesASegmentThatWasCutOffUnlessNothingCanBeMissing) {
  FaultyFileOps ops;
  AppendTurns(*OpenStarted(SmallOptions(&ops)), 1, 5, 60);
  const auto [path, content] = NewestSegment(ops);
  const uint64_t end = FragmentOffsets(content).back();
  ASSERT_EQ(content.size(), size_t{16} << 10) << "a segment has its size from the beginning";
  for (uint64_t size = kSegmentHeaderBlockBytes; size < end + 100; ++size) {
    ops.SetContent(path, content.substr(0, size));
    const Replayed replayed = OpenAndReplay(SmallOptions(&ops), 0);
    if (size < end + kFragmentHeaderBytes) {
      ASSERT_EQ(replayed.status.code(), Code::kCorruption) << size;
      ASSERT_TRUE(replayed.records.empty());
    } else {
      ASSERT_TRUE(replayed.status.ok()) << size << " " << replayed.status.message();
      ASSERT_EQ(replayed.records.size(), 5u);
    }
  }
  ops.SetContent(path, content.substr(0, end - 10));
  JournalOptions options = SmallOptions(&ops);
  options.accept_loss = true;
  AppendTurns(*OpenStarted(options), 5, 6, 60, 'b');
  const Replayed later = OpenAndReplay(SmallOptions(&ops), 0);
  ASSERT_TRUE(later.status.ok()) << later.status.message();
  EXPECT_EQ(later.records.at(5), PayloadOf(5, 60, 'b'));
}

TEST(JournalFault, RefusesASegmentThatWasCutOffWhereARecordGoesOnInTheNext) {
  FaultyFileOps ops;
  {
    const auto journal = OpenStarted(SmallOptions(&ops));
    AppendTurns(*journal, 1, 5, 60);
    AppendTurns(*journal, 6, 6, 14'000);  // Fills the first segment and begins the second.
  }
  const auto [newest_path, newest] = NewestSegment(ops);
  ASSERT_EQ(DecodeSegmentHeaderBlock(newest)->first_turn, 6u);
  ops.SetContent(newest_path, "");  // For the moment, to find the one before.
  const auto [path, content] = NewestSegment(ops);
  ops.SetContent(newest_path, newest);
  const auto offsets = FragmentOffsets(content);
  ASSERT_EQ(offsets.size(), 7u);
  for (const uint64_t size : {offsets[5] - 1, offsets[5], offsets[5] + 1, offsets[6] - 1}) {
    ops.SetContent(path, content.substr(0, size));
    EXPECT_EQ(OpenAndReplay(SmallOptions(&ops), 0).status.code(), Code::kCorruption) << size;
  }
  // Nothing that is missing is wanted: the checkpoint has it.
  EXPECT_TRUE(OpenAndReplay(SmallOptions(&ops), 6).status.ok());
  // Nor after it was accepted that it is missing.
  JournalOptions options = SmallOptions(&ops);
  options.accept_loss = true;
  EXPECT_EQ(OpenStarted(options)->last_turn(), 5u);
  EXPECT_EQ(OpenAndReplay(SmallOptions(&ops), 0).records.size(), 5u);
}

TEST(JournalFault, ACleanCloseWritesNothingToASegmentWhoseSyncFailed) {
  FaultyFileOps ops;
  {
    const auto journal = OpenStarted(SmallOptions(&ops));
    AppendTurns(*journal, 1, 3, 60);
    ops.FailSyncs(0, 1);
    AppendTurns(*journal, 4, 4, 60);
    ASSERT_FALSE(journal->failed());
    ASSERT_EQ(journal->durable_turn(), 4u);
    ASSERT_TRUE(journal->CloseClean().ok());
  }
  EXPECT_EQ(ops.forbidden_calls(), 0);
  const Replayed replayed = OpenAndReplay(SmallOptions(&ops), 4);
  EXPECT_TRUE(replayed.status.ok()) << replayed.status.message();
  EXPECT_TRUE(replayed.records.empty());
}

TEST(JournalFault, WhatWasCutNeverComesBack) {
  FaultyFileOps ops;
  AppendTurns(*OpenStarted(SmallOptions(&ops)), 1, 5, 60);
  const auto [path, content] = NewestSegment(ops);
  std::string torn = content;
  torn[FragmentOffsets(content)[4] + 50] ^= 1;
  ops.SetContent(path, torn);
  // Cut and started, but nothing written in this life.
  ASSERT_EQ(OpenStarted(SmallOptions(&ops))->last_turn(), 4u);
  ops.SetContent(path, content);
  EXPECT_EQ(OpenAndReplay(SmallOptions(&ops), 0).records.size(), 4u);

  AppendTurns(*OpenStarted(SmallOptions(&ops)), 5, 6, 60, 'b');
  const Replayed replayed = OpenAndReplay(SmallOptions(&ops), 0);
  ASSERT_TRUE(replayed.status.ok()) << replayed.status.message();
  ASSERT_EQ(replayed.records.size(), 6u);
  EXPECT_EQ(replayed.records.at(5), PayloadOf(5, 60, 'b'));
}

TEST(JournalFault, RefusesAFlipInARecordThatALaterOneCallsDurable) {
  FaultyFileOps ops;
  AppendTurns(*OpenStarted(SmallOptions(&ops)), 1, 5, 60);
  const auto [path, content] = NewestSegment(ops);
  const auto offsets = FragmentOffsets(content);
  // The last record calls turn 4 durable; of 5 nobody says so.
  for (uint64_t at = offsets[0]; at < offsets[4]; ++at) {
    const uint64_t begin = *(std::upper_bound(offsets.begin(), offsets.end(), at) - 1);
    if (at - begin >= 48 + 60) {
      continue;  // Padding is not covered.
    }
    std::string rotten = content;
    rotten[at] = static_cast<char>(rotten[at] ^ (1 << (at % 8)));
    ops.SetContent(path, rotten);
    const Replayed replayed = OpenAndReplay(SmallOptions(&ops), 0);
    ASSERT_EQ(replayed.status.code(), Code::kCorruption) << at;
    ASSERT_NE(replayed.status.message().find("turns are missing"), std::string::npos);
    ASSERT_TRUE(replayed.records.empty());
  }
}

TEST(JournalFault, AFlipInAnEarlierSegmentIsRefusedAndCanBeAccepted) {
  FaultyFileOps ops;
  AppendTurns(*OpenStarted(SmallOptions(&ops)), 1, 50, 1000);
  std::string path = "/j/segment-1";
  std::string rotten = ops.Content(path);
  rotten[FragmentOffsets(rotten)[3] + 100] ^= 4;
  ops.SetContent(path, rotten);
  EXPECT_EQ(OpenAndReplay(SmallOptions(&ops), 0).status.code(), Code::kCorruption);
  // Not needed if the store has these turns.
  EXPECT_TRUE(OpenAndReplay(SmallOptions(&ops), 4).status.ok());

  JournalOptions options = SmallOptions(&ops);
  options.accept_loss = true;
  Replayed accepted = OpenAndReplay(options, 0);
  ASSERT_TRUE(accepted.status.ok()) << accepted.status.message();
  EXPECT_EQ(accepted.records.size(), 3u);
  ASSERT_TRUE(accepted.journal->Start().ok());
  AppendTurns(*accepted.journal, 4, 5, 10, 'b');
  accepted.journal.reset();
  const Replayed later = OpenAndReplay(SmallOptions(&ops), 0);
  ASSERT_TRUE(later.status.ok()) << later.status.message();
  EXPECT_EQ(later.records.size(), 5u);
}

TEST(JournalFault, OneDamagedHeaderCopyDoesNotMatterTwoAreRefused) {
  FaultyFileOps ops;
  AppendTurns(*OpenStarted(SmallOptions(&ops)), 1, 5, 60);
  const auto [path, content] = NewestSegment(ops);
  for (const size_t copy : {size_t{0}, kSegmentHeaderCopyOffset}) {
    std::string damaged = content;
    damaged[copy + 33] ^= 1;
    ops.SetContent(path, damaged);
    EXPECT_EQ(OpenAndReplay(SmallOptions(&ops), 0).records.size(), 5u);
  }
  std::string damaged = content;
  damaged[33] ^= 1;
  damaged[kSegmentHeaderCopyOffset + 50] ^= 1;
  ops.SetContent(path, damaged);
  EXPECT_EQ(OpenAndReplay(SmallOptions(&ops), 0).status.code(), Code::kCorruption);
}

TEST(JournalFault, RefusesAStoreThatFellBack) {
  FaultyFileOps ops;
  {
    auto journal = OpenStarted(SmallOptions(&ops));
    AppendTurns(*journal, 1, 100, 500);
    journal->OnCheckpoint(90);
    AppendTurns(*journal, 101, 150, 500);
  }
  EXPECT_TRUE(OpenAndReplay(SmallOptions(&ops), 90).status.ok());
  const Replayed replayed = OpenAndReplay(SmallOptions(&ops), 40);
  EXPECT_EQ(replayed.status.code(), Code::kCorruption);
  EXPECT_NE(replayed.status.message().find("missing (41 to "), std::string::npos)
      << replayed.status.message();
}

TEST(JournalFault, RefusesAStoreThatFellBackBehindACleanClose) {
  FaultyFileOps ops;
  {
    auto journal = OpenStarted(SmallOptions(&ops));
    AppendTurns(*journal, 1, 10, 50);
    ASSERT_TRUE(journal->CloseClean().ok());
  }
  EXPECT_TRUE(OpenAndReplay(SmallOptions(&ops), 10).status.ok());
  EXPECT_EQ(OpenAndReplay(SmallOptions(&ops), 9).status.code(), Code::kCorruption);
}

TEST(JournalFault, RefusesAMissingSegment) {
  FaultyFileOps ops;
  AppendTurns(*OpenStarted(SmallOptions(&ops)), 1, 50, 1000);
  ASSERT_TRUE(ops.Remove("/j/segment-1").ok());
  EXPECT_EQ(OpenAndReplay(SmallOptions(&ops), 0).status.code(), Code::kCorruption);
}

TEST(JournalFault, RefusesAMissingNewestSegment) {
  for (Turn length = 1; length <= 40; length += 3) {
    SCOPED_TRACE(length);
    FaultyFileOps ops;
    JournalOptions options = SmallOptions(&ops);
    options.use_thread = true;
    {
      auto journal = OpenStarted(options);
      AppendTurns(*journal, 1, length, 1500);
      ASSERT_TRUE(journal->Sync().ok());
      // From then on there is a spare, and the next sync finds it at the latest.
      while (journal->headroom_bytes() < options.segment_bytes - kSegmentHeaderBlockBytes) {
        std::this_thread::yield();
      }
      AppendTurns(*journal, length + 1, length + 1, 10);
      ASSERT_TRUE(journal->Sync().ok());
    }
    ASSERT_TRUE(ops.Remove(NewestSegment(ops).first).ok());
    options.use_thread = false;
    EXPECT_EQ(OpenAndReplay(options, 0).status.code(), Code::kCorruption);
    options.accept_loss = true;
    EXPECT_TRUE(OpenAndReplay(options, 0).status.ok());
  }
}

// One life after the other, each ended by a power cut: nothing durable is lost, nothing is out of
// order, every start succeeds.
void RunPowerCuts(uint64_t seed, SyncMode mode) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  FaultyFileOps ops;
  JournalOptions options = SmallOptions(&ops);
  options.sync_mode = mode;
  Turn checkpoint = 0;
  Turn durable = 0;
  std::map<Turn, char> lives;
  for (char life = 'a'; life < 'm'; ++life) {
    Replayed replayed = OpenAndReplay(options, checkpoint);
    ASSERT_TRUE(replayed.status.ok()) << replayed.status.message();
    Journal& journal = *replayed.journal;
    ASSERT_GE(journal.last_turn(), durable);
    for (const auto& [turn, payload] : replayed.records) {
      ASSERT_EQ(payload.substr(0, payload.find(lives[turn]) + 1),
                std::to_string(turn) + lives[turn]);
    }
    if (random() % 5 == 0) {
      ops.PowerCut(random);
      continue;
    }
    ASSERT_TRUE(journal.Start().ok());
    const int turns = static_cast<int>(random() % 120);
    for (int i = 0; i < turns; ++i) {
      const Turn turn = journal.last_turn() + 1;
      lives[turn] = life;
      AppendTurns(journal, turn, turn, random() % 40 == 0 ? 30000 : random() % 900, life);
      if (random() % 20 == 0) {
        ASSERT_TRUE(journal.Sync().ok());
      }
      if (random() % 30 == 0) {
        checkpoint = std::max(checkpoint, turn - std::min<Turn>(turn, random() % 20));
        journal.OnCheckpoint(checkpoint);
      }
      durable = journal.durable_turn();
    }
    if (random() % 6 == 0) {
      ASSERT_TRUE(journal.Sync().ok());
      checkpoint = durable = journal.last_turn();
      ASSERT_TRUE(journal.CloseClean().ok());
    }
    // Then the journal closes, with nothing left that its last sync could make durable.
    ops.PowerCut(random);
  }
}

TEST(JournalFault, SurvivesPowerCutsInEveryMode) {
  const char* given = std::getenv("WEIR_SEED");
  const uint64_t first = given != nullptr ? std::strtoull(given, nullptr, 10) : 1;
  const uint64_t last = given != nullptr ? first : 60;
  for (uint64_t seed = first; seed <= last && !::testing::Test::HasFatalFailure(); ++seed) {
    for (const SyncMode mode : {SyncMode::kAlways, SyncMode::kEverySecond, SyncMode::kNo}) {
      RunPowerCuts(seed, mode);
    }
  }
}

void ExpectRepaired(SyncMode mode, bool fail_sync, int after) {
  SCOPED_TRACE(::testing::Message() << "mode " << static_cast<int>(mode) << " fail_sync "
                                    << fail_sync << " after " << after);
  FaultyFileOps ops;
  JournalOptions options = SmallOptions(&ops);
  options.sync_mode = mode;
  bool has_failed = false;
  options.on_failure = [&](const Status&) { has_failed = true; };
  {
    auto journal = OpenStarted(options);
    AppendTurns(*journal, 1, 3, 700);
    if (fail_sync) {
      ops.FailSyncs(after, 1);
    } else {
      ops.FailWrites(after, 1);
    }
    AppendTurns(*journal, 4, 40, 700);
    ASSERT_TRUE(journal->Sync().ok());
    EXPECT_EQ(journal->durable_turn(), 40u);
    EXPECT_EQ(journal->failover_count(), 1u);
    EXPECT_FALSE(has_failed);
  }
  std::mt19937_64 random(7);
  ops.PowerCut(random);
  const Replayed replayed = OpenAndReplay(SmallOptions(&ops), 0);
  ASSERT_TRUE(replayed.status.ok()) << replayed.status.message();
  ASSERT_EQ(replayed.records.size(), 40u);
  for (const auto& [turn, payload] : replayed.records) {
    ASSERT_EQ(payload, PayloadOf(turn, 700));
  }
  EXPECT_EQ(ops.forbidden_calls(), 0);
}

TEST(JournalFault, ANameThatADeadProcessCouldNotSyncIsSyncedBeforeItIsRelied) {
  FaultyFileOps ops;
  const JournalOptions options = SmallOptions(&ops);
  AppendTurns(*OpenStarted(options), 1, 3, 60);
  // A spare whose file is on disk and whose name is not.
  SegmentHeader header;
  header.store_id = options.store_id;
  header.segment_bytes = options.segment_bytes;
  const std::string block = EncodeSegmentHeaderBlock(header);
  const std::string_view piece = block;
  auto file = ops.OpenFile("/j/segment-77", true);
  ASSERT_TRUE(file.ok() && (*file)->Write(0, {&piece, 1}).ok() && (*file)->Sync().ok());
  {
    const auto journal = OpenStarted(options);
    ASSERT_EQ(NewestSegment(ops).first, "/j/segment-77");
    AppendTurns(*journal, 4, 6, 60);
    ASSERT_EQ(journal->released_turn(), 6u);
    std::mt19937_64 random(3);
    ops.PowerCut(random);
  }
  EXPECT_EQ(OpenAndReplay(options, 0).records.size(), 6u);
}

TEST(JournalFault, AFailedWriteGoesOnInTheNextSegment) {
  for (int after = 0; after < 12; ++after) {
    ExpectRepaired(SyncMode::kAlways, false, after);
    ExpectRepaired(SyncMode::kEverySecond, false, after);
  }
}

TEST(JournalFault, AFailedSyncGoesOnInTheNextSegment) {
  ExpectRepaired(SyncMode::kEverySecond, true, 0);
  ExpectRepaired(SyncMode::kAlways, true, 0);
  ExpectRepaired(SyncMode::kAlways, true, 5);
}

TEST(JournalFault, TwoFailuresInARowEndAllAcknowledgement) {
  for (const bool fail_sync : {false, true}) {
    FaultyFileOps ops;
    int failures = 0;
    JournalOptions options = SmallOptions(&ops);
    options.on_failure = [&](const Status& status) {
      EXPECT_EQ(status.code(), Code::kIo);
      ++failures;
    };
    auto journal = OpenStarted(options);
    AppendTurns(*journal, 1, 3, 100);
    if (fail_sync) {
      ops.FailSyncs(0, 1000);
    } else {
      ops.FailWrites(0, 1000);
    }
    AppendTurns(*journal, 4, 6, 100);
    EXPECT_TRUE(journal->failed());
    EXPECT_EQ(journal->released_turn(), 3u);
    EXPECT_EQ(journal->Sync().code(), Code::kIo);
    // The disk works again; the journal does not trust it.
    ops.FailSyncs(0, 0);
    ops.FailWrites(0, 0);
    AppendTurns(*journal, 7, 9, 100);
    journal->OnCheckpoint(9);
    EXPECT_EQ(journal->released_turn(), 3u);
    EXPECT_EQ(failures, 1);
    EXPECT_FALSE(journal->CloseClean().ok());
  }
}

TEST(JournalFault, WithoutSyncAFailedSyncCannotBeRepaired) {
  FaultyFileOps ops;
  JournalOptions options = SmallOptions(&ops);
  options.sync_mode = SyncMode::kNo;
  auto journal = OpenStarted(options);
  AppendTurns(*journal, 1, 5, 100);
  ops.FailSyncs(0, 1);
  EXPECT_EQ(journal->Sync().code(), Code::kIo);
  EXPECT_TRUE(journal->failed());
}

TEST(JournalFault, ThreadedFailuresAreRepairedUnderLoad) {
  for (const SyncMode mode : {SyncMode::kAlways, SyncMode::kEverySecond}) {
    FaultyFileOps ops;
    JournalOptions options = SmallOptions(&ops);
    options.use_thread = true;
    options.sync_mode = mode;
    options.sync_interval_ms = 1;
    {
      auto journal = OpenStarted(options);
      for (Turn turn = 1; turn <= 2000; ++turn) {
        if (turn % 500 == 100) {
          ops.FailSyncs(0, 1);
        } else if (turn % 500 == 300) {
          ops.FailWrites(0, 1);
        }
        AppendTurns(*journal, turn, turn, 100);
        if (turn % 250 == 0) {
          // One failure at a time.
          ASSERT_TRUE(journal->Sync().ok());
        }
      }
      EXPECT_GE(journal->failover_count(), 1u);
      EXPECT_FALSE(journal->failed());
    }
    const Replayed replayed = OpenAndReplay(SmallOptions(&ops), 0);
    ASSERT_TRUE(replayed.status.ok()) << replayed.status.message();
    EXPECT_EQ(replayed.records.size(), 2000u);
  }
}

}  // namespace
}  // namespace engine
