#include "server/core/password.h"

#include <sodium.h>

#include <array>
#include <vector>

namespace server {
namespace {

constexpr size_t kDigitsPerByte = 2;

std::string HexOf(const unsigned char* bytes, size_t count) {
  std::string text(count * kDigitsPerByte + 1, '\0');
  sodium_bin2hex(text.data(), text.size(), bytes, count);
  text.pop_back();  // The zero.
  return text;
}

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

std::string Sha256Hex(std::string_view text) {
  std::array<unsigned char, crypto_hash_sha256_BYTES> digest;
  crypto_hash_sha256(digest.data(), reinterpret_cast<const unsigned char*>(text.data()),
                     text.size());
  return HexOf(digest.data(), digest.size());
}

std::string RandomHex(size_t digits) {
  std::vector<unsigned char> bytes((digits + 1) / kDigitsPerByte);
  randombytes_buf(bytes.data(), bytes.size());
  return HexOf(bytes.data(), bytes.size()).substr(0, digits);
}

}  // namespace server
