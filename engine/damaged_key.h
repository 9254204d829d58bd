// A key whose record in the store, or a part of it that the journal's effects need, cannot be read.
//
// It answers kCorruption to every command but DEL. What the journal says of it above the checkpoint
// is not lost: each turn's effects on it are kept as a record of family `system`, which the next
// checkpoint writes, and after that the key stays damaged whatever can be read of it. Owner:
// Keyspace. Thread: loop.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "engine/key_holder.h"
#include "engine/status.h"
#include "engine/types.h"

namespace engine {

class Core;
struct Database;

struct DamagedKey : KeyHolder {
  DamagedKey(uint32_t db, Uid value_uid, std::string name, std::string why)
      : KeyHolder(UnitKind::kDamagedKey, db, std::move(name)),
        uid(value_uid),
        reason(std::move(why)) {}

  Uid uid;  // 0: not known.
  const std::string reason;
  bool keeps_effects = false;  // It stays in memory: only the effects say that it is damaged.

  Status status() const { return Status(Code::kCorruption, reason); }
};

// Null for anything else.
inline DamagedKey* AsDamaged(KeyHolder* holder) {
  return holder == nullptr || holder->kind != UnitKind::kDamagedKey
             ? nullptr
             : static_cast<DamagedKey*>(holder);
}

// Streams and strings that recovery has found to be damaged, by (physical database, uid); why.
using KnownDamage = std::map<std::pair<uint32_t, Uid>, std::string>;

// Under a name that has nothing in memory.
DamagedKey& InstallDamagedKey(Core& core, Database& database, Uid uid, std::string_view key,
                              std::string reason);
// The key's records go as far as they are known; without the uid its parts stay behind. The key is
// gone when it returns.
void ApplyDamagedKeyDeleted(Core& core, DamagedKey& key);

// A turn's effects on a damaged key, as the store keeps them.
struct KeptEffects {
  uint32_t physical_db = 0;
  Uid uid = 0;
  Turn turn = 0;
  std::string key;
  std::string effects;  // A record of effects (engine/effects.h) on this key alone.
};
std::string KeptEffectsKey(uint32_t physical_db, Uid uid, Turn turn);
std::string KeptEffectsPrefix(uint32_t physical_db, Uid uid);
std::string EncodeKeptEffects(const KeptEffects& kept);
// Nothing when the record is malformed.
std::optional<KeptEffects> DecodeKeptEffects(std::string_view stored_key, std::string_view stored);

}  // namespace engine
