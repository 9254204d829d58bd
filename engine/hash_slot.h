// Hash slots of keys, as clients of a cluster compute them. Thread: any.
#pragma once

#include <cstdint>
#include <string_view>

namespace engine {

// What of a key is hashed: the part between the first `{` and the next `}`, if it is not empty;
// else all of it.
std::string_view HashTag(std::string_view key);
// CRC-16/XMODEM of that part, modulo 16384.
uint16_t HashSlot(std::string_view key);

}  // namespace engine
