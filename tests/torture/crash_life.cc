#include "tests/torture/crash_life.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <random>
#include <string_view>

#include "engine/checker.h"
#include "tests/model/fuzzer.h"

namespace tests {

namespace fs = std::filesystem;
using engine::Turn;

namespace {

// The first checkpoint of a new store is a turn of its own.
constexpr Turn kEmptyTurn = 1;

// Of the engine in the directory that counts; null while it is being opened.
std::atomic<engine::Engine*> live_engine{nullptr};

// None leaves memory for it: when one does depends on when a checkpoint ends, and a command or the
// steward that has to wait for it takes effect in a later turn than in the reference.
constexpr int64_t kIdleLimitMs = 3'600'000;

FuzzOptions PlainOptions(uint64_t seed) {
  FuzzOptions options;
  options.seed = seed;
  options.reopens = false;
  options.checkpoint_bytes = FlavorOf(seed).checkpoint_bytes;
  options.failing_checkpoints = FlavorOf(seed).failing_checkpoints;
  options.adjust = [](engine::EngineOptions* engine) {
    engine->checkpoint_fault = nullptr;
    engine->idle_limit_ms = kIdleLimitMs;
  };
  return options;
}

DumpOptions PlainDump() {
  DumpOptions options;
  options.with_seen_times = false;  // Not worth a commit on their own.
  return options;
}

// Runs a seed until `last_turn`, or until `visit` has had enough.
std::string RunPlain(uint64_t seed, Turn last_turn,
                     const std::function<bool(Fuzzer&, Turn)>& visit) {
  bool goes_on = true;
  std::unique_ptr<Fuzzer> fuzzer;
  FuzzOptions options = PlainOptions(seed);
  options.on_turn = [&](Turn turn) {
    if (turn <= last_turn && goes_on) {
      goes_on = visit(*fuzzer, turn);
    }
    goes_on &= turn < last_turn;
  };
  fuzzer = std::make_unique<Fuzzer>(options);
  while (goes_on && fuzzer->Step()) {
  }
  return fuzzer->failure();
}

}  // namespace

Flavor FlavorOf(uint64_t seed) {
  std::mt19937_64 random(seed * 7919);
  Flavor flavor;
  flavor.checkpoint_bytes = uint64_t{4096} << (random() % 5);
  flavor.segment_bytes = uint64_t{12288} << (random() % 4);
  flavor.fsync = random() % 2 == 0   ? engine::FsyncMode::kAlways
                 : random() % 2 == 0 ? engine::FsyncMode::kEverySecond
                                     : engine::FsyncMode::kNo;
  flavor.failing_checkpoints = random() % 3 == 0 ? 2 + random() % 3 : 0;
  return flavor;
}

void LifeReport::Say(const std::string& text) {
  const size_t length = std::min(text.size(), sizeof(message) - 1);
  text.copy(message, length);
  message[length] = '\0';
}

Turn LifeReport::NewestPossible() const { return std::max<Turn>(appended, kEmptyTurn) + 1; }

void* MapShared(size_t bytes) {
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    std::perror("mmap");
    std::abort();
  }
  return memory;
}

int RunInChild(const std::function<int()>& work) {
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    const int result = work();
    std::fflush(nullptr);
    ::_exit(result);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
  }
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

Reference::Reference(uint64_t seed, Turn last_turn)
    : seed_(seed),
      last_turn_(last_turn),
      states_(static_cast<State*>(MapShared((last_turn + 1) * sizeof(State)))) {
  const int result = RunInChild([this] {
    const std::string failure = RunPlain(seed_, last_turn_, [this](Fuzzer& fuzzer, Turn turn) {
      const std::string dump = DumpEngine(fuzzer.engine(), PlainDump());
      states_[turn] = {std::hash<std::string>()(dump), fuzzer.engine().now_ms()};
      return true;
    });
    std::fputs(failure.c_str(), stderr);
    return failure.empty() ? 0 : kFault;
  });
  if (result != 0) {
    std::fprintf(stderr, "seed %llu fails without a crash\n",
                 static_cast<unsigned long long>(seed));
    std::exit(1);
  }
  // An empty store: no turn has been.
  states_[kEmptyTurn] = states_[0] = {0, TestEngine(engine::EngineOptions()).now_ms()};
}

