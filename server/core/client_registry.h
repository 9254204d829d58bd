// All sessions, by id.
//
// A session that is removed stays in memory until FreeRemoved, so that code which is using it, up
// to the loop, can finish. Owner: ServerContext. Thread: loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/functional/function_ref.h"
#include "server/core/session.h"

namespace server {

class ClientRegistry {
 public:
  // Ids count up from 1.
  Session& Add(Transport& transport, BufferPool& pool, int64_t monotonic_us);
  // Null when there is no such client any more.
  Session* Find(ClientId id) const;
  void Remove(Session& session);
  // Frees what was removed. Only from the bottom of the loop, where no session is in use.
  void FreeRemoved() { removed_.clear(); }

  size_t size() const { return sessions_.size(); }
  // In order of id, which is the order of connecting. `visit` must not add or remove any.
  void ForEach(absl::FunctionRef<void(Session&)> visit) const;
  // The first session with an id above `id`, for walks in steps. Null at the end.
  Session* After(ClientId id) const;

 private:
  ClientId last_id_ = 0;
  absl::btree_map<ClientId, std::unique_ptr<Session>> sessions_;
  std::vector<std::unique_ptr<Session>> removed_;
};

}  // namespace server
