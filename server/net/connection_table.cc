#include "server/net/connection_table.h"

#include <sys/socket.h>

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "server/core/error_reply.h"
#include "server/net/limits.h"

namespace server {
namespace {

constexpr std::string_view kTooManyClients = "-ERR max number of clients reached\r\n";
// Clients look at the beginning.
constexpr std::string_view kDenied =
    "-DENIED Redis is running in protected mode because protected mode is enabled and no password "
    "is set for the default user. In this mode only clients on the server's own machine are "
    "accepted. To accept others set a password (option requirepass), or switch the protection off "
    "(option protected-mode) if nobody but trusted machines can reach the server.\r\n";

}  // namespace

ConnectionTable::ConnectionTable(EventLoop& loop, ServerContext& context, Dispatcher& dispatcher,
                                 const engine::Engine& engine)
    : loop_(loop),
      context_(context),
      dispatcher_(dispatcher),
      engine_(engine),
      capacity_(std::numeric_limits<int64_t>::max()) {}

ConnectionTable::~ConnectionTable() { CloseAll(); }

void ConnectionTable::Admit(OwnedFd fd, Peer peer) {
  if (std::cmp_greater_equal(connections_.size(), std::min(settings().maxclients, capacity_))) {
    Refuse(fd, kTooManyClients);
    return;
  }
  if (settings().protected_mode && settings().requirepass.empty() && !peer.is_loopback) {
    Refuse(fd, kDenied);
    return;
  }
  if (!settings().requirepass.empty() && !MakeRoomForStranger(peer.network)) {
    Refuse(fd, kTooManyClients);
    return;
  }
  if (!peer.is_unix_socket) PrepareTcpClient(fd.get(), settings().tcp_keepalive_seconds);
  auto connection = std::make_unique<Connection>(*this, std::move(fd), std::move(peer));
  const ClientId id = connection->id();
  connections_.emplace(id, std::move(connection));
}

bool ConnectionTable::MakeRoomForStranger(const std::string& network) {
  const int64_t now_us = context_.clock().MonotonicMicros();
  const auto drop_oldest = [this, now_us](const Ids& ids) {
    const auto found = connections_.find(*ids.begin());
    return found != connections_.end() && found->second->MakeRoom(now_us);
  };
  const auto same = strangers_by_network_.find(network);
  if (same != strangers_by_network_.end() && same->second.size() >= kStrangersPerAddress) {
    drop_oldest(same->second);
  }
  const int64_t total = std::max(settings().maxclients / kClientsPerStranger, kLeastStrangers);
  return std::cmp_less(strangers_.size(), total) || drop_oldest(strangers_);
}

void ConnectionTable::AddStranger(const std::string& network, ClientId id) {
  strangers_.insert(id);
  strangers_by_network_[network].insert(id);
}

void ConnectionTable::RemoveStranger(const std::string& network, ClientId id) {
  strangers_.erase(id);
  const auto found = strangers_by_network_.find(network);
  if (found == strangers_by_network_.end()) return;
  found->second.erase(id);
  if (found->second.empty()) strangers_by_network_.erase(found);
}

void ConnectionTable::EvictLargest() {
  ClientMemory& memory = context_.client_memory();
  while (context_.clients_need_too_much()) {
    Connection* largest = nullptr;
    size_t most = 0;
    for (const auto& [id, connection] : connections_) {
      const size_t weight = connection->EvictionWeight();
      if (weight <= most) continue;
      most = weight;
      largest = connection.get();
    }
    if (largest == nullptr) return memory.Tolerate(memory.bytes());
    largest->Evict();
  }
  memory.Tolerate(0);
}

void ConnectionTable::Refuse(const OwnedFd& fd, std::string_view line) {
  ++context_.stats().rejected_connections;
  // A new socket takes a line at once; if it does not, closing has to do.
  [[maybe_unused]] const ssize_t sent = send(fd.get(), line.data(), line.size(), MSG_NOSIGNAL);
}

template <typename Visit>
void ConnectionTable::TakeAll(std::vector<ClientId>* ids, Visit visit) {
  if (ids->empty()) return;
  scratch_.swap(*ids);
  for (ClientId id : scratch_) {
    const auto found = connections_.find(id);
    if (found != connections_.end()) visit(*found->second);
  }
  scratch_.clear();
}

template <typename Check>
void ConnectionTable::CheckAll(absl::flat_hash_set<ClientId>* ids, Check check) {
  absl::erase_if(*ids, [this, &check](ClientId id) {
    const auto found = connections_.find(id);
    return found == connections_.end() || !check(*found->second);
  });
}

void ConnectionTable::ExecuteWaiting() {
  TakeAll(&waiting_input_, [](Connection& connection) { connection.ExecuteWaiting(); });
}

void ConnectionTable::SendOutput() {
  EvictAboveLimit();
  const engine::Turn released = engine_.released_turn();
  TakeAll(&output_, [released](Connection& connection) { connection.Send(released); });
  if (released == last_released_) return;
  last_released_ = released;
  TakeAll(&gated_, [released](Connection& connection) { connection.SendReleased(released); });
}

void ConnectionTable::DestroyClosed() {
  for (ClientId id : closed_) connections_.erase(id);
  closed_.clear();
}

void ConnectionTable::Tick() {
  CheckAll(&half_closed_, [](Connection& connection) { return connection.CheckHalfClosed(); });
  if (++ticks_ < kTicksPerOutputCheck) return;
  ticks_ = 0;
  context_.client_memory().Tolerate(0);
  CheckAll(&partial_, [](Connection& connection) { return connection.CheckRequest(); });
  CheckAll(&slow_, [](Connection& connection) { return connection.CheckOutput(); });
}

void ConnectionTable::Abandon(const engine::Status& cause) {
  const std::string line = "-" + Outcome(cause).Text() + "\r\n";
  const engine::Turn released = engine_.released_turn();
  for (const auto& [id, connection] : connections_) connection->Abandon(released, line);
}

void ConnectionTable::CloseAll() {
  connections_.clear();
  closed_.clear();
}

}  // namespace server
