// A string under a key: one record in family `keys`, whole in memory or not at all.
//
// Owner: Keyspace. Thread: loop. State changes only in engine/apply_key.cc.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "engine/key_holder.h"
#include "engine/status.h"

namespace engine {

class StringValue : public ValueHolder {
 public:
  StringValue(uint32_t db, Uid value_uid, std::string name)
      : ValueHolder(UnitKind::kString, db, value_uid, std::move(name)) {}

  std::string bytes;

  size_t memory_bytes() const { return sizeof(StringValue) + key.size() + bytes.size() + 64; }
};

// The record under KeyRecordKey.
void EncodeString(const StringValue& value, std::string* out);
Result<std::unique_ptr<StringValue>> DecodeString(uint32_t physical_db, std::string_view key,
                                                  std::string_view stored);

}  // namespace engine
