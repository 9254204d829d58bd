#include "engine/time_line.h"

#include <algorithm>

namespace engine {

void TimeLine::Restore(int64_t last_store_ms, int64_t offset_ms, int64_t unix_ms) {
  offset_ms_ = offset_ms;
  last_store_ms_ = std::max(last_store_ms, unix_ms - offset_ms);
  base_ms_.reset();
}

Now TimeLine::At(int64_t unix_ms, int64_t monotonic_ms) {
  if (!base_ms_.has_value()) {
    // Opening the store took its time.
    last_store_ms_ = std::max(last_store_ms_, unix_ms - offset_ms_);
    base_ms_ = last_store_ms_ - monotonic_ms;
  }
  last_store_ms_ = std::max(last_store_ms_, *base_ms_ + monotonic_ms);
  return {unix_ms, last_store_ms_};
}

std::optional<int64_t> TimeLine::SteppedOffset(Now now) const {
  const int64_t offset = now.unix_ms - now.store_ms;
  const int64_t difference = offset - offset_ms_;
  if (difference < kStepMs && difference > -kStepMs) {
    return std::nullopt;
  }
  return offset;
}

}  // namespace engine
