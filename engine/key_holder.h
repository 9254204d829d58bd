// What stands for a key name in memory: a value, or the knowledge that there is none; and how every
// record of a value in the store begins.
//
// Owner: Keyspace. Thread: loop. State changes only in engine/apply_key.cc.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "engine/codec.h"
#include "engine/schema.h"
#include "engine/types.h"
#include "engine/unit.h"

namespace engine {

struct KeyHolder : Unit {
  KeyHolder(UnitKind unit_kind, uint32_t db, std::string name)
      : Unit(unit_kind), physical_db(db), key(std::move(name)) {}

  const uint32_t physical_db;
  std::string key;  // Changes only while its database does not list it (RENAME).
};

// The key does not exist. Kept while the store still has a record of it (on_disk), and as long as
// the cache likes otherwise.
struct MissingKey : KeyHolder {
  MissingKey(uint32_t db, std::string name)
      : KeyHolder(UnitKind::kMissingKey, db, std::move(name)) {}

  uint64_t delete_checkpoint = 0;  // Number of the checkpoint that deletes the record, if on_disk.
};

// What a key of any type has beside its value.
struct ValueHolder : KeyHolder {
  ValueHolder(UnitKind unit_kind, uint32_t db, Uid value_uid, std::string name)
      : KeyHolder(unit_kind, db, std::move(name)), uid(value_uid) {}

  const Uid uid;
  int64_t expire_ms = 0;  // Unix time from which on the key is gone; 0 = never.

  // Not stored.
  Turn changed_turn = 0;         // Newest turn with an effect on it.
  int64_t used_ms = 0;           // See Core::LastUse().
  uint64_t named_in_record = 0;  // The record under construction that names this value...
  uint32_t record_index = 0;     // ...and the number it has there.

  bool ExpiredAt(int64_t unix_ms) const { return expire_ms != 0 && expire_ms <= unix_ms; }
};

// The value behind a holder; null for a MissingKey, a DamagedKey, and for null.
inline ValueHolder* AsValue(KeyHolder* holder) {
  return holder == nullptr || holder->kind == UnitKind::kMissingKey ||
                 holder->kind == UnitKind::kDamagedKey
             ? nullptr
             : static_cast<ValueHolder*>(holder);
}
KeyType TypeOf(const ValueHolder& value);

// The first bytes of every record in family `keys`.
struct KeyRecordHead {
  KeyRecordKind kind = KeyRecordKind::kStream;
  uint8_t version = 0;  // As read; the newest one is written.
  Uid uid = 0;
  int64_t expire_ms = 0;
};
void PutKeyRecordHead(std::string* out, const KeyRecordHead& head);
// Nothing when the kind or the version is not known, or bytes are missing.
std::optional<KeyRecordHead> ReadKeyRecordHead(Decoder* decoder);
KeyType TypeOf(KeyRecordKind kind);

}  // namespace engine
