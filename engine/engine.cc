#include "engine/engine.h"

#include <utility>

#include "engine/check.h"
#include "engine/checker.h"
#include "engine/core.h"
#include "engine/counting.h"
#include "engine/limits.h"
#include "engine/loader.h"
#include "engine/persistence.h"
#include "engine/reaper.h"
#include "engine/steward.h"

namespace engine {
namespace {

Result<std::unique_ptr<Core>> OpenCoreOnce(const EngineOptions& options, Now now,
                                           KnownDamage known_damage) {
  auto core = std::make_unique<Core>(options);
  core->known_damage = std::move(known_damage);
  core->persistence = std::make_unique<Persistence>(core.get());
  core->loader = std::make_unique<Loader>(core.get(), options.reader_threads);
  core->reaper = std::make_unique<Reaper>(core.get());
  core->steward = std::make_unique<Steward>(core.get());
  RETURN_IF_ERROR(core->persistence->Open(now));
  core->started_ms = core->time_line.last_store_ms();
  return Result<std::unique_ptr<Core>>(std::move(core));
}

// Again whenever recovery has found damage in a key that it had changed already.
Result<std::unique_ptr<Core>> OpenCore(const EngineOptions& options, Now now) {
  KnownDamage known_damage;
  for (;;) {
    ASSIGN_OR_RETURN(std::unique_ptr<Core> core, OpenCoreOnce(options, now, known_damage));
    if (!core->has_new_damage) {
      return Result<std::unique_ptr<Core>>(std::move(core));
    }
    known_damage = core->known_damage;
  }
}

}  // namespace

Engine::Engine(std::unique_ptr<Core> core) : core_(std::move(core)) {}
Engine::~Engine() = default;

Result<std::unique_ptr<Engine>> Engine::Open(const EngineOptions& options, Now now) {
  ASSIGN_OR_RETURN(std::unique_ptr<Core> core, OpenCore(options, now));
  core->options.accept_loss = false;  // Of this start alone.
  return std::unique_ptr<Engine>(new Engine(std::move(core)));
}

Now Engine::TimeNow(int64_t unix_ms, int64_t monotonic_ms) {
  return core_->time_line.At(unix_ms, monotonic_ms);
}

Turn Engine::current_turn() const { return core_->turn; }

Turn Engine::released_turn() const { return core_->persistence->released_turn(); }

void Engine::EndTurn(Now now) { core_->persistence->EndTurn(now); }

bool Engine::TurnIsFull() const { return core_->recorder.bytes().size() >= kTurnEffectBytes; }

Status Engine::CanWrite() const { return core_->persistence->CanWrite(); }

Status Engine::CanGrow(uint64_t request_bytes) const {
  return core_->persistence->CanGrow(request_bytes);
}

void Engine::StartLoad(std::vector<LoadItem> items, Pins* pins, std::function<void(Status)> done) {
  core_->loader->Start(std::move(items), pins, std::move(done));
}

Status Engine::LoadNow(const std::vector<LoadItem>& items, Pins* pins) {
  core_->blocking_loads += items.size();
  return core_->loader->LoadNow(items, pins);
}

void Engine::ReleasePins(Pins* pins) { core_->loader->Release(pins); }

std::optional<int64_t> Engine::Lag(const Stream& stream, const Group& group) const {
  return GroupLag(stream, group);
}

int64_t Engine::ToUnixMs(int64_t store_ms) const { return core_->time_line.ToUnixMs(store_ms); }

Engine::Stats Engine::GetStats() const {
  const Persistence& persistence = *core_->persistence;
  const Store::Statistics store = persistence.StoreStatistics();
  Stats stats;
  stats.memory_bytes = core_->cache.bytes() + store.memtable_bytes + store.block_cache_bytes +
                       store.table_reader_bytes;
  stats.dirty_bytes = core_->checkpoint.unsaved_bytes();
  stats.journal_bytes = persistence.journal().bytes_since_checkpoint();
  stats.disk_bytes = store.live_disk_bytes + persistence.journal().disk_bytes();
  stats.disk_free_bytes = persistence.disk().free_bytes();
  stats.disk_floor_bytes = persistence.disk().floor_bytes();
  stats.disk_ballast_bytes = persistence.disk().ballast_bytes();
  stats.turn = core_->turn;
  stats.durable_turn = persistence.journal().durable_turn();
  stats.checkpoint_turn = persistence.checkpoint_turn();
  stats.checkpoints = persistence.checkpoint_count();
  stats.loads = core_->loader->load_count();
  stats.blocking_loads = core_->blocking_loads;
  stats.changes_since_checkpoint = core_->changes_since_checkpoint;
  stats.last_checkpoint_unix_s = persistence.last_checkpoint_unix_s();
  stats.checkpoint_running = core_->checkpoint.running() || persistence.checkpoint_requested();
  stats.last_checkpoint_ok = persistence.last_checkpoint_ok();
  stats.cached_objects = core_->cache.unit_count();
  return stats;
}

Status Engine::StartCheckpoint(std::function<void(Status)> done) {
  return core_->persistence->RequestCheckpoint(std::move(done));
}

Status Engine::CheckpointNow() { return core_->persistence->CheckpointNow(); }

void Engine::RunOnCheckpointThread(std::function<void()> work) {
  core_->persistence->RunOnCheckpointThread(std::move(work));
}

Status Engine::SyncNow() { return core_->persistence->journal().Sync(); }

Status Engine::SetFsyncMode(FsyncMode mode) {
  core_->options.fsync = mode;
  core_->persistence->ApplyFsyncMode();
  return OkStatus();
}

void Engine::SetDiskLimits(const DiskLimits& limits) {
  core_->options.disk_limits = limits;
  core_->persistence->disk().SetLimits(limits);
}

void Engine::PretendFreeDisk(std::optional<uint64_t> free_bytes) {
  core_->persistence->disk().PretendFree(free_bytes);
}

void Engine::SetMemoryBudget(uint64_t bytes) {
  core_->options.memory_budget_bytes = bytes;
  core_->cache_budget = Persistence::CacheShare(bytes);
}

bool Engine::WantsLookahead(uint32_t db) const {
  return core_->keyspace.at(db).holders.size() >= kLookaheadLeastNames;
}

void Engine::PrepareFor(uint32_t db, std::span<const std::string_view> names) {
  core_->lookahead.Prepare(core_->keyspace.at(db), names);
}

void Engine::ForgetPrepared() { core_->lookahead.Forget(); }

void Engine::SetIdleLimit(int64_t ms) { core_->options.idle_limit_ms = ms; }

void Engine::SetNodeLimits(int64_t max_entries, int64_t max_bytes) {
  core_->options.node_max_entries = max_entries;
  core_->options.node_max_bytes = max_bytes;
}

void Engine::SetIdempotencyDefaults(uint32_t duration_s, uint32_t max_size) {
  core_->options.idmp_duration_s = duration_s;
  core_->options.idmp_max_size = max_size;
}

Status Engine::Reload(Now now) {
  const int of_own = core_->loader->prefetches_in_flight() +
                     (core_->reaper->is_fetching() ? 1 : 0) +
                     (core_->steward->is_fetching() ? 1 : 0);
  if (core_->loader->requests_in_flight() > of_own) {
    return Status(Code::kLimit, "objects are being fetched");
  }
  RETURN_IF_ERROR(core_->persistence->Close());
  core_->persistence->StopThreads();
  core_->loader->StopThreads();
  const EngineOptions& options = core_->options;
  Result<std::unique_ptr<Core>> fresh = OpenCore(options, now);
  if (!fresh.ok()) {
    if (options.post && options.on_failure) {
      options.post([this, cause = fresh.status()] { core_->options.on_failure(cause); });
    }
    return fresh.status();
  }
  const std::shared_ptr<Core> old = std::exchange(core_, std::move(fresh).value());
  core_->on_expired = old->on_expired;
  core_->producers_wait = old->producers_wait;
  core_->waiting_readers = old->waiting_readers;
  core_->started_ms = old->started_ms;
  core_->policy_rules = old->policy_rules;
  // What the old threads have posted still refers to the old state: it goes behind all of that.
  if (core_->options.post) {
    core_->options.post([old] {});
  }
  return OkStatus();
}

Status Engine::Verify(CheckReport* report) { return VerifyState(*core_, report); }

Status Engine::Close() { return core_->persistence->Close(); }

}  // namespace engine
