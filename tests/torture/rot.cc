// Damages a data directory in one place at a time and looks what becomes of it.
//
//   torture_rot MODE --seed S --runs N
//   MODE: any (every kind of damage), flips, truncations, tails (the end of the journal), records
//   (records with valid checksums that say something else)
//
// The last line is for tests/torture/torture_rot.py. Exit code 1: a promise was broken; the damaged
// directory is left then.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/temp_dir.h"
#include "tests/torture/child.h"
#include "tests/torture/rot_damage.h"
#include "tests/torture/rot_data.h"
#include "tests/torture/rot_judge.h"
#include "tests/torture/rot_records.h"
#include "tests/torture/rot_tails.h"

namespace tests {
namespace {

namespace fs = std::filesystem;

constexpr unsigned kBuildSeconds = 240;
constexpr unsigned kRunSeconds = 600;  // Nothing but a lock would take so long.
constexpr int kShownFaults = 20;

struct Arguments {
  std::string mode;
  uint64_t seed = 1;
  uint64_t runs = 100;
  uint64_t runs_per_set = 100;
  uint64_t only = 0;  // One run, by its number; 0 = all.
  std::string keep;   // Where damaged directories of faults go.
};

void PutState(const RotState& state, std::string* out) {
  *out += std::to_string(state.keys.size()) + "\n";
  for (const auto& [key, text] : state.keys) {
    *out += std::to_string(key.first) + " " + std::to_string(key.second.size()) + " " +
            std::to_string(text.size()) + "\n" + key.second + text;
  }
}

RotState TakeState(std::string_view* in) {
  const auto number = [in] {
    size_t used = 0;
    const std::string digits(in->substr(0, 20));
    const uint64_t value = std::stoull(digits, &used);
    in->remove_prefix(used + 1);
    return value;
  };
  RotState state;
  const uint64_t count = number();
  for (uint64_t i = 0; i < count; ++i) {
    const auto db = static_cast<uint32_t>(number());
    const size_t key_size = number();
    const size_t text_size = number();
    const std::string key(in->substr(0, key_size));
    state.keys[{db, key}] = std::string(in->substr(key_size, text_size));
    in->remove_prefix(key_size + text_size);
  }
  return state;
}

// The state as a start finds it. In a process of its own.
RotState StateOf(const std::string& directory) {
  TestEngine engine(RotOptions(directory));
  engine.Advance(kRotReadLaterMs);
  const std::string refused = engine.Open();
  if (!refused.empty()) {
    std::fprintf(stderr, "the data set does not open: %s\n", refused.c_str());
    std::abort();
  }
  RotFaults faults;
  RotState state = ReadAll(engine, {}, &faults);
  if (!faults.empty()) {
    std::fprintf(stderr, "the data set cannot be read: %s\n",
                 faults.begin()->second.message().c_str());
    std::abort();
  }
  return state;
}

class Torture {
 public:
  explicit Torture(Arguments arguments) : arguments_(std::move(arguments)) {}

  int Run() {
    const auto begin = std::chrono::steady_clock::now();
    std::printf("seed %llu\n", static_cast<unsigned long long>(arguments_.seed));
    for (uint64_t run = 0; run < arguments_.runs; ++run) {
      if (run % arguments_.runs_per_set == 0 && !MakeSet(run / arguments_.runs_per_set)) {
        return 1;
      }
      if (arguments_.only == 0 || arguments_.only == run + 1) {
        RunOne(run);
      }
    }
    std::string counts;
    for (const auto& [name, count] : counts_) {
      counts += " " + name + "=" + std::to_string(count);
    }
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    std::printf("torture: rot-%s runs=%llu faults=%d seed=%llu seconds=%.0f%s\n",
                arguments_.mode.c_str(), static_cast<unsigned long long>(arguments_.runs), faults_,
                static_cast<unsigned long long>(arguments_.seed), seconds.count(), counts.c_str());
    return faults_ == 0 ? 0 : 1;
  }

 private:
  std::string base() const { return directory_ / "base"; }

