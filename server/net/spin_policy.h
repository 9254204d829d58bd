// Whether it pays to look again for a moment before the loop falls asleep.
//
// To sleep and to be woken takes tens of microseconds, most of them on virtual processors; a client
// that goes on at once is back before. When it was not, a few times, sleeping is better for a
// while: the time belongs to others. Owner: EventLoop. Thread: its own.
#pragma once

#include <algorithm>
#include <cstdint>

namespace server {

class SpinPolicy {
 public:
  // For how long to look again: with 15 nothing is gained for a client that takes 100 entries and
  // asks for more, with 30 most, with 50 all (docs/performance.md).
  static constexpr int64_t kSpinMicros = 50;

  bool ShouldSpin() {
    if (rest_ == 0) return true;
    --rest_;
    return false;
  }
  // After each time that it should: whether something came in time.
  void Note(bool has_come) {
    if (has_come) {
      credit_ = std::min(credit_ + 1, kMaxCredit);
    } else if (credit_ >= kCost) {
      credit_ -= kCost;
    } else {
      credit_ = 0;
      rest_ = kRest;
    }
  }

 private:
  // Four of five times something must come.
  static constexpr int kCost = 4;
  static constexpr int kMaxCredit = 16;
  static constexpr int kRest = 64;

  int credit_ = 0;
  int rest_ = 0;  // Sleeps until the next trial.
};

}  // namespace server
