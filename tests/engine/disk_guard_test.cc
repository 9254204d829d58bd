// When a disk is nearly full: levels, the ballast, what small disks get.
#include "engine/disk_guard.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_engine.h"

namespace engine {
namespace {

using tests::Entry;
using tests::TempDir;
using tests::TestEngine;

namespace fs = std::filesystem;

constexpr uint64_t kMib = uint64_t{1} << 20;
constexpr uint64_t kGib = uint64_t{1} << 30;

class DiskGuardTest : public testing::Test {
 protected:
  void Open(DiskLimits limits) {
    DiskGuard::Options options;
    options.directory = directory_.path();
    options.limits = limits;
    options.checkpoint_bytes = checkpoint_bytes_;
    options.read_space = [this] { return space_; };
    options.log = [this](LogLevel, std::string_view text) { log_.emplace_back(text); };
    options.on_look = [this](uint64_t room) { told_room_ = room; };
    guard_ = std::make_unique<DiskGuard>(std::move(options));
  }

  DiskLevel LevelAt(uint64_t free_bytes) {
    space_->free_bytes = free_bytes;
    guard_->Look();
    return guard_->level();
  }

  bool HasBallast() const { return fs::exists(directory_ / "BALLAST"); }

  void LookOften(int times) {
    for (int i = 0; i < times; ++i) guard_->Look();
  }

