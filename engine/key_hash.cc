#include "engine/key_hash.h"

#include <sodium.h>
#include <xxhash.h>

#include <array>
#include <cstring>

#include "engine/check.h"

namespace engine {
namespace {

using SipKey = std::array<unsigned char, crypto_shorthash_KEYBYTES>;

SipKey DrawKey() {
  CHECK(sodium_init() >= 0);
  SipKey key;
  crypto_shorthash_keygen(key.data());
  return key;
}

}  // namespace

uint64_t Hash64(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

size_t KeyedHash::operator()(std::string_view bytes) const {
  static const SipKey key = DrawKey();
  unsigned char out[crypto_shorthash_BYTES];
  crypto_shorthash(out, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                   key.data());
  size_t hash = 0;
  std::memcpy(&hash, out, sizeof(hash));
  return hash;
}

}  // namespace engine
