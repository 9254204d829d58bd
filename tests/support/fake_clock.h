// A clock that only moves when a test moves it. Thread: one.
#pragma once

#include <cstdint>

#include "server/core/clock.h"

namespace tests {

class FakeClock : public server::Clock {
 public:
  int64_t UnixMicros() override {
    unix_us_ += micros_per_reading_;
    return unix_us_;
  }
  int64_t MonotonicMicros() override {
    monotonic_us_ += micros_per_reading_;
    return monotonic_us_;
  }

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
  // Time passes with each look at the clock.
  void set_micros_per_reading(int64_t micros) { micros_per_reading_ = micros; }

 private:
  int64_t micros_per_reading_ = 0;
  int64_t unix_us_ = 1'700'000'000'000'000;
  int64_t monotonic_us_ = 1'000'000;
};

}  // namespace tests
