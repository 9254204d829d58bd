#include "server/core/quiet_watch.h"

#include <gtest/gtest.h>

namespace server {
namespace {

// The tick, counted from 1, that says it is quiet; 0: none of `ticks`.
int QuietAt(QuietWatch* watch, int ticks, uint64_t* commands, uint64_t per_tick) {
  int quiet_at = 0;
  for (int tick = 1; tick <= ticks; ++tick) {
    *commands += per_tick;
    if (!watch->Tick(*commands)) continue;
    EXPECT_EQ(quiet_at, 0);
    quiet_at = tick;
  }
  return quiet_at;
}

TEST(QuietWatch, TellsOnceAfterTheStartAndAfterEachBusyTime) {
  QuietWatch watch;
  uint64_t commands = 0;
  constexpr int kLong = 3 * QuietWatch::kQuietTicks;
  EXPECT_EQ(QuietAt(&watch, kLong, &commands, 0), QuietWatch::kQuietTicks);
  EXPECT_EQ(QuietAt(&watch, kLong, &commands, QuietWatch::kQuietCommands + 1), 0);
  EXPECT_EQ(QuietAt(&watch, kLong, &commands, QuietWatch::kQuietCommands), QuietWatch::kQuietTicks);
  EXPECT_EQ(QuietAt(&watch, kLong, &commands, 1), 0);
}

TEST(QuietWatch, ABusyTickStartsTheWaitAnew) {
  QuietWatch watch;
  uint64_t commands = 0;
  EXPECT_EQ(QuietAt(&watch, QuietWatch::kQuietTicks - 1, &commands, 0), 0);
  EXPECT_EQ(QuietAt(&watch, 1, &commands, 1000), 0);
  EXPECT_EQ(QuietAt(&watch, QuietWatch::kQuietTicks - 1, &commands, 0), 0);
  EXPECT_EQ(QuietAt(&watch, 1, &commands, 0), 1);
}

TEST(QuietWatch, CountingAnewIsNotBusy) {
  QuietWatch watch;
  uint64_t commands = 1'000'000;
  EXPECT_EQ(QuietAt(&watch, QuietWatch::kQuietTicks, &commands, 11), 0);
  EXPECT_EQ(QuietAt(&watch, QuietWatch::kQuietTicks, &commands, 0), QuietWatch::kQuietTicks);
  commands = 0;
  EXPECT_EQ(QuietAt(&watch, 2 * QuietWatch::kQuietTicks, &commands, 0), 0);
}

}  // namespace
}  // namespace server
