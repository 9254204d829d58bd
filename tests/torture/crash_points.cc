// Kills an engine at named points of its code and of RocksDB's, opens it again, and compares its
// whole state with the state after the turn that it says it is at.
//
//   crash_points [--seed S] [--seeds N] [--point NAME]... [--runs N] [--minutes M]
//   crash_points --list
//
// For each of N seeds and each point: a life that ends at a random pass of the point; in half of
// the cases one or two starts that are killed, too; a check; a second life that goes on from there
// to the same point; a check. Choices depend on seed and point alone.
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "engine/journal_file.h"
#include "tests/support/temp_dir.h"
#include "tests/torture/crash_life.h"
#include "tests/torture/kill_points.h"
#include "tests/torture/torture_main.h"

namespace tests {
namespace {

namespace fs = std::filesystem;
using engine::Turn;

constexpr Turn kLastTurn = 400;
// A start passes about so many points.
constexpr uint64_t kPointsOfAStart = 160;

// Now and then a sync of the journal fails, so that it has to go on elsewhere.
class FlakyOps final : public engine::JournalFileOps {
 public:
  explicit FlakyOps(uint64_t every) : every_(every) {}
  engine::Result<std::unique_ptr<engine::JournalFile>> OpenFile(const std::string& path,
                                                                bool create) override {
    ASSIGN_OR_RETURN(std::unique_ptr<engine::JournalFile> file, real_.OpenFile(path, create));
    return std::unique_ptr<engine::JournalFile>(std::make_unique<File>(*this, std::move(file)));
  }
  engine::Result<uint64_t> FileSize(const std::string& path) override {
    return real_.FileSize(path);
  }
  engine::Status Rename(const std::string& from, const std::string& to) override {
    return real_.Rename(from, to);
  }
  engine::Status Remove(const std::string& path) override { return real_.Remove(path); }
  engine::Result<std::vector<std::string>> List(const std::string& directory) override {
    return real_.List(directory);
  }
  engine::Status CreateDirectory(const std::string& directory) override {
    return real_.CreateDirectory(directory);
  }
  engine::Status SyncDirectory(const std::string& directory) override {
    return real_.SyncDirectory(directory);
  }

 private:
  class File final : public engine::JournalFile {
   public:
    File(FlakyOps& ops, std::unique_ptr<engine::JournalFile> file)
        : ops_(ops), file_(std::move(file)) {}
    engine::Status Write(uint64_t offset, std::span<const std::string_view> pieces) override {
      return file_->Write(offset, pieces);
    }
    engine::Result<size_t> Read(uint64_t offset, char* buffer, size_t size) override {
      return file_->Read(offset, buffer, size);
    }
    engine::Status Sync() override {
      return ++ops_.syncs_ % ops_.every_ == 0 ? engine::Status(engine::Code::kIo, "a fault")
                                              : file_->Sync();
    }

   private:
    FlakyOps& ops_;
    const std::unique_ptr<engine::JournalFile> file_;
  };

  engine::JournalFileOps& real_ = engine::PosixJournalFileOps();
  const uint64_t every_;
  std::atomic<uint64_t> syncs_{0};
};

struct Totals {
  uint64_t crashes = 0;         // At the point that was asked for.
  uint64_t crashed_starts = 0;  // At any point of a start.
  std::vector<uint64_t> hits = std::vector<uint64_t>(KillPoints().size());
};

class Harness {
 public:
  Harness(const TortureRoot& root, TortureRun& run) : root_(root), run_(run) {}

  // Each of the points once, in one seed, while there is time.
  void RunSeed(uint64_t seed, const std::vector<int>& points);
  // The points, and how often one life of the seed passes each.
  void List(uint64_t seed);
  const Totals& totals() const { return totals_; }

 private:
  void Census(const Reference& reference);
  bool RunOne(const Reference& reference, int point);
  // How the life ended; the newest turn afterwards is in report_.
  bool LiveAndCheck(const Reference& reference, const Death& death, std::mt19937_64& random);
  bool Fault(const Reference& reference, int point, const std::string& what);
  int LiveOnce(uint64_t seed, Turn after_turn, const Death& death);