  // A new data set, and what a start makes of it.
  bool MakeSet(uint64_t number) {
    fs::remove_all(base());
    const uint64_t seed = arguments_.seed * 1000 + number;
    const ChildResult built = RunInChild(kBuildSeconds, [&] {
      RotData data(base(), seed);
      data.Build();
      data.AddLastTurn();
      data.engine().Crash();
      const std::string copy = directory_ / "copy";
      fs::remove_all(copy);
      CopyTree(base(), copy);
      std::string out;
      PutState(StateOf(copy), &out);
      fs::remove_all(copy);
      return out;
    });
    if (!built.ended) {
      std::printf("the data set of seed %llu cannot be made: %s\n%s\n",
                  static_cast<unsigned long long>(seed), built.how.c_str(), built.errors.c_str());
      return false;
    }
    std::string_view rest = built.said;
    expected_.whole = TakeState(&rest);
    map_ = std::make_unique<JournalMap>(base());
    return true;
  }

  void RunOne(uint64_t run) {
    std::mt19937_64 random(arguments_.seed * 1'000'003 + run);
    const std::string copy = directory_ / "run";
    fs::remove_all(copy);
    CopyTree(base(), copy);
    Expectation expected = expected_;
    Damage damage{DamageKind::kOverwrite, "", 0, 0, "records"};
    if (arguments_.mode == "tails") {
      damage = DamageTail(copy, *map_, random);
    } else if (arguments_.mode != "records") {
      const bool any = arguments_.mode == "any";
      damage = DoDamage(
          copy, *map_,
          {any || arguments_.mode == "flips", any || arguments_.mode == "truncations", any},
          random);
    }
    expected.cut = [&](engine::Turn turn) { return CutAt(damage, turn); };
    const uint64_t second_stage = run % 3 == 0 ? random() | 1 : 0;
    const std::string damaged = directory_ / "damaged";
    fs::remove_all(damaged);
    CopyTree(copy, damaged);
    const ChildResult result = RunInChild(kRunSeconds, [&] {
      if (arguments_.mode == "records") {
        return JudgeRecords(copy, expected, random()).Encode();
      }
      return Judge(copy, expected, second_stage).Encode();
    });
    Note(run, damage.words, result, damaged);
  }

  // In a child.
  std::optional<RotState> CutAt(const Damage& damage, engine::Turn turn) const {
    if (damage.kind == DamageKind::kTruncate || !CoversAllAbove(*map_, damage, turn)) {
      return std::nullopt;
    }
    const std::string cut = directory_ / "cut";
    fs::remove_all(cut);
    CopyTree(base(), cut);
    Erase(cut, *map_, turn);
    return StateOf(cut);
  }

  void Note(uint64_t run, const std::string& words, const ChildResult& result,
            const std::string& damaged) {
    Verdict verdict = Verdict::Decode(result.said);
    if (!result.ended) {
      verdict = {Verdict::Kind::kFault, result.how + "\n" + result.errors};
    }
    ++counts_[NameOf(verdict.kind)];
    if (std::getenv("WEIR_ROT_TRACE") != nullptr) {
      std::printf("%llu %s: %s %s\n", static_cast<unsigned long long>(run + 1), words.c_str(),
                  NameOf(verdict.kind), verdict.words.c_str());
    }
    if (verdict.kind != Verdict::Kind::kFault) {
      return;
    }
    if (++faults_ <= kShownFaults) {
      const std::string kept = arguments_.keep + "/run-" + std::to_string(run + 1);
      fs::remove_all(kept);
      fs::create_directories(arguments_.keep);
      CopyTree(damaged, kept);
      std::printf("run %llu: %s\n  %s\n  left in %s\n", static_cast<unsigned long long>(run + 1),
                  words.c_str(), verdict.words.c_str(), kept.c_str());
      std::fflush(stdout);
    }
  }

  const Arguments arguments_;
  TempDir directory_;
  Expectation expected_;
  std::unique_ptr<JournalMap> map_;
  std::map<std::string, int> counts_;
  int faults_ = 0;
};

}  // namespace
}  // namespace tests

int main(int count, char** words) {
  tests::Arguments arguments;
  arguments.mode = count > 1 ? words[1] : "any";
  for (int i = 2; i + 1 < count; i += 2) {
    const std::string name = words[i];
    const std::string value = words[i + 1];
    if (name == "--seed") arguments.seed = std::stoull(value);
    if (name == "--runs") arguments.runs = std::stoull(value);
    if (name == "--per-set") arguments.runs_per_set = std::stoull(value);
    if (name == "--only") arguments.only = std::stoull(value);
  }
  arguments.keep = "/tmp/weir-rot-" + arguments.mode + "-" + std::to_string(arguments.seed);
  return tests::Torture(arguments).Run();
}
