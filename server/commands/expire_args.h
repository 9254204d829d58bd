// Times at which keys go, as commands give them: EX, PX, EXAT, PXAT and their like, with the checks
// and the errors that all of them share.
//
// Thread: any.
#pragma once

#include <cstdint>
#include <string_view>

#include "server/core/error_reply.h"

namespace server {

enum class TimeForm : uint8_t { kSeconds, kMilliseconds, kUnixSeconds, kUnixMilliseconds };

// A time of any sign, in Unix milliseconds: EXPIRE and its family. `command` is named in the error.
Outcome ReadExpiry(std::string_view text, TimeForm form, int64_t now_ms, std::string_view command,
                   int64_t* expire_ms);
// The same, above zero: SET and its family.
Outcome ReadPositiveExpiry(std::string_view text, TimeForm form, int64_t now_ms,
                           std::string_view command, int64_t* expire_ms);

}  // namespace server
