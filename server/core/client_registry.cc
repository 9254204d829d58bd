#include "server/core/client_registry.h"

#include <utility>

#include "engine/check.h"

namespace server {

Session& ClientRegistry::Add(Transport& transport, BufferPool& pool, int64_t monotonic_us) {
  const ClientId id = ++last_id_;
  auto session = std::make_unique<Session>(id, transport, pool, monotonic_us);
  return *sessions_.emplace_hint(sessions_.end(), id, std::move(session))->second;
}

Session* ClientRegistry::Find(ClientId id) const {
  const auto found = sessions_.find(id);
  return found == sessions_.end() ? nullptr : found->second.get();
}

void ClientRegistry::Remove(Session& session) {
  const auto found = sessions_.find(session.id);
  CHECK(found != sessions_.end() && found->second.get() == &session);
  removed_.push_back(std::move(found->second));
  sessions_.erase(found);
}

void ClientRegistry::ForEach(absl::FunctionRef<void(Session&)> visit) const {
  for (const auto& [id, session] : sessions_) visit(*session);
}

Session* ClientRegistry::After(ClientId id) const {
  const auto next = sessions_.upper_bound(id);
  return next == sessions_.end() ? nullptr : next->second.get();
}

}  // namespace server
