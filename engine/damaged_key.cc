#include "engine/damaged_key.h"

#include <memory>

#include "engine/checksum.h"
#include "engine/codec.h"
#include "engine/core.h"
#include "engine/schema.h"

namespace engine {
namespace {

constexpr uint8_t kKeptEffectsVersion = 1;
constexpr size_t kKeptEffectsKeyBytes = 1 + 4 + 8 + 8;

}  // namespace

DamagedKey& InstallDamagedKey(Core& core, Database& database, Uid uid, std::string_view key,
                              std::string reason) {
  core.Log(LogLevel::kError, "a key is damaged key=" + std::string(key) + " error=" + reason);
  auto holder =
      std::make_unique<DamagedKey>(database.physical, uid, std::string(key), std::move(reason));
  DamagedKey& damaged = *holder;
  core.cache.Add(&damaged, sizeof(DamagedKey) + key.size() + damaged.reason.size() + 64);
  database.holders.Add(std::move(holder));
  return damaged;
}

void ApplyDamagedKeyDeleted(Core& core, DamagedKey& key) {
  Database* const database = core.keyspace.ByPhysical(key.physical_db);
  ++core.changes_since_checkpoint;
  --database->key_count;
  core.checkpoint.DeleteLater(Family::kKeys, KeyRecordKey(key.physical_db, key.key));
  if (key.uid != 0) {
    const std::string prefix = StreamPrefix(key.physical_db, key.uid);
    for (const Family family : {Family::kBlocks, Family::kGroups, Family::kSide}) {
      core.checkpoint.DeleteRangeLater(family, prefix, PrefixEnd(prefix));
    }
    const std::string kept = KeptEffectsPrefix(key.physical_db, key.uid);
    core.checkpoint.DeleteRangeLater(Family::kSystem, kept, PrefixEnd(kept));
    std::erase_if(core.kept_effects, [&key](const KeptEffects& effects) {
      return effects.physical_db == key.physical_db && effects.uid == key.uid;
    });
  }
  auto missing = std::make_unique<MissingKey>(database->physical, key.key);
  missing->on_disk = true;
  missing->delete_checkpoint = core.checkpoint.next_number();
  core.cache.Add(missing.get(), sizeof(MissingKey) + key.key.size() + 64);
  database->changes[{ScanHash(key.key), key.key}] = {false, core.turn, KeyType::kNone, 0};
  database->last_delete_turn = core.turn;
  core.cache.Remove(&key);
  const std::unique_ptr<KeyHolder> gone = database->holders.Take(key.key);
  database->holders.Add(std::move(missing));
}

std::string KeptEffectsPrefix(uint32_t physical_db, Uid uid) {
  std::string out(1, kKeptEffectsTag);
  PutU32(&out, physical_db);
  PutU64(&out, uid);
  return out;
}

std::string KeptEffectsKey(uint32_t physical_db, Uid uid, Turn turn) {
  std::string out = KeptEffectsPrefix(physical_db, uid);
  PutU64(&out, turn);
  return out;
}

std::string EncodeKeptEffects(const KeptEffects& kept) {
  std::string out;
  PutU8(&out, kKeptEffectsVersion);
  PutString(&out, kept.key);
  PutString(&out, kept.effects);
  SealRecord(&out, 0);
  return out;
}

std::optional<KeptEffects> DecodeKeptEffects(std::string_view stored_key, std::string_view stored) {
  const std::optional<std::string_view> body = OpenRecord(stored);
  if (stored_key.size() != kKeptEffectsKeyBytes || !body.has_value()) {
    return std::nullopt;
  }
  KeptEffects kept;
  kept.physical_db = LoadU32(stored_key.data() + 1);
  kept.uid = LoadU64(stored_key.data() + 5);
  kept.turn = LoadU64(stored_key.data() + 13);
  Decoder decoder(*body);
  if (decoder.ReadU8() != kKeptEffectsVersion) {
    return std::nullopt;
  }
  kept.key = decoder.ReadString();
  kept.effects = decoder.ReadString();
  return decoder.AtEnd() ? std::optional(std::move(kept)) : std::nullopt;
}

}  // namespace engine
