// Cuts the power of an engine at random operations on its files, and kills it, opens what is left,
// and compares its whole state with the state after the turn that it says it is at.
//
//   power_cuts [--seed S] [--runs N] [--minutes M] [--expect-fault]
//
// A run is a chain of up to four lives on one disk (cut_disk.h). Each ends by a cut, by a kill that
// leaves what was not synced for a later cut to take, or by a clean close with a cut right after.
// The store must open by itself each time. With `appendfsync always` everything that was
// acknowledged is there; with `everysec` what the engine called durable; and always no more and no
// less than the state after one turn. A seed in four runs under `everysec`.
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <random>
#include <string>

#include "tests/support/temp_dir.h"
#include "tests/torture/crash_life.h"
#include "tests/torture/cut_disk.h"
#include "tests/torture/cut_file_system.h"
#include "tests/torture/cut_journal_ops.h"
#include "tests/torture/torture_main.h"

namespace tests {
namespace {

namespace fs = std::filesystem;
using engine::Turn;

constexpr Turn kLastTurn = 300;
constexpr int kRunsPerSeed = 25;
constexpr int kMostLives = 4;
// A start, and the creation of a store, take fewer operations than this.
constexpr uint64_t kEarlyOperations = 120;

engine::FsyncMode ModeOf(uint64_t seed) {
  return seed % 4 == 3 ? engine::FsyncMode::kEverySecond : engine::FsyncMode::kAlways;
}

struct Totals {
  uint64_t cuts = 0;
  uint64_t cuts_after_close = 0;
  uint64_t kills = 0;
};

class Harness {
 public:
  Harness(const TortureRoot& root, TortureRun& run) : root_(root), run_(run) {}
  void RunSeed(uint64_t seed);
  const Totals& totals() const { return totals_; }

 private:
  std::string disk() const { return root_.path() + "/disk"; }
  std::string data() const { return disk() + "/above/data"; }
  // How the child ended.
  int LiveOnce(uint64_t seed, Turn after_turn, const CutDisk::Plan& plan, bool cut_after_close);
  CutDisk::Plan Draw(std::mt19937_64& random) const;
  bool RunOne(const Reference& reference, int number);
  // The next life of a chain and what it left.
  bool LiveAndCheck(const Reference& reference, std::mt19937_64& random);
  void Clear() const;

