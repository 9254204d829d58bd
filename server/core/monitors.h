// Clients that MONITOR: each of them is sent a line for every command that is executed.
//
// Owner: ServerContext. Thread: loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/core/session.h"

namespace server {

class Monitors {
 public:
  bool empty() const { return ids_.empty(); }
  size_t size() const { return ids_.size(); }
  ClientId operator[](size_t index) const { return ids_[index]; }

  // Precondition: it is none yet.
  void Add(Session& session);
  // No effect when it is none.
  void Remove(Session& session);

 private:
  std::vector<ClientId> ids_;
};

// What a command looked like: `1700000000.123456 [0 127.0.0.1:5000] "xadd" "k"`. `args` without
// secrets.
std::string MonitorLine(int64_t unix_us, uint32_t db, std::string_view client_address,
                        std::span<const std::string_view> args);

}  // namespace server
