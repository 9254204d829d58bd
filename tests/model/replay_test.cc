// What a crash after any turn leaves behind becomes the state that was: the data directory is
// copied between turns, also in the middle of a checkpoint, and the copy opened beside the running
// engine.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/model/fuzzer.h"

namespace tests {
namespace {

// RocksDB may drop table files while they are being copied; a copy that has none missing must open.
constexpr int kCopyAttempts = 5;

// The dump of a copy, or why there is none.
std::string DumpOfCopy(Fuzzer& fuzzer, const DumpOptions& options) {
  std::string refused;
  for (int attempt = 0; attempt < kCopyAttempts; ++attempt) {
    TempDir directory;
    const std::string copy = directory / "data";
    try {
      CopyTree(fuzzer.data_directory(), copy);
    } catch (const std::filesystem::filesystem_error& error) {
      refused = error.what();
      continue;
    }
    engine::EngineOptions engine_options = fuzzer.engine().options();
    engine_options.directory = copy;
    TestEngine engine(engine_options);
    engine.Advance(fuzzer.engine().now_ms() - engine.now_ms());
    refused = engine.Open();
    if (refused.empty()) {
      return DumpEngine(engine, options);
    }
  }
  return "refused: " + refused;
}

FuzzOptions OptionsOf(uint64_t seed, uint64_t checkpoint_bytes) {
  FuzzOptions options;
  options.seed = seed;
  options.reopens = false;
  options.checkpoint_bytes = checkpoint_bytes;
  return options;
}

void ExpectCopyIsTheSame(Fuzzer& fuzzer) {
  DumpOptions dump;
  dump.with_seen_times = false;  // Not worth a commit on their own.
  ASSERT_TRUE(fuzzer.engine()->SyncNow().ok());
  const std::string copy = DumpOfCopy(fuzzer, dump);
  ASSERT_EQ(FirstDifference(DumpEngine(fuzzer.engine(), dump), copy), "") << fuzzer.history();
}

TEST(Replay, StateAfterEveryTurnIsTheLiveOne) {
  for (uint64_t seed = 1001; seed <= 1002; ++seed) {
    Fuzzer fuzzer(OptionsOf(seed, 0));
    for (int step = 0; step < 60 && fuzzer.Step(); ++step) {
      fuzzer.EndTurn();
      ASSERT_NO_FATAL_FAILURE(ExpectCopyIsTheSame(fuzzer));
    }
    ASSERT_EQ(fuzzer.failure(), "");
  }
}

TEST(Replay, AlsoInTheMiddleOfCheckpoints) {
  // So much that it is encoded in several turns.
  constexpr uint64_t kWorthStarting = 1'500'000;
  int copies = 0;
  for (uint64_t seed = 2001; seed <= 2004; ++seed) {
    Fuzzer fuzzer(OptionsOf(seed, uint64_t{1} << 30));
    for (int step = 0; step < 1500 && fuzzer.Step(); ++step) {
      fuzzer.EndTurn();
      if (fuzzer.engine()->GetStats().checkpoint_running) {
        ++copies;
        ASSERT_NO_FATAL_FAILURE(ExpectCopyIsTheSame(fuzzer));
      } else if (fuzzer.engine()->GetStats().dirty_bytes > kWorthStarting) {
        ASSERT_TRUE(fuzzer.engine()->StartCheckpoint([](engine::Status) {}).ok());
        fuzzer.EndTurn();
      }
    }
    ASSERT_EQ(fuzzer.failure(), "");
  }
  EXPECT_GT(copies, 0);
}

}  // namespace
}  // namespace tests
