// Tells when a server that was busy has become quiet: the time for work that would hold up
// commands. Owner: Server. Thread: loop.
#pragma once

#include <cstdint>

namespace server {

class QuietWatch {
 public:
  // To be called each tick with the number of commands so far. True once after each busy time, its
  // beginning included, when kQuietTicks in a row have had no more than kQuietCommands.
  bool Tick(uint64_t commands) {
    // Fewer than before: they are counted anew (CONFIG RESETSTAT), which says nothing.
    const bool is_busy = commands >= commands_ && commands - commands_ > kQuietCommands;
    commands_ = commands;
    was_busy_ |= is_busy;
    quiet_ticks_ = is_busy ? 0 : quiet_ticks_ + 1;
    if (!was_busy_ || quiet_ticks_ < kQuietTicks) return false;
    was_busy_ = false;
    return true;
  }

  // 30 seconds: see server/server_turn.cc.
  static constexpr int kQuietTicks = 300;
  static constexpr uint64_t kQuietCommands = 10;

 private:
  uint64_t commands_ = 0;
  int64_t quiet_ticks_ = 0;
  bool was_busy_ = true;
};

}  // namespace server
