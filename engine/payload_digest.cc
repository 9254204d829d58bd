#include "engine/payload_digest.h"

#include <xxhash.h>

#include <cstddef>
#include <cstdint>

#include "engine/check.h"
#include "engine/codec.h"

namespace engine {
namespace {

// Lengths are hashed with the bytes, so that no two pairs run together to the same ones.
XXH128_hash_t DigestPair(std::string_view field, std::string_view value, std::string* scratch) {
  scratch->clear();
  PutU64(scratch, field.size());
  PutU64(scratch, value.size());
  scratch->append(field);
  scratch->append(value);
  return XXH3_128bits(scratch->data(), scratch->size());
}

}  // namespace

std::string PayloadDigest(std::span<const std::string_view> fields_and_values) {
  CHECK(fields_and_values.size() % 2 == 0);
  // Sums, unlike exclusive or, tell one pair from the same pair three times.
  uint64_t sum_high = 0;
  uint64_t sum_low = 0;
  std::string scratch;
  for (size_t i = 0; i < fields_and_values.size(); i += 2) {
    const XXH128_hash_t digest =
        DigestPair(fields_and_values[i], fields_and_values[i + 1], &scratch);
    sum_high += digest.high64;
    sum_low += digest.low64;
  }
  scratch.clear();
  PutU64(&scratch, sum_high);
  PutU64(&scratch, sum_low);
  PutU64(&scratch, fields_and_values.size() / 2);
  const XXH128_hash_t digest = XXH3_128bits(scratch.data(), scratch.size());
  std::string out;
  PutU64(&out, digest.high64);
  PutU64(&out, digest.low64);
  return out;
}

}  // namespace engine
