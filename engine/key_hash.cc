#include "engine/key_hash.h"

#include <sodium.h>
#include <xxhash.h>

#include <algorithm>
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

void NameHashes::Set(std::span<const std::string_view> names) {
  size_ = std::min(names.size(), kLookaheadNames);
  next_ = 0;
  for (size_t i = 0; i < size_; ++i) {
    names_[i] = {names[i], KeyedHash()(names[i])};
  }
}

size_t NameHashes::Of(std::string_view name) {
  for (size_t i = next_; i < std::min(next_ + 2, size_); ++i) {
    if (names_[i].name.data() == name.data() && names_[i].name.size() == name.size()) {
      next_ = i + 1;
      return names_[i].hash;
    }
  }
  return KeyedHash()(name);
}

}  // namespace engine
