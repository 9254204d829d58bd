// The store's own time: milliseconds that never go back, whatever the system clock does.
//
// Within a run it follows the monotonic clock; across restarts the wall clock carries it on. It
// starts as Unix time when the store is created; `offset` says how far Unix time has moved away
// since. A small difference is left alone (it only shows in displayed times); a step of the system
// clock becomes a new offset, which is an effect. Owner: Core. Thread: loop.
#pragma once

#include <cstdint>
#include <optional>

#include "engine/types.h"

namespace engine {

class TimeLine {
 public:
  // Difference between system clock and store time that counts as a step.
  static constexpr int64_t kStepMs = 1000;

  // At start: what the store recorded last, and the wall clock now.
  void Restore(int64_t last_store_ms, int64_t offset_ms, int64_t unix_ms);
  // During replay: what the record says.
  void SetOffset(int64_t offset_ms) { offset_ms_ = offset_ms; }

  Now At(int64_t unix_ms, int64_t monotonic_ms);
  // The new offset when the system clock has been stepped since.
  std::optional<int64_t> SteppedOffset(Now now) const;

  int64_t offset_ms() const { return offset_ms_; }
  int64_t last_store_ms() const { return last_store_ms_; }
  int64_t ToUnixMs(int64_t store_ms) const { return store_ms + offset_ms_; }

 private:
  int64_t offset_ms_ = 0;
  int64_t last_store_ms_ = 0;
  std::optional<int64_t> base_ms_;  // Store time minus monotonic time in this run.
};

}  // namespace engine
