#include "engine/checksum.h"

#include "engine/codec.h"
#include "engine/xxh3.h"

namespace engine {

uint32_t Checksum32(std::string_view bytes, uint64_t seed) {
  return static_cast<uint32_t>(XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed));
}

void SealRecord(std::string* out, size_t begin) {
  PutU32(out, Checksum32(std::string_view(*out).substr(begin)));
}

std::optional<std::string_view> OpenRecord(std::string_view stored) {
  constexpr size_t kChecksumBytes = 4;
  if (stored.size() < kChecksumBytes) {
    return std::nullopt;
  }
  const std::string_view body = stored.substr(0, stored.size() - kChecksumBytes);
  if (LoadU32(stored.data() + body.size()) != Checksum32(body)) {
    return std::nullopt;
  }
  return body;
}

}  // namespace engine