Reference::~Reference() { ::munmap(states_, (last_turn_ + 1) * sizeof(State)); }

uint64_t Reference::HashOf(Turn turn) const { return states_[turn].hash; }
int64_t Reference::NowOf(Turn turn) const { return states_[turn].now_ms; }

std::string Reference::DumpOf(Turn turn, int64_t later_ms) const {
  std::string dump;
  RunPlain(seed_, turn, [&](Fuzzer& fuzzer, Turn at) {
    if (at == turn) {
      fuzzer.engine().Advance(later_ms);
      dump = DumpEngine(fuzzer.engine(), PlainDump());
    }
    return at < turn;
  });
  return dump;
}

void NoteReleased(LifeReport* report) {
  if (engine::Engine* engine = live_engine.load()) {
    const Turn released = engine->released_turn();
    if (report->acknowledged < released) {
      report->acknowledged = released;
    }
  }
}

namespace {

// Every so many checkpoints fail, half of them after they took place.
std::function<engine::EngineOptions::CheckpointFault()> FailingCheckpoints(
    uint64_t every, std::shared_ptr<std::atomic<bool>> closing) {
  auto count = std::make_shared<std::atomic<uint64_t>>(0);
  return [every, closing, count] {
    using Fault = engine::EngineOptions::CheckpointFault;
    const uint64_t number = count->fetch_add(1) + 1;
    if (*closing || number % every != 0) {
      return Fault::kNone;
    }
    return number / every % 2 == 0 ? Fault::kWrittenUnseen : Fault::kNotWritten;
  };
}

// What the engine in the directory is opened with.
void AdjustForLife(const Life& life, LifeReport* report,
                   const std::shared_ptr<std::atomic<bool>>& closing,
                   engine::EngineOptions* options) {
  const Flavor flavor = FlavorOf(life.seed);
  live_engine = nullptr;
  options->directory = life.directory;
  options->background_threads = true;
  options->idle_limit_ms = kIdleLimitMs;
  options->fsync = flavor.fsync;
  options->journal_segment_bytes = flavor.segment_bytes;
  options->log = [report](engine::LogLevel /*level*/, std::string_view text) {
    if (std::getenv("WEIR_TORTURE_LOG") != nullptr) {
      std::fprintf(stderr, "%.*s\n", static_cast<int>(text.size()), text.data());
    }
    // A server ends here; going on would only show that nothing can be written any more.
    if (text.starts_with("journal failed")) {
      NoteReleased(report);
      ::_exit(kNotClosed);
    }
  };
  if (flavor.failing_checkpoints != 0) {
    options->checkpoint_fault = FailingCheckpoints(flavor.failing_checkpoints, closing);
  }
  if (life.adjust) {
    life.adjust(options);
  }
  if (life.before_open) {
    life.before_open();
  }
}

[[noreturn]] void EndByItself(const Life& life, LifeReport* report, Fuzzer& fuzzer) {
  live_engine = nullptr;
  if (!fuzzer.engine()->Close().ok()) {
    ::_exit(kNotClosed);
  }
  report->closed = 1;
  if (life.after_close) {
    life.after_close();
  }
  ::_exit(0);
}

}  // namespace

int Live(const Life& life, LifeReport* report) {
  auto closing = std::make_shared<std::atomic<bool>>(false);
  const auto adjust = [&](engine::EngineOptions* options) {
    AdjustForLife(life, report, closing, options);
  };
  const bool from_the_start = life.after_turn <= kEmptyTurn;
  bool counts = from_the_start;
  std::unique_ptr<Fuzzer> fuzzer;
  FuzzOptions options = PlainOptions(life.seed);
  if (from_the_start) {
    options.adjust = adjust;
  }
  options.on_turn = [&](Turn turn) {
    if (counts) {
      live_engine = &*fuzzer->engine();
      report->appended = turn;
      NoteReleased(report);
      if (fuzzer->engine().options().fsync != engine::FsyncMode::kAlways) {
        report->durable = fuzzer->engine()->GetStats().durable_turn;
      }
    }
    if (turn == life.after_turn) {
      counts = true;
      fuzzer->MoveTo(adjust);
    } else if (turn >= life.last_turn) {
      // Here and now: later there may be half of the next turn.
      *closing = true;
      EndByItself(life, report, *fuzzer);
    }
  };
  fuzzer = std::make_unique<Fuzzer>(options);
  while (fuzzer->Step()) {
  }
  report->Say("a command answered wrongly: " + fuzzer->failure());
  return kFault;
}

