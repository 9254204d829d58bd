#include "engine/checksum.h"

#include <xxhash.h>

namespace engine {

uint32_t Checksum32(std::string_view bytes, uint64_t seed) {
  return static_cast<uint32_t>(XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed));
}

}  // namespace engine