  TempDir directory_;
  std::optional<DiskSpace> space_ = DiskSpace{.free_bytes = 50 * kGib, .total_bytes = 100 * kGib};
  uint64_t checkpoint_bytes_ = 32 * kMib;
  uint64_t told_room_ = 0;
  std::vector<std::string> log_;
  std::unique_ptr<DiskGuard> guard_;
};

TEST_F(DiskGuardTest, HasTwoThresholdsEachWithAMargin) {
  Open({.min_free_bytes = 160 * kMib, .ballast_bytes = 0});
  EXPECT_EQ(guard_->level(), DiskLevel::kPlenty);
  EXPECT_EQ(LevelAt(160 * kMib), DiskLevel::kPlenty);
  EXPECT_EQ(LevelAt(160 * kMib - 1), DiskLevel::kLow);
  EXPECT_EQ(LevelAt(170 * kMib - 1), DiskLevel::kLow);
  EXPECT_EQ(LevelAt(170 * kMib), DiskLevel::kPlenty);
  EXPECT_EQ(LevelAt(80 * kMib), DiskLevel::kLow);
  EXPECT_EQ(LevelAt(80 * kMib - 1), DiskLevel::kFull);
  EXPECT_EQ(LevelAt(90 * kMib - 1), DiskLevel::kFull);
  EXPECT_EQ(LevelAt(90 * kMib), DiskLevel::kLow);
  EXPECT_EQ(LevelAt(0), DiskLevel::kFull);
  EXPECT_EQ(LevelAt(kGib), DiskLevel::kPlenty);
  // Each change of the level is told, and nothing else.
  EXPECT_EQ(log_.size(), 7u);
}

TEST_F(DiskGuardTest, NothingIsEverRefusedWithoutAFloor) {
  Open({.min_free_bytes = 0, .ballast_bytes = 0});
  EXPECT_EQ(LevelAt(0), DiskLevel::kPlenty);
  EXPECT_EQ(guard_->room_bytes(), UINT64_MAX);
}

TEST_F(DiskGuardTest, ChoosesAFloorForTheDiskAndTheWork) {
  Open({.ballast_bytes = 0});
  EXPECT_EQ(guard_->floor_bytes(), 256 * kMib);
  guard_->NoteCompaction(1000 * kMib);
  guard_->NoteCompaction(10 * kMib);
  guard_->Look();
  EXPECT_EQ(guard_->floor_bytes(), 1064 * kMib);
  space_->total_bytes = 64 * kMib;
  guard_->Look();
  EXPECT_EQ(guard_->floor_bytes(), 8 * kMib);
}

TEST_F(DiskGuardTest, WhatIsNotYetSavedNeedsRoomAboveTheLowerThreshold) {
  Open({.min_free_bytes = 160 * kMib, .ballast_bytes = 0});
  EXPECT_EQ(LevelAt(200 * kMib), DiskLevel::kPlenty);
  guard_->SetUnsaved(130 * kMib);
  EXPECT_EQ(LevelAt(200 * kMib), DiskLevel::kLow);
  guard_->SetUnsaved(0);
  EXPECT_EQ(LevelAt(200 * kMib), DiskLevel::kPlenty);
}

TEST_F(DiskGuardTest, TellsHowMuchMayBeWritten) {
  Open({.min_free_bytes = 100 * kMib, .ballast_bytes = 0});
  LevelAt(120 * kMib);
  EXPECT_EQ(guard_->room_bytes(), 70 * kMib);
  EXPECT_EQ(told_room_, 95 * kMib);        // Compactions may go on to a quarter of the floor.
  EXPECT_FALSE(guard_->HasRoomFor(kMib));  // It would be what gets the disk near the floor.
  LevelAt(200 * kMib);
  EXPECT_TRUE(guard_->HasRoomFor(50 * kMib));
  EXPECT_FALSE(guard_->HasRoomFor(51 * kMib));
}

TEST_F(DiskGuardTest, KeepsWhatWasKnownWhenTheDiskDoesNotAnswer) {
  Open({.min_free_bytes = 100 * kMib, .ballast_bytes = 0});
  EXPECT_EQ(LevelAt(60 * kMib), DiskLevel::kLow);
  space_.reset();
  guard_->Look();
  EXPECT_EQ(guard_->level(), DiskLevel::kLow);
  EXPECT_EQ(guard_->free_bytes(), 60 * kMib);
}

TEST_F(DiskGuardTest, ADiskThatHasNeverAnsweredIsNotTakenForFull) {
  space_.reset();
  Open({});
  EXPECT_EQ(guard_->level(), DiskLevel::kPlenty);
  EXPECT_TRUE(guard_->MakeRoom());
}

TEST_F(DiskGuardTest, BallastComesALittleAfterTheStartAndGoesWhenItIsNeeded) {
  Open({.min_free_bytes = 100 * kMib, .ballast_bytes = kMib});
  EXPECT_FALSE(HasBallast());
  LookOften(12);
  ASSERT_TRUE(HasBallast());
  EXPECT_EQ(fs::file_size(directory_ / "BALLAST"), kMib);
  EXPECT_EQ(guard_->ballast_bytes(), kMib);
  // Below a quarter of the floor nobody has to ask.
  LevelAt(25 * kMib);
  EXPECT_TRUE(HasBallast());
  LevelAt(25 * kMib - 1);
  EXPECT_FALSE(HasBallast());
  EXPECT_EQ(guard_->ballast_bytes(), 0u);
  // Not at once again, and not before there is plenty.
  LookOften(100);
  EXPECT_FALSE(HasBallast());
  LevelAt(kGib);
  LookOften(2);
  EXPECT_TRUE(HasBallast());
}

TEST_F(DiskGuardTest, BallastIsGivenUpForAWriteThatFailedNearAFullDiskOnly) {
  Open({.min_free_bytes = 100 * kMib, .ballast_bytes = kMib});
  LookOften(12);
  ASSERT_TRUE(HasBallast());
  EXPECT_TRUE(guard_->MakeRoom());
  EXPECT_TRUE(HasBallast());
  LevelAt(50 * kMib);
  EXPECT_TRUE(guard_->MakeRoom());
  EXPECT_FALSE(HasBallast());
  LevelAt(1000);
  EXPECT_FALSE(guard_->MakeRoom());
}

TEST_F(DiskGuardTest, GivingTheBallastUpOpensNothing) {
  Open({.min_free_bytes = 16 * kMib, .ballast_bytes = 4 * kMib});
  LookOften(12);
  ASSERT_TRUE(HasBallast());
  EXPECT_EQ(LevelAt(15 * kMib), DiskLevel::kLow);
  ASSERT_TRUE(guard_->MakeRoom());
  // Its room is free now, but it is the ballast's.
  EXPECT_EQ(LevelAt(19 * kMib), DiskLevel::kLow);
  EXPECT_EQ(LevelAt(21 * kMib), DiskLevel::kPlenty);
}

TEST_F(DiskGuardTest, BallastOfAnEarlierLifeIsKnown) {
  Open({.ballast_bytes = kMib});
  LookOften(12);
  Open({.ballast_bytes = kMib});
  EXPECT_EQ(guard_->ballast_bytes(), kMib);
  guard_->SetLimits({.ballast_bytes = 0});
  EXPECT_FALSE(HasBallast());
}

TEST_F(DiskGuardTest, OnASmallDiskFilesAreSmall) {
  EXPECT_EQ(DiskGuard::BoundedSegmentBytes(32 * kMib, 100 * kGib), 32 * kMib);
  EXPECT_EQ(DiskGuard::BoundedSegmentBytes(32 * kMib, 64 * kMib), 2 * kMib);
  EXPECT_EQ(DiskGuard::BoundedSegmentBytes(32 * kMib, 1 * kMib), kMib);
  EXPECT_EQ(DiskGuard::BoundedSegmentBytes(32 * kMib, 0), 32 * kMib);
  EXPECT_EQ(DiskGuard::BoundedCheckpointBytes(32 * kMib, 64 * kMib), 2 * kMib);
  EXPECT_EQ(DiskGuard::BoundedCheckpointBytes(32 * kMib, 100 * kGib), 32 * kMib);
}

// --- In an engine --------------------------------------------------------------------------------

class FullDisk : public testing::Test {
 protected:
  FullDisk() : engine_(Options()) { EXPECT_EQ(engine_.Open(), ""); }

