// Engine calls on strings.
#include "engine/apply.h"
#include "engine/engine.h"
#include "engine/string_value.h"

namespace engine {

Result<const std::string*> Engine::OpenString(Op& op, std::string_view key) {
  ASSIGN_OR_RETURN(const StringValue* value, core_->FindString(op, key));
  return &value->bytes;
}

Status Engine::PrepareKeys(Op& op, std::span<const std::string_view> keys) {
  for (const std::string_view key : keys) {
    const Result<ValueHolder*> found = core_->FindHolder(op, key);
    if (!found.ok() && found.code() != Code::kNotFound && found.code() != Code::kNotLoaded) {
      return found.status();
    }
  }
  return core_->CheckLoaded(op);
}

Result<bool> Engine::SetString(Op& op, std::string_view key, std::string_view value,
                               int64_t expire_ms) {
  const Result<ValueHolder*> found = core_->FindHolder(op, key);
  if (!found.ok() && found.code() != Code::kNotFound) {
    return found.status();
  }
  StringValue* string = nullptr;
  if (!found.ok()) {
    DropExpired(*core_, op, op.db, key);
  } else if ((*found)->kind == UnitKind::kString) {
    string = static_cast<StringValue*>(*found);
  } else {
    EmitKeyDeleted(*core_, **found);
  }
  if (string == nullptr) {
    string = &InstallNewString(*core_, core_->keyspace.at(op.db), core_->next_uid, key);
  }
  Emit(*core_, *string, StringSet{expire_ms, value});
  Core::Saw(op, *string);
  return !found.ok();
}

}  // namespace engine
