// Engine calls that give values other names: RENAME, MOVE, COPY, SWAPDB.
#include <algorithm>

#include "engine/apply.h"
#include "engine/engine.h"
#include "engine/idle_removal.h"
#include "engine/limits.h"
#include "engine/steward.h"
#include "engine/stream_copy.h"

namespace engine {
namespace {

// What is under a name, null for nothing.
Result<ValueHolder*> Look(Core& core, Op& op, uint32_t db, std::string_view key) {
  Result<ValueHolder*> found = core.FindHolder(op, db, key);
  if (!found.ok() && found.code() == Code::kNotFound) {
    return static_cast<ValueHolder*>(nullptr);
  }
  return found;
}

struct Pair {
  ValueHolder* from = nullptr;
  ValueHolder* to = nullptr;
};

// Both ends, fetched in one round; kNotFound when there is no source.
Result<Pair> LookAtBoth(Core& core, Op& op, std::string_view from, uint32_t to_db,
                        std::string_view to) {
  Result<ValueHolder*> source = Look(core, op, op.db, from);
  const Result<ValueHolder*> target = Look(core, op, to_db, to);
  if (!source.ok()) {
    return source.status();
  }
  if (*source == nullptr) {
    return Status(Code::kNotFound);
  }
  if (!target.ok()) {
    return target.status();
  }
  return Pair{*source, *target};
}

// Makes room for a value under the name.
void Clear(Core& core, Op& op, uint32_t db, std::string_view key, ValueHolder* there) {
  if (there != nullptr) {
    EmitKeyDeleted(core, *there);
  } else {
    DropExpired(core, op, db, key);
  }
}

void CopyString(Core& core, Op& op, const StringValue& from, uint32_t db, std::string_view key) {
  StringValue& copy = InstallNewString(core, core.keyspace.at(db), core.next_uid, key);
  Emit(core, copy, StringSet{from.expire_ms, from.bytes});
  Core::Saw(op, copy);
}

}  // namespace

Result<bool> Engine::Rename(Op& op, std::string_view from, std::string_view to, bool replace) {
  ASSIGN_OR_RETURN(const Pair pair, LookAtBoth(*core_, op, from, op.db, to));
  if (pair.from == pair.to) {
    return replace;
  }
  if (pair.to != nullptr && !replace) {
    return false;
  }
  Clear(*core_, op, op.db, to, pair.to);
  Emit(*core_, *pair.from, KeyRenamed{to});
  if (pair.from->kind == UnitKind::kStream) {
    auto& stream = static_cast<Stream&>(*pair.from);
    ExpectIdle(*core_, op, stream);  // Rules go by name.
    if (!core_->policy_rules.empty()) {
      core_->steward->Expect(stream, op.now.store_ms);
    }
  }
  Core::Saw(op, *pair.from);
  return true;
}

Result<bool> Engine::Copy(Op& op, std::string_view from, uint32_t to_db, std::string_view to,
                          bool replace) {
  ASSIGN_OR_RETURN(const Pair pair, LookAtBoth(*core_, op, from, to_db, to));
  if (pair.to != nullptr && !replace) {
    return false;
  }
  Stream* stream = pair.from->kind == UnitKind::kStream ? static_cast<Stream*>(pair.from) : nullptr;
  if (stream != nullptr) {
    RETURN_IF_ERROR(PrepareCopy(*core_, op, *stream));
  }
  Clear(*core_, op, to_db, to, pair.to);
  if (stream != nullptr) {
    CopyStream(*core_, op, *stream, to_db, to);
  } else {
    CopyString(*core_, op, static_cast<StringValue&>(*pair.from), to_db, to);
  }
  return true;
}

Result<bool> Engine::Move(Op& op, std::string_view key, uint32_t to_db) {
  ASSIGN_OR_RETURN(const bool copied, Copy(op, key, to_db, key, false));
  if (copied) {
    EmitKeyDeleted(*core_, *AsValue(Keyspace::Find(core_->keyspace.at(op.db), key)));
    op.seen_turn = std::max(op.seen_turn, core_->keyspace.at(op.db).last_delete_turn);
  }
  return copied;
}

Status Engine::SwapDatabases(Op& op, uint32_t first, uint32_t second) {
  if (first != second) {
    const DatabasesSwapped effect{first, second};
    core_->recorder.Add(effect);
    Apply(*core_, effect);
  }
  op.seen_turn = std::max(op.seen_turn, core_->keyspace.at(first).shown_turn);
  return OkStatus();
}

}  // namespace engine
