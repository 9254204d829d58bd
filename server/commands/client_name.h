// What may be the name of a connection or of a client library.
//
// Thread: any.
#pragma once

#include <algorithm>
#include <string_view>

namespace server {

// Printable ASCII without blanks, so that a line of CLIENT LIST can be split. Empty is fine.
inline bool IsValidClientName(std::string_view name) {
  return std::ranges::all_of(name, [](char c) { return c >= '!' && c <= '~'; });
}

}  // namespace server
