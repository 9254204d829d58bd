// The part of server::Server that runs: one turn after the other, then the end.

#include <algorithm>
#include <utility>

#include "server/core/process_usage.h"
#include "server/limits.h"
#include "server/net/limits.h"
#include "server/server.h"

namespace server {

using engine::Status;

// --- Turns ---------------------------------------------------------------------------------------

ExitCode Server::Run() {
  log_.Notice("Ready to accept connections");
  next_tick_us_ = clock_.MonotonicMicros();
  while (!is_stopping_) RunTurn();
  return Stop();
}

void Server::RunTurn() {
  const bool may_wait = !connections_->HasWaitingInput() && !dispatcher_->HasDueWork();
  connections_->ExecuteWaiting();
  // What waits for a commit is told by a thread that needs a processor itself.
  loop_->RunOnce(!may_wait                        ? Wait::kNone
                 : connections_->WaitsForCommit() ? Wait::kSleep
                                                  : Wait::kLookAgain);
  if (has_failed_) return;
  dispatcher_->RunDueWork();
  const int64_t now_us = clock_.MonotonicMicros();
  if (now_us >= next_tick_us_) Tick(now_us);
  engine_->EndTurn(engine_->TimeNow(clock_.UnixMs(), now_us / 1000));
  connections_->SendOutput();
  connections_->DestroyClosed();
  loop_->SetTimer(std::min(next_tick_us_, dispatcher_->NextDueMicros()), now_us);
}

static_assert(QuietWatch::kQuietTicks * kTickMicros == 30'000'000);

void Server::Tick(int64_t now_us) {
  next_tick_us_ = now_us + kTickMicros;
  dispatcher_->Tick();
  connections_->Tick();
  for (const std::unique_ptr<Listener>& listener : listeners_) listener->Tick();
  const bool was_quiet = quiet_.is_quiet();
  const bool may_return_memory = quiet_.Tick(context_->stats().commands_processed);
  if (was_quiet && !quiet_.is_quiet()) huge_pages_.Resume();
  if (!was_quiet && quiet_.is_quiet()) huge_pages_.Pause();
  if (may_return_memory) ReturnUnusedMemory();
}

// What a burst has needed stays with the allocator as long as there may be another: memory that was
// used before is much cheaper. Giving it back takes about 8 ms for each 100 MiB.
void Server::ReturnUnusedMemory() {
  const auto unused = [] {
    const uint64_t allocated = AllocatorUsed().allocated;
    return std::max(ResidentBytes(), allocated) - allocated;
  };
  // What the checkpoint thread was asked for has come off it later.
  const uint64_t before = unused();
  unused_left_ = std::min(unused_left_, before);
  if (before <= unused_left_ + kUnusedBytesKept) return;
  ReturnFreeMemory();
  // The others' ends are small: this thread fills RocksDB's tables in memory.
  engine_->RunOnCheckpointThread(&ReturnFreeTop);
  unused_left_ = unused();
}

void Server::RequestShutdown(bool save) {
  is_stopping_ = true;
  saves_at_stop_ = save;
}

void Server::OnStopSignal() {
  log_.Notice("stopping", {{"by", "signal"}});
  RequestShutdown(/*save=*/true);
  // From now on a signal ends the process at once.
  stop_signals_.clear();
}

void Server::OnStorageFailure(const Status& cause) {
  if (has_failed_) return;
  has_failed_ = true;
  is_stopping_ = true;
  log_.Warning("the storage failed: stopping, replies that wait for it are answered MISCONF",
               {{"reason", cause.message()}});
  connections_->Abandon(cause);
}

// --- Stop ----------------------------------------------------------------------------------------

ExitCode Server::Stop() {
  listeners_.clear();
  if (!has_failed_) {
    const Status synced = engine_->SyncNow();
    if (!synced.ok()) OnStorageFailure(synced);
  }
  // One attempt: a client that does not read must not keep the server from stopping.
  if (!has_failed_) connections_->SendOutput();
  connections_->CloseAll();
  context_->clients().FreeRemoved();
  if (has_failed_) return ExitCode::kStorageFailed;
  if (saves_at_stop_) {
    const Status closed = engine_->Close();
    if (!closed.ok()) {
      log_.Warning("the store could not be closed; the next start replays the journal",
                   {{"reason", closed.message()}});
      return ExitCode::kStorageFailed;
    }
  }
  log_.Notice("stopped");
  return ExitCode::kOk;
}

}  // namespace server
