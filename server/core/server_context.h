// The doors through which command handlers reach the rest of the server, each a narrow one.
//
// Owner: server::Server, or a test. Built before the dispatcher, which puts itself in as client
// control. Thread: loop.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <utility>

#include "server/core/client_memory.h"
#include "server/core/client_pause.h"
#include "server/core/client_registry.h"
#include "server/core/clock.h"
#include "server/core/config.h"
#include "server/core/latency_monitor.h"
#include "server/core/log.h"
#include "server/core/login_guard.h"
#include "server/core/monitors.h"
#include "server/core/output_buffer.h"
#include "server/core/pubsub.h"
#include "server/core/slow_log.h"
#include "server/core/stats.h"
#include "server/core/waiters.h"
#include "server/core/watches.h"

namespace server {

// What SHUTDOWN needs of the server. Implemented by server::Server.
class ServerControl {
 public:
  virtual ~ServerControl() = default;
  // Begins to stop; with `save` after a checkpoint. The client gets no answer, all connections
  // close.
  virtual void RequestShutdown(bool save) = 0;
};

enum class UnblockReason : uint8_t { kTimeout, kError };

// What commands may do to other clients. Implemented by Dispatcher.
class ClientControl {
 public:
  virtual ~ClientControl() = default;
  // Ends a blocking read. False when the client does not wait in one.
  virtual bool Unblock(Session& session, UnblockReason reason) = 0;
  // Disconnects at once: nothing more is done for the client, and its waiting replies are dropped.
  virtual void Kill(Session& session) = 0;
  // The client executes nothing more and is closed when its replies have been sent.
  virtual void CloseAfterReply(Session& session) = 0;
};

// Fixed at start, but for what DEBUG CHANGE-REPL-ID does.
struct ProcessFacts {
  std::string run_id;          // 40 hex digits.
  std::string replication_id;  // 40 hex digits.
  std::string executable;
  int64_t start_unix_ms = 0;
  bool accepts_loss = false;  // Starts with what is left of a damaged journal.
};

class ServerContext {
 public:
  // All references must outlive this.
  ServerContext(Config& config, Clock& clock, Log& log, ServerControl& control, ProcessFacts facts,
                uint64_t random_seed)
      : config_(config),
        clock_(clock),
        log_(log),
        control_(control),
        facts_(std::move(facts)),
        random_(random_seed),
        stats_(facts_.start_unix_ms) {}
  ServerContext(const ServerContext&) = delete;
  ServerContext& operator=(const ServerContext&) = delete;

  Config& config() { return config_; }
  const Settings& settings() const { return config_.settings(); }
  Clock& clock() { return clock_; }
  Log& log() { return log_; }
  ServerControl& control() { return control_; }
  const std::string& run_id() const { return facts_.run_id; }
  const std::string& replication_id() const { return facts_.replication_id; }
  void set_replication_id(std::string id) { facts_.replication_id = std::move(id); }
  const std::string& executable() const { return facts_.executable; }

  ClientRegistry& clients() { return clients_; }
  Waiters& waiters() { return waiters_; }
  const Waiters& waiters() const { return waiters_; }
  // Clients whose entry waits for room in a stream: one line for each key, first come, first
  // served. They are signalled when there may be room.
  Waiters& producers() { return producers_; }
  const Waiters& producers() const { return producers_; }
  bool IsBlocked(ClientId client) const {
    return waiters_.Contains(client) || producers_.Contains(client);
  }
  bool has_ready() const { return waiters_.has_ready() || producers_.has_ready(); }
  // The key has gone or is something else.
  void SignalKey(uint32_t db, std::string_view key) {
    waiters_.Signal(db, key);
    producers_.Signal(db, key);
  }
  PubSub& pubsub() { return pubsub_; }
  const PubSub& pubsub() const { return pubsub_; }
  Watches& watches() { return watches_; }
  const Watches& watches() const { return watches_; }
  Stats& stats() { return stats_; }
  SlowLog& slow_log() { return slow_log_; }
  LatencyMonitor& latency_monitor() { return latency_monitor_; }
  Monitors& monitors() { return monitors_; }
  ClientPause& pause() { return pause_; }
  LoginGuard& logins() { return logins_; }
  ClientMemory& client_memory() { return client_memory_; }
  const ClientMemory& client_memory() const { return client_memory_; }
  // Some client must be closed, at the end of the pass at the latest.
  bool clients_need_too_much() const {
    return client_memory_.IsOver(settings().client_memory_limit());
  }
  BufferPool& buffers() { return buffers_; }
  // Set while there is a dispatcher.
  ClientControl& client_control() { return *client_control_; }
  void set_client_control(ClientControl* control) { client_control_ = control; }

  // DEBUG PAUSE-CRON: nothing happens at intervals any more.
  bool ticks_paused() const { return ticks_paused_; }
  void set_ticks_paused(bool paused) { ticks_paused_ = paused; }

  uint64_t Random() { return random_(); }

 private:
  Config& config_;
  Clock& clock_;
  Log& log_;
  ServerControl& control_;
  ProcessFacts facts_;
  std::mt19937_64 random_;
  BufferPool buffers_;  // Before the sessions, whose output goes back to it.
  ClientRegistry clients_;
  Waiters waiters_;
  Waiters producers_;
  PubSub pubsub_;
  Watches watches_;
  Stats stats_;
  SlowLog slow_log_;
  LatencyMonitor latency_monitor_;
  Monitors monitors_;
  ClientPause pause_;
  LoginGuard logins_;
  ClientMemory client_memory_;
  ClientControl* client_control_ = nullptr;
  bool ticks_paused_ = false;
};

}  // namespace server
