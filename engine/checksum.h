// The checksum of everything on disk: the low 32 bits of XXH3-64. Part of the disk format. Thread:
// any.
#pragma once

#include <cstdint>
#include <string_view>

namespace engine {

// `seed` ties bytes to a place (a key), so that a value found under another key does not pass.
uint32_t Checksum32(std::string_view bytes, uint64_t seed = 0);

}  // namespace engine
