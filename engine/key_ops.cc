// Engine calls on keys and databases.
#include <algorithm>

#include "engine/apply.h"
#include "engine/check.h"
#include "engine/engine.h"
#include "engine/key_scan.h"
#include "engine/limits.h"
#include "engine/schema.h"

namespace engine {
namespace {

// What an entry and a pending record take beside their bytes, about.
constexpr uint64_t kEntryOverhead = 12;
constexpr uint64_t kPendingOverhead = 40;

// The newest turn that may have changed what a listing of a database shows.
Turn NewestTurn(const Core& core) {
  return core.recorder.has_hard_effects() ? core.turn : core.turn - 1;
}

Result<const ScanPage*> NeedScan(Core& core, Op& op, const Database& database, uint64_t from,
                                 int64_t count, std::string_view pattern) {
  const auto matches = [&](const ScanPage* page) {
    return page != nullptr && page->physical_db == database.physical && page->from == from &&
           page->pattern == pattern;
  };
  if (op.pins != nullptr && matches(op.pins->scan.get())) {
    return op.pins->scan.get();
  }
  LoadItem item;
  item.kind = LoadItem::Kind::kScan;
  item.physical_db = database.physical;
  item.key = std::string(pattern);
  item.scan_from = from;
  item.scan_count = count;
  op.needs.push_back(std::move(item));
  RETURN_IF_ERROR(core.CheckLoaded(op));
  CHECK(op.pins != nullptr && op.pins->scan != nullptr);
  return op.pins->scan.get();
}

// Whether a listing shows the key: what memory knows of it is newer than `stored`.
bool IsListed(const Op& op, Database& database, std::string_view key, std::optional<KeyType> wanted,
              KeyType stored_type, int64_t stored_expire_ms) {
  const ValueHolder* value = AsValue(Keyspace::Find(database, key));
  const KeyType type = value != nullptr ? TypeOf(*value) : stored_type;
  const int64_t expire_ms = value != nullptr ? value->expire_ms : stored_expire_ms;
  const bool is_expired = expire_ms != 0 && expire_ms <= op.now.unix_ms;
  return !is_expired && (!wanted.has_value() || type == *wanted);
}

// Where a step over `database.changes` from `from` ends: after `count` keys, between two hashes.
// Nothing when it reaches the end.
std::optional<uint64_t> StepEnd(const Database& database, uint64_t from, int64_t count) {
  int64_t seen = 0;
  uint64_t last_hash = 0;
  for (auto it = database.changes.lower_bound({from, std::string()}); it != database.changes.end();
       ++it) {
    if (seen >= count && it->first.first != last_hash) {
      return it->first.first;
    }
    ++seen;
    last_hash = it->first.first;
  }
  return std::nullopt;
}

// Damaged ones count as loaded.
Status RequireKeys(Core& core, Op& op, std::span<const std::string_view> keys) {
  for (const std::string_view key : keys) {
    const Result<ValueHolder*> found = core.FindHolder(op, key);
    const bool may_go = found.ok() || found.code() == Code::kNotFound ||
                        found.code() == Code::kNotLoaded || found.code() == Code::kCorruption;
    if (!may_go) {
      return found.status();
    }
  }
  return core.CheckLoaded(op);
}

void EmitDamagedKeyDeleted(Core& core, uint32_t db, std::string_view key) {
  DamagedKey* damaged = AsDamaged(Keyspace::Find(core.keyspace.at(db), key));
  CHECK(damaged != nullptr);
  core.recorder.AddKeyDeleted(
      core.recorder.NameStream({damaged->physical_db, damaged->uid, damaged->key}));
  ApplyDamagedKeyDeleted(core, *damaged);
}

}  // namespace

Result<Stream*> Engine::OpenStream(Op& op, std::string_view key) {
  return core_->FindStream(op, key);
}

Result<KeyType> Engine::TypeOf(Op& op, std::string_view key) {
  const Result<ValueHolder*> value = core_->FindHolder(op, key);
  if (value.ok()) {
    return engine::TypeOf(**value);
  }
  if (value.code() == Code::kNotFound) {
    return KeyType::kNone;
  }
  return value.status();
}

Result<KeyInfo> Engine::Describe(Op& op, std::string_view key) {
  const Result<ValueHolder*> found = core_->LookAt(op, op.db, key);
  if (!found.ok()) {
    return found.code() == Code::kNotFound ? Result<KeyInfo>(KeyInfo()) : found.status();
  }
  const ValueHolder& value = **found;
  KeyInfo info;
  info.type = engine::TypeOf(value);
  info.expire_ms = value.expire_ms;
  info.idle_ms = std::max<int64_t>(op.now.store_ms - core_->LastUse(value), 0);
  if (value.kind == UnitKind::kString) {
    const auto& string = static_cast<const StringValue&>(value);
    info.memory_bytes = string.memory_bytes();
    info.text = string.bytes;
    return info;
  }
  const auto& stream = static_cast<const Stream&>(value);
  info.memory_bytes = stream.memory_bytes() + stream.data_bytes + stream.length * kEntryOverhead;
  if (stream.schedule != nullptr) {
    info.memory_bytes +=
        stream.schedule->payload_bytes() + stream.schedule->count() * kEntryOverhead;
  }
  for (const Group* group : stream.groups_by_number) {
    info.memory_bytes += static_cast<uint64_t>(group->pending_count) * kPendingOverhead;
  }
  return info;
}

Result<int64_t> Engine::DeleteKeys(Op& op, std::span<const std::string_view> keys,
                                   std::vector<std::string_view>* deleted) {
  RETURN_IF_ERROR(RequireKeys(*core_, op, keys));
  int64_t count = 0;
  for (const std::string_view key : keys) {
    const Result<ValueHolder*> found = core_->FindHolder(op, key);
    if (!found.ok() && found.code() == Code::kCorruption) {
      EmitDamagedKeyDeleted(*core_, op.db, key);
      ++count;
      if (deleted != nullptr) {
        deleted->push_back(key);
      }
      continue;
    }
    if (!found.ok()) {
      continue;  // All are in memory: it does not exist, or a key named twice has gone.
    }
    EmitKeyDeleted(*core_, **found);
    ++count;
    if (deleted != nullptr) {
      deleted->push_back(key);
    }
  }
  op.seen_turn = std::max(op.seen_turn, core_->keyspace.at(op.db).last_delete_turn);
  return count;
}

int64_t Engine::KeyCount(Op& op) {
  op.seen_turn = std::max(op.seen_turn, NewestTurn(*core_));
  return KeyCountOf(op.db);
}

int64_t Engine::KeyCountOf(uint32_t db) const {
  return static_cast<int64_t>(core_->keyspace.at(db).key_count);
}

Result<ScanResult> ScanKeys(Core& core, Op& op, uint64_t cursor, int64_t count,
                            std::string_view pattern, std::optional<KeyType> type) {
  Database& database = core.keyspace.at(op.db);
  op.seen_turn = std::max(op.seen_turn, NewestTurn(core));
  count = std::min(count, kMaxScanCount);
  ScanPage none;
  none.at_end = true;
  const ScanPage* page = &none;
  if (database.stored_key_count > 0) {
    ASSIGN_OR_RETURN(page, NeedScan(core, op, database, cursor, count, pattern));
  }
  std::optional<uint64_t> end = StepEnd(database, cursor, count);
  if (!page->at_end) {
    end = std::min(end.value_or(UINT64_MAX), page->next);
  }
  ScanResult result;
  result.cursor = end.value_or(0);
  const auto in_step = [end](uint64_t hash) { return !end.has_value() || hash < *end; };
  for (const ScanPage::Row& row : page->rows) {
    if (in_step(row.hash) && !database.changes.contains({row.hash, row.key}) &&
        IsListed(op, database, row.key, type, row.type, row.expire_ms)) {
      result.keys.push_back(row.key);
    }
  }
  for (auto it = database.changes.lower_bound({cursor, std::string()});
       it != database.changes.end() && in_step(it->first.first); ++it) {
    const std::string& key = it->first.second;
    if (it->second.exists && (pattern.empty() || core.options.glob_match(pattern, key)) &&
        IsListed(op, database, key, type, it->second.type, it->second.expire_ms)) {
      result.keys.push_back(key);
    }
  }
  return result;
}

Result<ScanResult> Engine::Scan(Op& op, uint64_t cursor, int64_t count, std::string_view pattern,
                                std::optional<KeyType> type) {
  return ScanKeys(*core_, op, cursor, count, pattern, type);
}

Result<std::vector<std::string>> Engine::Keys(Op& op, std::string_view pattern) {
  Database& database = core_->keyspace.at(op.db);
  op.seen_turn = std::max(op.seen_turn, NewestTurn(*core_));
  std::vector<std::string> keys;
  if (database.stored_key_count > 0) {
    ASSIGN_OR_RETURN(const ScanPage* page, NeedScan(*core_, op, database, 0, 0, pattern));
    for (const ScanPage::Row& row : page->rows) {
      if (!database.changes.contains({row.hash, row.key}) &&
          IsListed(op, database, row.key, std::nullopt, row.type, row.expire_ms)) {
        keys.push_back(row.key);
      }
    }
  }
  for (const auto& [place, change] : database.changes) {
    if (change.exists && (pattern.empty() || core_->options.glob_match(pattern, place.second)) &&
        IsListed(op, database, place.second, std::nullopt, change.type, change.expire_ms)) {
      keys.push_back(place.second);
    }
  }
  return keys;
}

Result<std::optional<std::string>> Engine::RandomKey(Op& op, uint64_t random) {
  Database& database = core_->keyspace.at(op.db);
  op.seen_turn = std::max(op.seen_turn, NewestTurn(*core_));
  if (database.key_count == 0) {
    return std::optional<std::string>();
  }
  // From a random place on to the end, and then from the start: a step that gives a key ends it. A
  // step of some keys, since those of the store may all be deleted ones.
  constexpr int64_t kStep = 64;
  int rounds = 0;
  int& scan_rounds = op.pins != nullptr ? op.pins->scan_rounds : rounds;
  uint64_t cursor = op.pins != nullptr && op.pins->scan != nullptr ? op.pins->scan->from : random;
  for (;;) {
    ASSIGN_OR_RETURN(const ScanResult step, Scan(op, cursor, kStep, "", std::nullopt));
    if (!step.keys.empty()) {
      return std::optional<std::string>(step.keys.front());
    }
    cursor = step.cursor;
    if (cursor == 0 && ++scan_rounds == 2) {
      return std::optional<std::string>();  // The time of all that are left has come.
    }
  }
}

Status Engine::FlushDb(Op& op, uint32_t db) {
  const Database& database = core_->keyspace.at(db);
  if (database.key_count > 0) {
    const DatabaseFlushed effect{db, core_->next_physical};
    core_->recorder.Add(effect);
    Apply(*core_, effect);
  }
  op.seen_turn = std::max(op.seen_turn, core_->keyspace.at(db).last_delete_turn);
  return OkStatus();
}

Status Engine::FlushAll(Op& op) {
  for (uint32_t db = 0; db < core_->keyspace.size(); ++db) {
    RETURN_IF_ERROR(FlushDb(op, db));
  }
  return OkStatus();
}

}  // namespace engine
