// Engine calls on keys and databases.
#include <algorithm>

#include "engine/apply.h"
#include "engine/check.h"
#include "engine/engine.h"
#include "engine/limits.h"
#include "engine/schema.h"

namespace engine {
namespace {

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

}  // namespace

Result<Stream*> Engine::OpenStream(Op& op, std::string_view key) {
  return core_->FindStream(op, key);
}

Result<KeyType> Engine::TypeOf(Op& op, std::string_view key) {
  const Result<Stream*> stream = core_->FindStream(op, key);
  if (stream.ok()) {
    return KeyType::kStream;
  }
  if (stream.code() == Code::kNotFound) {
    return KeyType::kNone;
  }
  return stream.status();
}

Result<int64_t> Engine::DeleteKeys(Op& op, std::span<const std::string_view> keys,
                                   std::vector<std::string_view>* deleted) {
  for (const std::string_view key : keys) {
    const Result<Stream*> stream = core_->FindStream(op, key);
    if (!stream.ok() && stream.code() != Code::kNotFound && stream.code() != Code::kNotLoaded) {
      return stream.status();
    }
  }
  RETURN_IF_ERROR(core_->CheckLoaded(op));
  int64_t count = 0;
  for (const std::string_view key : keys) {
    const Result<Stream*> found = core_->FindStream(op, key);
    if (!found.ok()) {
      continue;  // All are in memory: it does not exist, or a key named twice has gone.
    }
    Stream* stream = *found;
    core_->recorder.AddKeyDeleted(core_->NameInRecord(*stream));
    ApplyKeyDeleted(*core_, *stream);
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

Result<ScanResult> Engine::Scan(Op& op, uint64_t cursor, int64_t count, std::string_view pattern,
                                std::optional<KeyType> type) {
  Database& database = core_->keyspace.at(op.db);
  op.seen_turn = std::max(op.seen_turn, NewestTurn(*core_));
  count = std::min(count, kMaxScanCount);
  ScanPage none;
  none.at_end = true;
  const ScanPage* page = &none;
  if (database.stored_key_count > 0) {
    ASSIGN_OR_RETURN(page, NeedScan(*core_, op, database, cursor, count, pattern));
  }
  std::optional<uint64_t> end = StepEnd(database, cursor, count);
  if (!page->at_end) {
    end = std::min(end.value_or(UINT64_MAX), page->next);
  }
  ScanResult result;
  result.cursor = end.value_or(0);
  if (type.has_value() && *type != KeyType::kStream) {
    return result;
  }
  const auto in_step = [end](uint64_t hash) { return !end.has_value() || hash < *end; };
  for (const ScanPage::Row& row : page->rows) {
    if (in_step(row.hash) && !database.changes.contains({row.hash, row.key})) {
      result.keys.push_back(row.key);
    }
  }
  for (auto it = database.changes.lower_bound({cursor, std::string()});
       it != database.changes.end() && in_step(it->first.first); ++it) {
    const std::string& key = it->first.second;
    if (it->second.exists && (pattern.empty() || core_->options.glob_match(pattern, key))) {
      result.keys.push_back(key);
    }
  }
  return result;
}

Result<std::vector<std::string>> Engine::Keys(Op& op, std::string_view pattern) {
  Database& database = core_->keyspace.at(op.db);
  op.seen_turn = std::max(op.seen_turn, NewestTurn(*core_));
  std::vector<std::string> keys;
  if (database.stored_key_count > 0) {
    ASSIGN_OR_RETURN(const ScanPage* page, NeedScan(*core_, op, database, 0, 0, pattern));
    for (const ScanPage::Row& row : page->rows) {
      if (!database.changes.contains({row.hash, row.key})) {
        keys.push_back(row.key);
      }
    }
  }
  for (const auto& [place, change] : database.changes) {
    if (change.exists && (pattern.empty() || core_->options.glob_match(pattern, place.second))) {
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
  uint64_t cursor = op.pins != nullptr && op.pins->scan != nullptr ? op.pins->scan->from : random;
  for (;;) {
    ASSIGN_OR_RETURN(const ScanResult step, Scan(op, cursor, kStep, "", std::nullopt));
    if (!step.keys.empty()) {
      return std::optional<std::string>(step.keys.front());
    }
    cursor = step.cursor;
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