  const TortureRoot& root_;
  TortureRun& run_;
  LifeReport* const report_ = MapShared<LifeReport>();
  std::atomic<uint64_t>* const counts_ = static_cast<std::atomic<uint64_t>*>(
      MapShared(KillPoints().size() * sizeof(std::atomic<uint64_t>)));
  std::vector<uint64_t> census_;
  uint64_t census_of_all_ = 0;
  std::string what_;
  Totals totals_;
};

void AdjustTo(uint64_t seed, engine::EngineOptions* options) {
  if (options->fsync == engine::FsyncMode::kAlways && seed % 2 == 0) {
    options->file_ops = new FlakyOps(150 + seed % 100);  // As long as the child.
  }
}

int Harness::LiveOnce(uint64_t seed, Turn after_turn, const Death& death) {
  report_->appended = after_turn;
  report_->acknowledged = after_turn;
  report_->durable = 0;
  report_->closed = 0;
  report_->Say("");
  return RunInChild([&] {
    Life life;
    life.seed = seed;
    life.directory = root_.path() + "/data";
    life.after_turn = after_turn;
    life.last_turn = kLastTurn;
    life.adjust = [seed](engine::EngineOptions* options) { AdjustTo(seed, options); };
    life.before_open = [&] { Arm(death, counts_, [this] { NoteReleased(report_); }); };
    return Live(life, report_);
  });
}

void Harness::Census(const Reference& reference) {
  const int ended = LiveOnce(reference.seed(), 0, Death());
  if (ended != 0 && ended != kNotClosed) {
    std::printf("FAULT: seed %llu without a kill ended with %d: %s\n",
                static_cast<unsigned long long>(reference.seed()), ended, report_->message);
    std::exit(1);
  }
  census_.assign(counts_, counts_ + KillPoints().size());
  census_of_all_ = 0;
  for (const uint64_t count : census_) {
    census_of_all_ += count;
  }
}

bool Harness::LiveAndCheck(const Reference& reference, const Death& death,
                           std::mt19937_64& random) {
  const std::string data = root_.path() + "/data";
  const Turn before = std::max<Turn>(report_->recovered, 1);
  const int ended = LiveOnce(reference.seed(), report_->recovered, death);
  if (ended != -SIGKILL && ended != 0 && ended != kNotClosed) {
    what_ = "the life ended with " + std::to_string(ended) + ": " + report_->message;
    return false;
  }
  Turn least = std::max(before, report_->acknowledged.load());
  if (ended == 0) {
    least = kLastTurn;
  } else if (ended != kNotClosed) {
    ++(death.point == kAnyPoint ? totals_.crashed_starts : totals_.crashes);
    if (death.point != kAnyPoint) {
      ++totals_.hits[static_cast<size_t>(death.point)];
    }
  }
  const Turn newest = report_->NewestPossible();
  for (uint64_t starts = random() % 2 == 0 ? 1 + random() % 2 : 0; starts > 0; --starts) {
    const Death early = {kAnyPoint, 1 + random() % kPointsOfAStart};
    const int start = RunInChild([&] {
      Arm(early, counts_, [] {});
      return OpenAndClose(data, reference.NowOf(least), report_);
    });
    if (start != -SIGKILL && start != 0 && start != kNotClosed) {
      what_ = "a start ended with " + std::to_string(start) + ": " + report_->message;
      return false;
    }
    totals_.crashed_starts += start == -SIGKILL ? 1 : 0;
  }
  std::error_code ignored;
  fs::remove_all(data + ".crashed", ignored);
  if (fs::exists(data)) {
    CopyTree(data, data + ".crashed");
  }
  const int checked = RunInChild([&] { return CheckRecovered(data, reference, least, report_); });
  if (checked != 0) {
    what_ = "the check ended with " + std::to_string(checked) + ": " + report_->message;
    return false;
  }
  if (report_->recovered > newest) {
    what_ = "turn " + std::to_string(report_->recovered) + " was never made";
    return false;
  }
  return true;
}

bool Harness::RunOne(const Reference& reference, int point) {
  std::mt19937_64 random(reference.seed() * 1'000'003 + static_cast<uint64_t>(point));
  root_.Empty();
  run_.Begin();
  report_->recovered = 0;
  report_->ahead_ms = 0;
  const uint64_t passes = census_[static_cast<size_t>(point)];
  // Where the point is not passed unless something happened before, something has to.
  const Death first = passes > 0 ? Death{point, 1 + random() % passes}
                                 : Death{kAnyPoint, 1 + random() % census_of_all_};
  const Death second = {point,
                        1 + random() % std::max<uint64_t>(1, std::min(passes, uint64_t{40}))};
  const bool holds = LiveAndCheck(reference, first, random) &&
                     (report_->recovered >= kLastTurn || report_->ahead_ms > 0 ||
                      LiveAndCheck(reference, second, random));
  return holds || Fault(reference, point, what_);
}

bool Harness::Fault(const Reference& reference, int point, const std::string& what) {
  const std::string seed = std::to_string(reference.seed());
  const std::string name = KillPoints()[static_cast<size_t>(point)];
  run_.Fault("seed " + seed + " point " + name + ": " + what +
             "\n  evidence: " + root_.Keep("points_" + seed + "_" + std::to_string(point)) +
             "\n  again: --seed " + seed + " --point " + name);
  return false;
}

void Harness::List(uint64_t seed) {
  root_.Empty();
  Census(Reference(seed, kLastTurn));
  for (size_t i = 0; i < census_.size(); ++i) {
    std::printf("%8llu %s\n", static_cast<unsigned long long>(census_[i]), KillPoints()[i]);
  }
}

void Harness::RunSeed(uint64_t seed, const std::vector<int>& points) {
  root_.Empty();
  const Reference reference(seed, kLastTurn);
  root_.Empty();
  Census(reference);
  for (const int point : points) {
    if (!run_.goes_on()) {
      return;
    }
    RunOne(reference, point);
  }
}

int PointNumber(const std::string& name) {
  const auto& all = KillPoints();
  const auto found = std::find(all.begin(), all.end(), name);
  if (found == all.end()) {
    std::fprintf(stderr, "there is no point %s\n", name.c_str());
    std::exit(2);
  }
  return static_cast<int>(found - all.begin());
}

int Run(const TortureArguments& arguments) {
  TortureRun run("points", arguments);
  std::vector<int> points;
  for (const std::string& name : arguments.points) {
    points.push_back(PointNumber(name));
  }
  for (size_t i = 0; i < KillPoints().size() && arguments.points.empty(); ++i) {
    points.push_back(static_cast<int>(i));
  }
  const TortureRoot root;
  Harness harness(root, run);
  if (arguments.list) {
    harness.List(arguments.seed);
    return 0;
  }
  for (uint64_t i = 0; i < arguments.seeds && run.goes_on(); ++i) {
    // With fewer runs than points each seed takes other ones.
    std::shuffle(points.begin(), points.end(), std::mt19937_64(arguments.seed + i));
    harness.RunSeed(arguments.seed + i, points);
  }
  const Totals& totals = harness.totals();
  uint64_t points_hit = 0;
  for (size_t i = 0; i < totals.hits.size(); ++i) {
    points_hit += totals.hits[i] > 0 ? 1 : 0;
    std::printf("%6llu %s\n", static_cast<unsigned long long>(totals.hits[i]), KillPoints()[i]);
  }
  return run.End("points=" + std::to_string(points_hit) +
                 " kills=" + std::to_string(totals.crashes) +
                 " killed_starts=" + std::to_string(totals.crashed_starts));
}

}  // namespace
}  // namespace tests

int main(int argc, char** argv) { return tests::RunWithFaultPoints(argc, argv, tests::Run); }
