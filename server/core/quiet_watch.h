// Tells when a server is quiet: the time for work that would hold up commands. Owner: Server.
// Thread: loop.
#pragma once

#include <cstdint>

namespace server {

class QuietWatch {
 public:
  // To be called each tick with the number of commands so far. True when kQuietTicks in a row have
  // had no more than kQuietCommands each, and as long as that goes on each kAgainTicks.
  bool Tick(uint64_t commands) {
    // Fewer than before: they are counted anew (CONFIG RESETSTAT), which says nothing.
    const bool is_busy = commands >= commands_ && commands - commands_ > kQuietCommands;
    commands_ = commands;
    quiet_ticks_ = is_busy ? 0 : quiet_ticks_ + 1;
    is_quiet_ = is_quiet_ && !is_busy;
    if (quiet_ticks_ < kQuietTicks) return false;
    is_quiet_ = true;
    quiet_ticks_ -= kAgainTicks;
    return true;
  }

  // At first, and after Tick has said so, until a tick has more commands.
  bool is_quiet() const { return is_quiet_; }

  // 30 and 10 seconds: see server/server_turn.cc.
  static constexpr int kQuietTicks = 300;
  static constexpr int kAgainTicks = 100;
  static constexpr uint64_t kQuietCommands = 10;

 private:
  uint64_t commands_ = 0;
  int quiet_ticks_ = 0;
  bool is_quiet_ = true;
};

}  // namespace server
