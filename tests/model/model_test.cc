// The engine against the reference model over random commands, with everything that may happen to a
// store in between: checkpoints, evictions, loads, clean stops, crashes.
//
// WEIR_MODEL_SEED runs that seed alone; WEIR_MODEL_STEPS and WEIR_MODEL_SEEDS set how much is done.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "tests/model/fuzzer.h"

namespace tests {
namespace {

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

void RunSeeds(uint64_t seeds, uint64_t steps, bool threads, uint64_t failing_checkpoints = 0) {
  const uint64_t only = FromEnvironment("WEIR_MODEL_SEED", 0);
  steps = FromEnvironment("WEIR_MODEL_STEPS", steps);
  seeds = FromEnvironment("WEIR_MODEL_SEEDS", seeds);
  const uint64_t first = only != 0 ? only : 1;
  const uint64_t last = only != 0 ? only : seeds;
  for (uint64_t seed = first; seed <= last; ++seed) {
    FuzzOptions options;
    options.seed = seed;
    options.threads = threads;
    options.failing_checkpoints = failing_checkpoints;
    Fuzzer fuzzer(options);
    for (uint64_t step = 0; step < steps && fuzzer.Step(); ++step) {
    }
    if (!fuzzer.failed()) {
      fuzzer.CompareAll();
    }
    ASSERT_EQ(fuzzer.failure(), "");
  }
}

TEST(Model, TheEngineDoesWhatTheSpecificationSays) { RunSeeds(3, 1000, false); }

TEST(Model, AlsoWithThreads) { RunSeeds(2, 800, true); }

TEST(Model, AlsoWhileCheckpointsFail) { RunSeeds(2, 800, false, 2); }

TEST(Model, AlsoWhileCheckpointsFailBesideTheLoop) { RunSeeds(1, 800, true, 3); }

}  // namespace
}  // namespace tests
