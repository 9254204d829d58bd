#include "server/core/output_limits.h"

namespace server {

bool OutputLimitTracker::Exceeded(size_t pending_bytes, const OutputLimit& limit,
                                  int64_t monotonic_ms) {
  const int64_t pending = static_cast<int64_t>(pending_bytes);
  if (limit.hard_bytes > 0 && pending > limit.hard_bytes) return true;
  if (limit.soft_bytes <= 0 || pending <= limit.soft_bytes) {
    above_soft_since_ms_ = -1;
    return false;
  }
  if (above_soft_since_ms_ < 0) above_soft_since_ms_ = monotonic_ms;
  return monotonic_ms - above_soft_since_ms_ > limit.soft_seconds * 1000;
}

}  // namespace server