int OpenAndClose(const std::string& directory, int64_t now_ms, LifeReport* report) {
  engine::EngineOptions options = TestEngine::SmallOptions(directory);
  options.databases = 2;
  options.background_threads = true;
  TestEngine engine(options);
  engine.Advance(now_ms - engine.now_ms());
  const std::string refused = engine.Open();
  if (!refused.empty()) {
    report->Say("the store does not open: " + refused);
    return kFault;
  }
  engine.EndTurn();
  engine.RunPosted();
  return engine->Close().ok() ? 0 : kNotClosed;
}

int CheckRecovered(const std::string& directory, const Reference& reference, Turn least,
                   LifeReport* report) {
  const bool may_be_new = least <= kEmptyTurn;
  const auto checked = engine::CheckStore(directory);
  if (!checked.ok() && !may_be_new) {
    report->Say("the store cannot be checked: " + checked.status().message());
    return kFault;
  }
  if (checked.ok() && !checked->clean()) {
    report->Say("the store is not sound: " + checked->faults.front());
    return kFault;
  }
  engine::EngineOptions options = TestEngine::SmallOptions(directory);
  options.databases = 2;
  TestEngine engine(options);
  engine.Advance(reference.NowOf(least) - engine.now_ms());
  const std::string refused = engine.Open();
  if (!refused.empty()) {
    report->Say("the store does not open: " + refused);
    return kFault;
  }
  const Turn turn = engine->current_turn() - 1;
  report->recovered = turn;
  if (turn < least || turn > reference.last_turn()) {
    report->Say("the newest turn is " + std::to_string(turn) + " but " + std::to_string(least) +
                " was acknowledged");
    return kFault;
  }
  engine.Advance(reference.NowOf(turn) - engine.now_ms());
  const int64_t ahead_ms = engine.Now().store_ms - reference.NowOf(turn);
  report->ahead_ms = ahead_ms;
  const std::string dump = DumpEngine(engine, PlainDump());
  if (turn > kEmptyTurn && std::hash<std::string>()(dump) != reference.HashOf(turn)) {
    // What has a time may have run out meanwhile.
    const std::string expected = reference.DumpOf(turn, ahead_ms);
    if (dump != expected) {
      report->Say("the state is not that after turn " + std::to_string(turn) +
                  ": recovered against expected: " + FirstDifference(dump, expected));
      return kFault;
    }
  }
  if (turn <= kEmptyTurn && dump.find("stream ") != std::string::npos) {
    report->Say("a store that had no turn is not empty");
    return kFault;
  }
  return 0;
}

TortureRoot::~TortureRoot() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::string TortureRoot::Keep(const std::string& name) const {
  const std::string kept = "/tmp/weir_torture_" + name;
  std::error_code ignored;
  fs::remove_all(kept, ignored);
  fs::copy(path_, kept, fs::copy_options::recursive, ignored);
  return kept;
}

void TortureRoot::Empty() const {
  for (const auto& each : fs::directory_iterator(path_)) {
    fs::remove_all(each.path());
  }
}

TortureRoot::TortureRoot() {
  const bool has_memory = ::access("/dev/shm", W_OK) == 0;
  path_ = (fs::path(has_memory ? "/dev/shm" : fs::temp_directory_path().string()) /
           "weir_torture_XXXXXX")
              .string();
  if (::mkdtemp(path_.data()) == nullptr || ::setenv("TMPDIR", path_.c_str(), 1) != 0) {
    std::perror("mkdtemp");
    std::abort();
  }
}

}  // namespace tests
