// Effects on keys of any type, on strings, and on whole databases.
#include <algorithm>
#include <utility>

#include "engine/apply.h"
#include "engine/apply_change.h"
#include "engine/check.h"
#include "engine/schema.h"

namespace engine {
namespace {

TimePlace PlaceOf(const ValueHolder& value) {
  return {value.expire_ms, value.physical_db, value.key};
}

Database& DatabaseOf(Core& core, const ValueHolder& value) {
  Database* database = core.keyspace.ByPhysical(value.physical_db);
  CHECK(database != nullptr);
  return *database;
}

// The value's expiry begins, or ceases, to count.
void ListExpiry(Core& core, Database& database, const ValueHolder& value) {
  database.CountExpiry(value.expire_ms, true);
  if (value.expire_ms != 0) {
    core.expiry_index.Add(PlaceOf(value));
  }
}

void UnlistExpiry(Core& core, Database& database, const ValueHolder& value) {
  database.CountExpiry(value.expire_ms, false);
  if (value.expire_ms != 0) {
    core.expiry_index.Remove(PlaceOf(value));
  }
}

void SetExpiry(Core& core, ValueHolder& value, int64_t expire_ms) {
  if (value.expire_ms == expire_ms) {
    return;
  }
  Database& database = DatabaseOf(core, value);
  UnlistExpiry(core, database, value);
  value.expire_ms = expire_ms;
  ListExpiry(core, database, value);
  core.checkpoint.Touch(value, 32 + value.key.size());  // What the index stores of it.
  const auto change = database.changes.find({ScanHash(value.key), value.key});
  if (change != database.changes.end()) {
    change->second.expire_ms = expire_ms;
  }
}

// Puts the value under its name, which is free, and says so to those who list names.
void ListValue(Core& core, Database& database, std::unique_ptr<ValueHolder> holder) {
  ValueHolder& value = *holder;
  value.on_disk = false;
  if (const std::unique_ptr<KeyHolder> missing = database.holders.Take(value.key)) {
    // The record of the key that was there is deleted by this or the next checkpoint: should this
    // value go before that, another delete does no harm.
    CHECK(missing->kind == UnitKind::kMissingKey);
    value.on_disk = missing->on_disk;
    core.cache.Remove(missing.get());
  }
  database.holders.Add(std::move(holder));
  database.changes[{ScanHash(value.key), value.key}] = {true, core.turn, TypeOf(value),
                                                        value.expire_ms};
  ListExpiry(core, database, value);
  if (value.kind == UnitKind::kStream) {
    core.ListDue(static_cast<const Stream&>(value));
  }
  Change(core, value, 0);
}

// Takes the value out of its database; the name is known to be missing then. Its frozen state, if
// any, is encoded, and its record deleted by the next checkpoint.
std::unique_ptr<ValueHolder> UnlistValue(Core& core, Database& database, ValueHolder& value) {
  core.checkpoint.Touch(value, 0);
  UnlistExpiry(core, database, value);
  if (value.kind == UnitKind::kStream) {
    core.UnlistDue(static_cast<const Stream&>(value));
  }
  std::unique_ptr<KeyHolder> holder = database.holders.Take(value.key);
  CHECK(holder != nullptr);
  auto missing = std::make_unique<MissingKey>(database.physical, value.key);
  missing->on_disk = value.on_disk;
  missing->delete_checkpoint = core.checkpoint.next_number();
  core.cache.Add(missing.get(), sizeof(MissingKey) + value.key.size() + 64);
  database.holders.Add(std::move(missing));
  database.changes[{ScanHash(value.key), value.key}] = {false, core.turn, KeyType::kNone, 0};
  database.last_delete_turn = core.turn;
  return std::unique_ptr<ValueHolder>(static_cast<ValueHolder*>(holder.release()));
}

void InstallNew(Core& core, Database& database, std::unique_ptr<ValueHolder> holder) {
  core.next_uid = std::max(core.next_uid, holder->uid + 1);
  ++database.key_count;
  ListValue(core, database, std::move(holder));
}

}  // namespace

Stream& InstallNewStream(Core& core, Database& database, Uid uid, std::string_view key) {
  auto holder = std::make_unique<Stream>(database.physical, uid, std::string(key));
  Stream& stream = *holder;
  stream.used_ms = core.time_line.last_store_ms();
  stream.totals = &database.totals;
  ++stream.totals->streams;
  core.cache.Add(&stream, stream.memory_bytes());
  core.keyspace.ListStream(stream);
  InstallNew(core, database, std::move(holder));
  return stream;
}

StringValue& InstallNewString(Core& core, Database& database, Uid uid, std::string_view key) {
  auto holder = std::make_unique<StringValue>(database.physical, uid, std::string(key));
  StringValue& value = *holder;
  value.used_ms = core.time_line.last_store_ms();
  core.cache.Add(&value, value.memory_bytes());
  InstallNew(core, database, std::move(holder));
  return value;
}

void Apply(Core& core, StringValue& value, const StringSet& effect) {
  // A value that is set again and again is written once.
  const size_t old_size = value.dirty() ? value.bytes.size() : 0;
  Change(core, value, effect.value.size() > old_size ? effect.value.size() - old_size : 0);
  value.bytes.assign(effect.value);
  if (value.bytes.capacity() > 2 * value.bytes.size() + 64) {
    value.bytes.shrink_to_fit();
  }
  value.referenced = true;
  core.cache.SetCharge(&value, value.memory_bytes());
  SetExpiry(core, value, effect.expire_ms);
}

void Apply(Core& core, ValueHolder& value, const ExpirySet& effect) {
  Change(core, value, 0);
  SetExpiry(core, value, effect.expire_ms);
}

void Apply(Core& core, ValueHolder& value, const KeyRenamed& effect) {
  Database& database = DatabaseOf(core, value);
  std::unique_ptr<ValueHolder> holder = UnlistValue(core, database, value);
  if (value.on_disk) {
    core.checkpoint.DeleteLater(Family::kKeys, KeyRecordKey(value.physical_db, value.key));
  }
  value.key = std::string(effect.key);
  if (value.kind == UnitKind::kStream) {
    static_cast<Stream&>(value).ForgetPolicies();  // Rules go by name.
  }
  value.pins = 0;  // Who pinned it did so under the old name and will look for that.
  ListValue(core, database, std::move(holder));
}

void ApplyKeyDeleted(Core& core, ValueHolder& value) {
  Database& database = DatabaseOf(core, value);
  ++core.changes_since_checkpoint;
  --database.key_count;
  if (value.kind == UnitKind::kStream) {
    const auto& stream = static_cast<const Stream&>(value);
    stream.totals->Subtract(TotalsOf(stream));
  }
  core.RetireHolder(UnlistValue(core, database, value), Core::RecordsOf::kDeletedSingly);
}

void Apply(Core& core, const DatabaseFlushed& effect) {
  std::unique_ptr<Database>& slot = core.keyspace.slot(effect.database);
  std::unique_ptr<Database> old =
      std::exchange(slot, std::make_unique<Database>(effect.new_physical));
  slot->last_delete_turn = core.turn;
  slot->shown_turn = core.turn;
  core.next_physical = std::max(core.next_physical, effect.new_physical + 1);
  const bool anything_stored = old->stored_key_count > 0 || core.checkpoint.running();
  core.RetireDatabase(std::move(old), anything_stored);
  ++core.changes_since_checkpoint;
}

void Apply(Core& core, const DatabasesSwapped& effect) {
  std::swap(core.keyspace.slot(effect.first), core.keyspace.slot(effect.second));
  core.keyspace.at(effect.first).shown_turn = core.turn;
  core.keyspace.at(effect.second).shown_turn = core.turn;
  ++core.changes_since_checkpoint;
}

void Apply(Core& core, const ClockStepped& effect) { core.time_line.SetOffset(effect.offset_ms); }

}  // namespace engine
