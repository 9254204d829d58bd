// The time-out argument of commands that wait: BLOCK, CLIENT PAUSE, WAIT.
//
// Thread: any.
#pragma once

#include <cstdint>
#include <string_view>

#include "server/core/error_reply.h"

namespace server {

// Milliseconds, not negative. `now_unix_ms` bounds them: the moment the wait ends must be a time.
Outcome ReadTimeout(std::string_view text, int64_t now_unix_ms, int64_t* timeout_ms);

}  // namespace server
