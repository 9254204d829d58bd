#include "engine/string_value.h"

#include <optional>

#include "engine/checksum.h"
#include "engine/codec.h"

namespace engine {

void EncodeString(const StringValue& value, std::string* out) {
  const size_t begin = out->size();
  out->reserve(begin + value.bytes.size() + 64);
  PutKeyRecordHead(out, {.kind = KeyRecordKind::kString,
                         .version = 0,
                         .uid = value.uid,
                         .expire_ms = value.expire_ms});
  PutString(out, value.bytes);
  SealRecord(out, begin);
}

Result<std::unique_ptr<StringValue>> DecodeString(uint32_t physical_db, std::string_view key,
                                                  std::string_view stored) {
  const Status damaged(Code::kCorruption, "string record is damaged");
  const std::optional<std::string_view> body = OpenRecord(stored);
  if (!body.has_value()) {
    return damaged;
  }
  Decoder decoder(*body);
  const std::optional<KeyRecordHead> head = ReadKeyRecordHead(&decoder);
  if (!head.has_value() || head->kind != KeyRecordKind::kString) {
    return Status(Code::kCorruption, "key record of an unknown kind or version");
  }
  auto value = std::make_unique<StringValue>(physical_db, head->uid, std::string(key));
  value->expire_ms = head->expire_ms;
  value->bytes = decoder.ReadString();
  if (!decoder.AtEnd()) {
    return damaged;
  }
  value->on_disk = true;
  return value;
}

}  // namespace engine
