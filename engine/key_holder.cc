#include "engine/key_holder.h"

#include <limits>

namespace engine {
namespace {

// Of each kind, the newest version. Streams of version 1 have no expiry, no newest hole and no
// idempotency table, those of version 2 no policy.
constexpr uint8_t kStreamVersion = 3;
constexpr uint8_t kStringVersion = 1;
constexpr uint8_t kStreamVersionWithoutExpiry = 1;

uint8_t NewestVersion(KeyRecordKind kind) {
  return kind == KeyRecordKind::kStream ? kStreamVersion : kStringVersion;
}

}  // namespace

KeyType TypeOf(const ValueHolder& value) {
  return value.kind == UnitKind::kStream ? KeyType::kStream : KeyType::kString;
}

KeyType TypeOf(KeyRecordKind kind) {
  return kind == KeyRecordKind::kStream ? KeyType::kStream : KeyType::kString;
}

void PutKeyRecordHead(std::string* out, const KeyRecordHead& head) {
  PutU8(out, static_cast<uint8_t>(head.kind));
  PutU8(out, NewestVersion(head.kind));
  PutVarint(out, head.uid);
  PutVarint(out, static_cast<uint64_t>(head.expire_ms));
}

std::optional<KeyRecordHead> ReadKeyRecordHead(Decoder* decoder) {
  KeyRecordHead head;
  const uint8_t kind = decoder->ReadU8();
  if (kind != static_cast<uint8_t>(KeyRecordKind::kStream) &&
      kind != static_cast<uint8_t>(KeyRecordKind::kString)) {
    return std::nullopt;
  }
  head.kind = static_cast<KeyRecordKind>(kind);
  head.version = decoder->ReadU8();
  const bool is_old_stream =
      head.kind == KeyRecordKind::kStream && head.version == kStreamVersionWithoutExpiry;
  if (head.version == 0 || head.version > NewestVersion(head.kind)) {
    return std::nullopt;
  }
  head.uid = decoder->ReadVarint();
  const uint64_t expire_ms = is_old_stream ? 0 : decoder->ReadVarint();
  if (!decoder->ok() || expire_ms > std::numeric_limits<int64_t>::max()) {
    return std::nullopt;
  }
  head.expire_ms = static_cast<int64_t>(expire_ms);
  return head;
}

}  // namespace engine
