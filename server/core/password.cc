#include "server/core/password.h"

#include <sodium.h>

#include <array>

namespace server {
namespace {

using Digest = std::array<unsigned char, crypto_generichash_BYTES>;

Digest DigestOf(std::string_view text) {
  Digest digest;
  crypto_generichash(digest.data(), digest.size(),
                     reinterpret_cast<const unsigned char*>(text.data()), text.size(), nullptr, 0);
  return digest;
}

}  // namespace

// Digests are compared rather than the texts so that not even the length shows.
bool PasswordsMatch(std::string_view given, std::string_view expected) {
  const Digest a = DigestOf(given);
  const Digest b = DigestOf(expected);
  return sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace server
