#include "server/server.h"

#include <signal.h>

#include <algorithm>
#include <utility>

#include "engine/file_limit.h"
#include "resp/glob.h"
#include "server/core/policy_rules.h"
#include "server/net/limits.h"
#include "server/net/socket.h"

namespace server {

using engine::Code;
using engine::EngineOptions;
using engine::OkStatus;
using engine::Result;
using engine::Status;

Server::Server(Config& config, Clock& clock, Log& log)
    : config_(config), clock_(clock), log_(log), pid_file_(config.settings().pidfile) {}

Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::Start(Config& config, Clock& clock, Log& log,
                                              ProcessFacts facts, uint64_t random_seed) {
  std::unique_ptr<Server> server(new Server(config, clock, log));
  ASSIGN_OR_RETURN(server->loop_, EventLoop::Create(clock));
  // Before the store is opened, which may take a while: an address in use is told at once, and no
  // other thread runs yet.
  std::vector<BoundSocket> sockets;
  RETURN_IF_ERROR(server->BindSockets(&sockets));
  // The store's share of the open files follows from the limit.
  RaiseFileLimit(config.settings().maxclients + engine::ShareFiles(INT32_MAX).kept);
  RETURN_IF_ERROR(server->OpenEngine(facts.accepts_loss));
  server->context_ =
      std::make_unique<ServerContext>(config, clock, log, *server, std::move(facts), random_seed);
  server->dispatcher_ = std::make_unique<Dispatcher>(*server->context_, *server->engine_);
  server->connections_ = std::make_unique<ConnectionTable>(*server->loop_, *server->context_,
                                                           *server->dispatcher_, *server->engine_);
  server->ReserveDescriptors();
  server->FollowConfiguration();
  ApplyPolicyRules(*server->context_, *server->engine_);
  RETURN_IF_ERROR(server->pid_file_.Write());
  RETURN_IF_ERROR(server->Listen(std::move(sockets)));
  return server;
}

Status Server::BindSockets(std::vector<BoundSocket>* sockets) {
  if (settings().port != 0) {
    for (const std::string& address : settings().bind) {
      RETURN_IF_ERROR(BindTcp(address, static_cast<int>(settings().port), sockets));
    }
  }
  if (!settings().unixsocket.empty()) {
    RETURN_IF_ERROR(
        BindUnix(settings().unixsocket, static_cast<uint32_t>(settings().unixsocketperm), sockets));
  }
  if (sockets->empty()) {
    return Status(Code::kIo,
                  "there is no address to listen on: see options bind, port, unixsocket");
  }
  return OkStatus();
}

Status Server::OpenEngine(bool accepts_loss) {
  const Settings& from = settings();
  RETURN_IF_ERROR(CreateDirectories(from.dir));
  EventLoop* const loop = loop_.get();  // Outlives the engine.
  Log* const log = &log_;
  EngineOptions options;
  options.directory = from.dir;
  options.fsync = from.fsync_mode();
  options.databases = static_cast<uint32_t>(from.databases);
  options.memory_budget_bytes = static_cast<uint64_t>(from.cache_size);
  options.idle_limit_ms = from.cache_idle_time_seconds * 1000;
  options.node_max_entries = from.stream_node_max_entries;
  options.node_max_bytes = from.stream_node_max_bytes;
  options.idmp_duration_s = static_cast<uint32_t>(from.stream_idmp_duration);
  options.idmp_max_size = static_cast<uint32_t>(from.stream_idmp_maxsize);
  options.journal_segment_bytes = static_cast<uint64_t>(from.journal_segment_bytes);
  options.checkpoint_bytes = static_cast<uint64_t>(from.checkpoint_bytes);
  options.disk_limits = from.disk_limits();
  options.accept_loss = accepts_loss;
  options.restart_grace_ms = from.restart_grace_ms;
  options.reader_threads = static_cast<int>(from.reader_threads);
  options.glob_match = [](std::string_view pattern, std::string_view text) {
    return resp::GlobMatch(pattern, text);
  };
  options.post = [loop](std::function<void()> work) { loop->Post(std::move(work)); };
  options.on_released = [loop] { loop->Wake(); };
  options.on_failure = [this](const Status& cause) { OnStorageFailure(cause); };
  options.log = [log](engine::LogLevel level, std::string_view text) { log->Engine(level, text); };
  const engine::Now now = {.unix_ms = clock_.UnixMs(), .store_ms = 0};
  ASSIGN_OR_RETURN(engine_, engine::Engine::Open(options, now));
  return OkStatus();
}

void Server::ReserveDescriptors() {
  const int64_t limit = RaiseFileLimit(settings().maxclients + engine::ShareFiles(INT32_MAX).kept);
  const int64_t capacity = std::max<int64_t>(limit - engine::ShareFiles(limit).kept, 1);
  connections_->set_capacity(capacity);
  if (capacity < settings().maxclients) {
    log_.Warning(
        "fewer clients than maxclients: the system allows too few open files",
        {{"maxclients", settings().maxclients}, {"clients", capacity}, {"open files", limit}});
  }
}

Status Server::Listen(std::vector<BoundSocket> sockets) {
  for (BoundSocket& socket : sockets) {
    RETURN_IF_ERROR(StartListening(socket, static_cast<int>(settings().tcp_backlog)));
    addresses_.push_back(socket.address);
    listeners_.push_back(std::make_unique<Listener>(
        *loop_, clock_, std::move(socket), spare_fd_,
        [this](OwnedFd fd, Peer peer) { connections_->Admit(std::move(fd), std::move(peer)); }));
  }
  signal(SIGPIPE, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);  // The write fails then, which the journal knows how to handle.
  stop_signals_.push_back(loop_->NewSignal<&Server::OnStopSignal>(SIGTERM, this));
  stop_signals_.push_back(loop_->NewSignal<&Server::OnStopSignal>(SIGINT, this));
  return OkStatus();
}

void Server::FollowConfiguration() {
  config_.OnChange("appendfsync",
                   [this](const Settings& now) { return engine_->SetFsyncMode(now.fsync_mode()); });
  config_.OnChange("cache-size", [this](const Settings& now) {
    engine_->SetMemoryBudget(static_cast<uint64_t>(now.cache_size));
    return OkStatus();
  });
  config_.OnChange("cache-idle-time", [this](const Settings& now) {
    engine_->SetIdleLimit(now.cache_idle_time_seconds * 1000);
    return OkStatus();
  });
  const auto set_disk_limits = [this](const Settings& now) {
    engine_->SetDiskLimits(now.disk_limits());
    return OkStatus();
  };
  config_.OnChange("min-free-disk", set_disk_limits);
  config_.OnChange("disk-ballast", set_disk_limits);
  const auto set_node_limits = [this](const Settings& now) {
    engine_->SetNodeLimits(now.stream_node_max_entries, now.stream_node_max_bytes);
    return OkStatus();
  };
  config_.OnChange("stream-node-max-entries", set_node_limits);
  config_.OnChange("stream-node-max-bytes", set_node_limits);
  const auto set_idempotency = [this](const Settings& now) {
    engine_->SetIdempotencyDefaults(static_cast<uint32_t>(now.stream_idmp_duration),
                                    static_cast<uint32_t>(now.stream_idmp_maxsize));
    return OkStatus();
  };
  config_.OnChange("stream-idmp-duration", set_idempotency);
  config_.OnChange("stream-idmp-maxsize", set_idempotency);
  config_.OnChange("loglevel", [this](const Settings& now) {
    log_.SetThreshold(now.log_threshold());
    return OkStatus();
  });
  const auto set_rules = [this](const Settings&) {
    ApplyPolicyRules(*context_, *engine_);
    return OkStatus();
  };
  config_.OnChange("group-policy", set_rules);
  config_.OnChange("stream-policy", set_rules);
  config_.OnChange("maxclients", [this](const Settings&) {
    ReserveDescriptors();
    return OkStatus();
  });
}

}  // namespace server
