#include "server/commands/expire_args.h"

#include <limits>
#include <optional>

#include "server/core/args.h"

namespace server {

Outcome ReadExpiry(std::string_view text, TimeForm form, int64_t now_ms, std::string_view command,
                   int64_t* expire_ms) {
  constexpr int64_t kMillisPerSecond = 1000;
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
  const std::optional<int64_t> number = ParseInteger(text);
  if (!number) return Error::kNotInteger;
  int64_t value = *number;
  if (form == TimeForm::kSeconds || form == TimeForm::kUnixSeconds) {
    if (value > kMax / kMillisPerSecond || value < kMin / kMillisPerSecond) {
      return {Error::kInvalidExpireTime, {command}};
    }
    value *= kMillisPerSecond;
  }
  if (form == TimeForm::kSeconds || form == TimeForm::kMilliseconds) {
    if (value > kMax - now_ms) return {Error::kInvalidExpireTime, {command}};
    value += now_ms;
  }
  *expire_ms = value;
  return Done();
}

Outcome ReadPositiveExpiry(std::string_view text, TimeForm form, int64_t now_ms,
                           std::string_view command, int64_t* expire_ms) {
  const std::optional<int64_t> number = ParseInteger(text);
  if (number && *number <= 0) return {Error::kInvalidExpireTime, {command}};
  return ReadExpiry(text, form, now_ms, command, expire_ms);
}

}  // namespace server
