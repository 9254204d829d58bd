// A clock that only moves when a test moves it. Thread: one.
#pragma once

#include <cstdint>

#include "server/core/clock.h"

namespace tests {

class FakeClock : public server::Clock {
 public:
  int64_t UnixMicros() override { return unix_us_; }
  int64_t MonotonicMicros() override { return monotonic_us_; }

  void Sleep(int64_t micros) override {
    unix_us_ += micros;
    monotonic_us_ += micros;
  }

  void AdvanceMs(int64_t ms) {
    unix_us_ += ms * 1000;
    monotonic_us_ += ms * 1000;
  }
  // The wall clock alone is set.
  void StepWallMs(int64_t ms) { unix_us_ += ms * 1000; }

 private:
  int64_t unix_us_ = 1'700'000'000'000'000;
  int64_t monotonic_us_ = 1'000'000;
};

}  // namespace tests
