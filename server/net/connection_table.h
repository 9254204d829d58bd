// All connections, and what has to be done for which of them at the end of a pass.
//
// Others know connections by their client id; what is noted here is looked up when it is done, so a
// connection may go away in between.
// Owner: server::Server. Thread: loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "engine/engine.h"
#include "engine/key_hash.h"
#include "server/core/client_memory.h"
#include "server/core/dispatcher.h"
#include "server/core/server_context.h"
#include "server/core/session.h"
#include "server/net/connection.h"
#include "server/net/event_loop.h"
#include "server/net/input_buffer.h"

namespace server {

class ConnectionTable {
 public:
  // All must outlive this.
  ConnectionTable(EventLoop& loop, ServerContext& context, Dispatcher& dispatcher,
                  const engine::Engine& engine);
  ~ConnectionTable();
  ConnectionTable(const ConnectionTable&) = delete;
  ConnectionTable& operator=(const ConnectionTable&) = delete;

  // Takes a new connection, or refuses it with a line that says why.
  void Admit(OwnedFd fd, Peer peer);
  // Connections for which there are descriptors, whatever `maxclients` says.
  void set_capacity(int64_t capacity) { capacity_ = capacity; }
  size_t count() const { return connections_.size(); }

  // --- A pass of the loop ---

  // First, before events are handled: goes on with input that was left over by the pass before.
  // While there is some the loop must not wait.
  bool HasWaitingInput() const { return !waiting_input_.empty(); }
  void ExecuteWaiting();
  // Last, once the turn has been closed.
  void SendOutput();
  void DestroyClosed();

  // About ten times a second.
  void Tick();
  // The storage failed with replies waiting for it: they are replaced by an error.
  void Abandon(const engine::Status& cause);
  // Destroys all.
  void CloseAll();

  // Whether replies wait for a turn to be released.
  bool WaitsForCommit() const { return !gated_.empty(); }

  // --- For Connection ---

  // Until the end of the pass, each connection at most once.
  void NoteOutput(ClientId id) { output_.push_back(id); }
  void NoteWaitingInput(ClientId id) { waiting_input_.push_back(id); }
  void NoteClosed(ClientId id) { closed_.push_back(id); }
  // Until a turn is released, at most once.
  void NoteGated(ClientId id) { gated_.push_back(id); }
  // Looked at in ticks, until CheckOutput or CheckHalfClosed says that it needs not.
  void NoteSlow(ClientId id) { slow_.insert(id); }
  void NoteHalfClosed(ClientId id) { half_closed_.insert(id); }
  // A request of it may have arrived in part; until CheckRequest says that none has.
  void NotePartial(ClientId id) { partial_.insert(id); }

  // A password is set, and a connection has not given it yet, or does not need to any more.
  void AddStranger(const std::string& network, ClientId id);
  void RemoveStranger(const std::string& network, ClientId id);
  // What their buffers take.
  ClientMemory& stranger_memory() { return stranger_memory_; }

  // When the buffers of all take more than they may: closes those with the largest.
  void EvictAboveLimit() {
    if (context_.clients_need_too_much()) [[unlikely]]
      EvictLargest();
  }

  EventLoop& loop() { return loop_; }
  ServerContext& context() { return context_; }
  const Settings& settings() const { return context_.settings(); }
  Dispatcher& dispatcher() { return dispatcher_; }
  const engine::Engine& engine() const { return engine_; }
  SharedReadBuffer& read_buffer() { return read_buffer_; }

 private:
  // Calls `method` for the connections of a list that still exist. Afterwards the list holds what
  // has been noted meanwhile.
  template <typename Visit>
  void TakeAll(std::vector<ClientId>* ids, Visit visit);
  // The same for those of a set, which leave it when `check` is false.
  template <typename Check>
  void CheckAll(absl::flat_hash_set<ClientId>* ids, Check check);
  void Refuse(const OwnedFd& fd, std::string_view line);
  // Whether one more connection that has not logged in may come from there; closes old ones for it.
  bool MakeRoomForStranger(const std::string& network);
  void EvictLargest();

  EventLoop& loop_;
  ServerContext& context_;
  Dispatcher& dispatcher_;
  const engine::Engine& engine_;
  int64_t capacity_;
  int ticks_ = 0;

  SharedReadBuffer read_buffer_;
  absl::flat_hash_map<ClientId, std::unique_ptr<Connection>> connections_;

  std::vector<ClientId> waiting_input_;
  std::vector<ClientId> output_;
  std::vector<ClientId> gated_;
  std::vector<ClientId> closed_;
  std::vector<ClientId> scratch_;  // Memory for TakeAll.
  absl::flat_hash_set<ClientId> slow_;
  absl::flat_hash_set<ClientId> half_closed_;
  absl::flat_hash_set<ClientId> partial_;

  // Connections that have not logged in, the oldest first.
  using Ids = absl::btree_set<ClientId>;
  Ids strangers_;
  absl::flat_hash_map<std::string, Ids, engine::KeyedHash, engine::BytesEqual>
      strangers_by_network_;
  ClientMemory stranger_memory_;
  engine::Turn last_released_ = 0;  // Gated output was last looked at then.
};

}  // namespace server
