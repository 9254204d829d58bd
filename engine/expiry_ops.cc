// Engine calls on the time at which keys go.
#include <algorithm>

#include "engine/apply.h"
#include "engine/engine.h"
#include "engine/reaper.h"

namespace engine {

void DropExpired(Core& core, const Op& op, uint32_t db, std::string_view key) {
  ValueHolder* value = AsValue(Keyspace::Find(core.keyspace.at(db), key));
  if (value == nullptr || !value->ExpiredAt(op.now.unix_ms)) {
    return;
  }
  EmitKeyDeleted(core, *value);
  if (core.on_expired) {
    core.on_expired(db, key);
  }
}

Result<bool> Engine::SetExpiry(Op& op, std::string_view key, int64_t expire_ms) {
  const Result<ValueHolder*> found = core_->FindHolder(op, key);
  if (!found.ok()) {
    return found.code() == Code::kNotFound ? Result<bool>(false) : Result<bool>(found.status());
  }
  ValueHolder& value = **found;
  if (value.expire_ms != expire_ms) {
    Emit(*core_, value, ExpirySet{expire_ms});
    Core::Saw(op, value);
  }
  return true;
}

void Engine::ReapExpired(Now now) { core_->reaper->Run(now); }

int64_t Engine::next_reap_unix_ms() const { return core_->reaper->next_due_ms(); }

void Engine::SetExpirySink(std::function<void(uint32_t db, std::string_view key)> sink) {
  core_->on_expired = std::move(sink);
}

Engine::ExpiryStats Engine::ExpiryStatsOf(uint32_t db, Now now) const {
  const Database& database = core_->keyspace.at(db);
  ExpiryStats stats;
  stats.keys = static_cast<int64_t>(database.expiring_count);
  if (stats.keys > 0) {
    const auto mean_s = static_cast<int64_t>(database.expiry_sum_s / database.expiring_count);
    stats.mean_ttl_ms = std::max<int64_t>(mean_s * 1000 - now.unix_ms, 0);
  }
  return stats;
}

}  // namespace engine
