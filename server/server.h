// The running server: builds its parts in order, turns the loop, stops in the reverse order.
//
// One pass of the loop is one turn: what is readable is read and executed, the turn's effects go to
// the journal as one record, replies leave as soon as what they show is durable.
// Owner: main. Thread: main, which becomes the loop's.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "server/core/clock.h"
#include "server/core/config.h"
#include "server/core/dispatcher.h"
#include "server/core/huge_pages.h"
#include "server/core/log.h"
#include "server/core/quiet_watch.h"
#include "server/core/server_context.h"
#include "server/net/connection_table.h"
#include "server/net/event_loop.h"
#include "server/net/listener.h"
#include "server/process.h"

namespace server {

class Server final : public ServerControl {
 public:
  // Binds its addresses, opens the store, begins to listen. References must outlive it.
  // kCorruption when the store is refused, kIo for everything else, with words for the operator.
  static engine::Result<std::unique_ptr<Server>> Start(Config& config, Clock& clock, Log& log,
                                                       ProcessFacts facts, uint64_t random_seed);
  ~Server() override;
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Where it listens: "127.0.0.1:6379", "/run/weir.sock".
  const std::vector<std::string>& addresses() const { return addresses_; }

  // Until SIGTERM, SIGINT, SHUTDOWN or a failure of the storage.
  ExitCode Run();

  // ServerControl:
  void RequestShutdown(bool save) override;

 private:
  Server(Config& config, Clock& clock, Log& log);

  // --- Start ---
  engine::Status BindSockets(std::vector<BoundSocket>* sockets);
  engine::Status OpenEngine(bool accepts_loss);
  engine::Status Listen(std::vector<BoundSocket> sockets);
  void ReserveDescriptors();
  void FollowConfiguration();

  // --- Turns: server_turn.cc ---
  void RunTurn();
  void Tick(int64_t now_us);
  void ReturnUnusedMemory();
  void OnStopSignal();
  void OnStorageFailure(const engine::Status& cause);

  // --- Stop: server_turn.cc ---
  ExitCode Stop();

  const Settings& settings() const { return config_.settings(); }

  Config& config_;
  Clock& clock_;
  Log& log_;
  PidFile pid_file_;

  // In this order: each uses those before it.
  std::unique_ptr<EventLoop> loop_;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<ServerContext> context_;
  std::unique_ptr<Dispatcher> dispatcher_;
  std::unique_ptr<ConnectionTable> connections_;
  SpareFd spare_fd_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::vector<Event> stop_signals_;
  std::vector<std::string> addresses_;

  bool is_stopping_ = false;
  bool saves_at_stop_ = true;
  bool has_failed_ = false;  // The storage, for good.
  int64_t next_tick_us_ = 0;
  QuietWatch quiet_;
  HugePages huge_pages_;
  // Resident bytes beyond those that are allocated which were left when memory was given back last:
  // the program itself, and holes between what is in use.
  uint64_t unused_left_ = 0;
};

}  // namespace server
