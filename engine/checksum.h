// The checksum of everything on disk: the low 32 bits of XXH3-64. Part of the disk format. Thread:
// any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace engine {

// `seed` ties bytes to a place (a key), so that a value found under another key does not pass.
uint32_t Checksum32(std::string_view bytes, uint64_t seed = 0);

// Ends a record that began at `begin` of `out` with the checksum of its bytes.
void SealRecord(std::string* out, size_t begin);
// The record without its checksum; nothing if it does not match.
std::optional<std::string_view> OpenRecord(std::string_view stored);

}  // namespace engine