  EngineOptions Options() {
    EngineOptions options = TestEngine::SmallOptions(directory_ / "data");
    options.disk_limits = {.min_free_bytes = 100 * kMib, .ballast_bytes = 0};
    options.disk_space = [this] {
      return DiskSpace{.free_bytes = free_bytes_, .total_bytes = 100 * kGib};
    };
    options.checkpoint_fault = [this] { return fault_; };
    return options;
  }

  void Turns(int count) {
    for (int i = 0; i < count; ++i) {
      engine_.Advance(100);
      engine_.EndTurn();
    }
  }

  void AddEntry(size_t bytes) {
    const Entry entry = Entry::Of(std::string(bytes, 'x'));
    const auto added = engine_.Run(0, [&](Op& op) -> Result<AddResult> {
      const auto stream = engine_->OpenStream(op, "s");
      return engine_->Add(op, "s", stream.ok() ? *stream : nullptr, {AddId::Form::kAuto, {}},
                          entry.payload(), {});
    });
    ASSERT_TRUE(added.ok());
    Turns(1);
  }

  TempDir directory_;
  uint64_t free_bytes_ = kGib;
  EngineOptions::CheckpointFault fault_ = EngineOptions::CheckpointFault::kNone;
  TestEngine engine_;
};

TEST_F(FullDisk, RefusesGrowthThenEverythingAndOpensAgain) {
  EXPECT_TRUE(engine_->CanGrow(0).ok());
  free_bytes_ = 99 * kMib;
  Turns(2);
  EXPECT_EQ(engine_->CanGrow(0).code(), Code::kNoSpace);
  EXPECT_TRUE(engine_->CanWrite().ok());
  free_bytes_ = 49 * kMib;
  Turns(2);
  EXPECT_EQ(engine_->CanWrite().code(), Code::kNoSpace);
  free_bytes_ = kGib;
  Turns(2);
  EXPECT_TRUE(engine_->CanGrow(0).ok());
  EXPECT_TRUE(engine_->CanWrite().ok());
}

TEST_F(FullDisk, ARequestHasToFitIntoTheRoomThatIsLeft) {
  free_bytes_ = 150 * kMib;
  Turns(2);
  EXPECT_TRUE(engine_->CanGrow(50 * kMib).ok());
  EXPECT_EQ(engine_->CanGrow(51 * kMib).code(), Code::kNoSpace);
}

TEST_F(FullDisk, WhatChangesWhileTheDiskIsLowIsSavedSoon) {
  AddEntry(100);
  Turns(50);
  const uint64_t before = engine_->GetStats().checkpoints;
  free_bytes_ = 60 * kMib;
  Turns(30);
  EXPECT_EQ(engine_->GetStats().checkpoints, before + 1);
  Turns(100);
  EXPECT_EQ(engine_->GetStats().checkpoints, before + 1);  // Nothing has changed since.
}

TEST_F(FullDisk, WhileCheckpointsFailTheJournalIsBounded) {
  EngineOptions options = Options();
  engine_.Close();
  engine_.options().disk_space = [] {
    return DiskSpace{.free_bytes = 400 * kMib, .total_bytes = 400 * kMib};
  };
  ASSERT_EQ(engine_.Open(), "");
  fault_ = EngineOptions::CheckpointFault::kNotWritten;
  // A quarter of the disk may be unsaved, 100 MB; growth ends at three quarters of that.
  int entries = 0;
  while (engine_->CanGrow(0).ok() && entries < 200) {
    AddEntry(kMib);
    ++entries;
  }
  EXPECT_GE(entries, 70);
  EXPECT_LE(entries, 80);
  EXPECT_TRUE(engine_->CanWrite().ok());
  while (engine_->CanWrite().ok() && entries < 200) {
    AddEntry(kMib);
    ++entries;
  }
  EXPECT_EQ(engine_->CanWrite().code(), Code::kNoSpace);
  EXPECT_LE(entries, 105);
  fault_ = EngineOptions::CheckpointFault::kNone;
  Turns(200);
  EXPECT_TRUE(engine_->CanWrite().ok());
  EXPECT_TRUE(engine_->CanGrow(0).ok());
}

}  // namespace
}  // namespace engine
