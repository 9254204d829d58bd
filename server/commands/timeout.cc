#include "server/commands/timeout.h"

#include <limits>
#include <optional>

#include "server/core/args.h"

namespace server {

Outcome ReadTimeout(std::string_view text, int64_t now_unix_ms, int64_t* timeout_ms) {
  const std::optional<int64_t> value = ParseInteger(text);
  if (!value) return Error::kTimeoutNotInteger;
  if (*value < 0) return Error::kTimeoutNegative;
  if (*value > std::numeric_limits<int64_t>::max() - now_unix_ms) {
    return Error::kTimeoutOutOfRange;
  }
  *timeout_ms = *value;
  return Done();
}

}  // namespace server