  const TortureRoot& root_;
  TortureRun& run_;
  LifeReport* const report_ = MapShared<LifeReport>();
  uint64_t operations_ = 0;  // Of a whole life.
  Turn floor_ = 0;           // What must be there.
  std::string what_;
  Totals totals_;
};

void Harness::Clear() const {
  root_.Empty();
  fs::create_directory(disk());
}

int Harness::LiveOnce(uint64_t seed, Turn after_turn, const CutDisk::Plan& plan,
                      bool cut_after_close) {
  report_->appended = after_turn;
  // Not what a kill left unsynced: nobody has been told of that.
  report_->acknowledged = floor_;
  report_->durable = 0;
  report_->closed = 0;
  report_->Say("");
  return RunInChild([&] {
    std::unique_ptr<CutDisk> disk_model;
    std::unique_ptr<CutJournalOps> ops;
    Life life;
    life.seed = seed;
    life.directory = data();
    life.after_turn = after_turn;
    life.last_turn = kLastTurn;
    life.adjust = [&](engine::EngineOptions* options) {
      disk_model = std::make_unique<CutDisk>(disk(), root_.path() + "/model", plan,
                                             &report_->passes, [&] { NoteReleased(report_); });
      ops = std::make_unique<CutJournalOps>(*disk_model);
      options->fsync = ModeOf(seed);
      options->file_ops = ops.get();
      options->store_file_system = MakeCutFileSystem(*disk_model);
    };
    if (cut_after_close) {
      life.after_close = [&] { disk_model->CutNow(); };
    }
    return Live(life, report_);
  });
}

CutDisk::Plan Harness::Draw(std::mt19937_64& random) const {
  CutDisk::Plan plan;
  plan.end = random() % 3 == 0 ? CutDisk::End::kKill : CutDisk::End::kCut;
  const uint64_t most = random() % 3 == 0 ? kEarlyOperations : operations_ + operations_ / 20;
  plan.at_operation = 1 + random() % most;
  plan.seed = random();
  return plan;
}

bool Harness::LiveAndCheck(const Reference& reference, std::mt19937_64& random) {
  const int ended = LiveOnce(reference.seed(), report_->recovered, Draw(random), true);
  if (ended != CutDisk::kCutExit && ended != CutDisk::kKillExit) {
    what_ = "the life ended with " + std::to_string(ended) + ": " + report_->message;
    return false;
  }
  const bool was_cut = ended == CutDisk::kCutExit;
  const bool was_closed = report_->closed != 0;
  ++(!was_cut ? totals_.kills : was_closed ? totals_.cuts_after_close : totals_.cuts);
  const bool survives_all = !was_cut || ModeOf(reference.seed()) == engine::FsyncMode::kAlways;
  Turn least = std::max<Turn>(survives_all ? report_->acknowledged : report_->durable, 1);
  if (was_closed) {
    least = kLastTurn;
  }
  if (ModeOf(reference.seed()) == engine::FsyncMode::kAlways) {
    floor_ = std::max(floor_, least);
  } else {
    floor_ = std::max<Turn>({floor_, report_->durable, was_closed ? kLastTurn : 0});
  }
  least = was_cut ? std::max<Turn>(floor_, 1) : std::max(floor_, least);
  // After a kill the disk goes on as it is: a copy is looked at.
  const std::string copy = root_.path() + "/copy";
  fs::remove_all(copy);
  CopyTree(disk(), copy);
  const std::string checked_path = was_cut ? data() : copy + "/above/data";
  const int checked =
      RunInChild([&] { return CheckRecovered(checked_path, reference, least, report_); });
  if (checked != 0) {
    what_ = std::string(was_cut ? "after a cut: " : "after a kill: ") + report_->message +
            " (result " + std::to_string(checked) + ")";
    return false;
  }
  if (report_->recovered > report_->NewestPossible()) {
    what_ = "turn " + std::to_string(report_->recovered) + " was never made";
    return false;
  }
  if (was_cut) {
    floor_ = report_->recovered;
  }
  return true;
}

bool Harness::RunOne(const Reference& reference, int number) {
  std::mt19937_64 random(reference.seed() * 1'000'003 + static_cast<uint64_t>(number));
  Clear();
  run_.Begin();
  report_->recovered = 0;
  report_->ahead_ms = 0;
  floor_ = 0;
  for (int life = 0; life < kMostLives && report_->recovered < kLastTurn && report_->ahead_ms == 0;
       ++life) {
    if (!LiveAndCheck(reference, random)) {
      const std::string seed = std::to_string(reference.seed());
      run_.Fault("seed " + seed + " run " + std::to_string(number) + " life " +
                 std::to_string(life) + ": " + what_ +
                 "\n  evidence: " + root_.Keep("cuts_" + seed + "_" + std::to_string(number)));
      return false;
    }
  }
  return true;
}

void Harness::RunSeed(uint64_t seed) {
  root_.Empty();
  const Reference reference(seed, kLastTurn);
  Clear();
  const int ended = LiveOnce(seed, 0, CutDisk::Plan(), false);
  if (ended != 0) {
    run_.Fault("seed " + std::to_string(seed) + " without a cut ended with " +
               std::to_string(ended) + ": " + report_->message);
    return;
  }
  operations_ = report_->passes;
  for (int number = 0; number < kRunsPerSeed && run_.goes_on(); ++number) {
    RunOne(reference, number);
  }
}

int Run(const TortureArguments& arguments) {
  TortureRun run("powercut", arguments);
  const TortureRoot root;
  Harness harness(root, run);
  for (uint64_t seed = arguments.seed; run.goes_on(); ++seed) {
    harness.RunSeed(seed);
  }
  const Totals& totals = harness.totals();
  return run.End("cuts=" + std::to_string(totals.cuts + totals.cuts_after_close) +
                 " after_close=" + std::to_string(totals.cuts_after_close) +
                 " kills=" + std::to_string(totals.kills));
}

}  // namespace
}  // namespace tests

int main(int argc, char** argv) { return tests::RunWithFaultPoints(argc, argv, tests::Run); }
