// Whether a client that does not read its replies has to go: `client-output-buffer-limit`.
//
// Owner: the connection, one tracker each. Thread: loop.
#pragma once

#include <cstddef>
#include <cstdint>

#include "server/core/settings.h"

namespace server {

class OutputLimitTracker {
 public:
  // True when a connection with `pending_bytes` of unsent replies breaks `limit`: above the hard
  // bound, or above the soft one at each look for its whole time. Look after output has grown and
  // once a second.
  bool Exceeded(size_t pending_bytes, const OutputLimit& limit, int64_t monotonic_ms);

 private:
  int64_t above_soft_since_ms_ = -1;  // Negative = is not above it.
};

}  // namespace server
