#include "server/core/quiet_watch.h"

#include <gtest/gtest.h>

#include <vector>

namespace server {
namespace {

constexpr int kTicks = QuietWatch::kQuietTicks;

// The ticks, counted from 1, that say it is quiet.
std::vector<int> QuietAt(QuietWatch* watch, int ticks, uint64_t* commands, uint64_t per_tick) {
  std::vector<int> quiet_at;
  for (int tick = 1; tick <= ticks; ++tick) {
    *commands += per_tick;
    if (watch->Tick(*commands)) quiet_at.push_back(tick);
  }
  return quiet_at;
}

using Ticks = std::vector<int>;

TEST(QuietWatch, TellsAfterEachTimeWithFewCommands) {
  QuietWatch watch;
  uint64_t commands = 0;
  constexpr int kAgain = QuietWatch::kAgainTicks;
  EXPECT_EQ(QuietAt(&watch, kTicks + 2 * kAgain, &commands, 0),
            Ticks({kTicks, kTicks + kAgain, kTicks + 2 * kAgain}));
  EXPECT_EQ(QuietAt(&watch, 3 * kTicks, &commands, QuietWatch::kQuietCommands + 1), Ticks());
  EXPECT_EQ(QuietAt(&watch, kTicks + 1, &commands, QuietWatch::kQuietCommands), Ticks({kTicks}));
}

TEST(QuietWatch, ABusyTickStartsTheWaitAnew) {
  QuietWatch watch;
  uint64_t commands = 0;
  EXPECT_EQ(QuietAt(&watch, kTicks - 1, &commands, 0), Ticks());
  EXPECT_EQ(QuietAt(&watch, 1, &commands, 1000), Ticks());
  EXPECT_EQ(QuietAt(&watch, kTicks - 1, &commands, 0), Ticks());
  EXPECT_EQ(QuietAt(&watch, 1, &commands, 0), Ticks({1}));
}

TEST(QuietWatch, IsQuietFromTheStartAndFromTheWordOnUntilABusyTick) {
  QuietWatch watch;
  uint64_t commands = 0;
  EXPECT_TRUE(watch.is_quiet());
  QuietAt(&watch, 1, &commands, QuietWatch::kQuietCommands);
  EXPECT_TRUE(watch.is_quiet());
  QuietAt(&watch, 1, &commands, QuietWatch::kQuietCommands + 1);
  EXPECT_FALSE(watch.is_quiet());
  QuietAt(&watch, kTicks - 1, &commands, 0);
  EXPECT_FALSE(watch.is_quiet());
  QuietAt(&watch, 1, &commands, 0);
  EXPECT_TRUE(watch.is_quiet());
}

TEST(QuietWatch, CountingAnewIsNotBusy) {
  QuietWatch watch;
  uint64_t commands = 1'000'000;
  EXPECT_EQ(QuietAt(&watch, kTicks, &commands, QuietWatch::kQuietCommands + 1), Ticks());
  EXPECT_EQ(QuietAt(&watch, kTicks - 1, &commands, 0), Ticks());
  commands = 0;
  EXPECT_EQ(QuietAt(&watch, 1, &commands, 0), Ticks({1}));
}

}  // namespace
}  // namespace server
