// Time as the server reads it. SystemClock is the only reader of real time; tests pass their own.
//
// Wall time is for ids and for times that clients see; monotonic time for time-outs and durations.
// Owner: main. Thread: any.
#pragma once

#include <cstdint>

namespace server {

class Clock {
 public:
  virtual ~Clock() = default;

  virtual int64_t UnixMicros() = 0;
  // From an arbitrary start; never goes back.
  virtual int64_t MonotonicMicros() = 0;
  // The thread does nothing for so long.
  virtual void Sleep(int64_t micros) = 0;

  int64_t UnixMs() { return UnixMicros() / 1000; }
  int64_t MonotonicMs() { return MonotonicMicros() / 1000; }
};

class SystemClock : public Clock {
 public:
  int64_t UnixMicros() override;
  int64_t MonotonicMicros() override;
  void Sleep(int64_t micros) override;
};

// One point in time on both lines.
struct Instant {
  int64_t unix_us = 0;
  int64_t monotonic_us = 0;
};

// The time of one command after another for one reading of the clock each: between two calls of
// Start the wall clock is taken to run as the monotonic one does. A step of the wall clock is seen
// at the next Start. Thread: loop.
class CommandTimer {
 public:
  explicit CommandTimer(Clock& clock) : clock_(clock) { Start(); }

  // Reads both clocks.
  const Instant& Start();
  // Reads the monotonic clock and moves on to it; the microseconds since the reading before.
  int64_t Advance();
  // The last reading.
  const Instant& now() const { return now_; }

 private:
  Clock& clock_;
  Instant now_;
};

}  // namespace server
