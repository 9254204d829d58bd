// Glob patterns as the KEYS, SCAN and Pub/Sub family uses them: `*` any run of bytes, `?` one
// byte, `[abc]` `[a-c]` `[^a]` one byte of a class, `\x` the byte x itself. An unterminated class
// ends with the pattern. Bytes, not characters.
//
// Thread: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "resp/limits.h"

namespace resp {

enum class GlobCase : uint8_t {
  kSensitive,
  kAsciiInsensitive,
};

// Whether all of `text` matches. Uses constant memory and no recursion whatever the pattern, and
// gives up, answering false, after `max_steps` compared pattern elements: a hostile pattern costs
// bounded time.
bool GlobMatch(std::string_view pattern, std::string_view text,
               GlobCase letter_case = GlobCase::kSensitive, size_t max_steps = kMaxGlobSteps);

// Whether `text` can only match itself, so a look-up can replace a scan.
bool IsGlobLiteral(std::string_view pattern);

}  // namespace resp
