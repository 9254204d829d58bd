#include "tests/fuzz/fuzz_server.h"

#include <algorithm>
#include <cstdio>
#include <string>

#include "engine/checker.h"
#include "tests/fuzz/fuzz_input.h"

// What the leak sanitizer asks for. The server of the last input is not closed, and what RocksDB
// schedules while the process ends is dropped by its thread pool.
extern "C" const char* __lsan_default_suppressions() {
  return "leak:rocksdb::DBImpl::MaybeScheduleFlushOrCompaction\n";
}

namespace fuzz {
namespace {

constexpr uint64_t kSmallBudget = uint64_t{256} << 10;
// RocksDB opens with no less.
constexpr uint64_t kLeastBudget = uint64_t{16} << 20;

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return lower;
}

void RequireClean(const engine::Status& status, const engine::CheckReport& report,
                  std::string_view promise) {
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.message().c_str());
  for (const std::string& fault : report.faults) std::fprintf(stderr, "%s\n", fault.c_str());
  Require(status.ok() && report.clean(), promise);
}

}  // namespace

FuzzServer::FuzzServer()
    : server_(
          [](engine::EngineOptions& options) {
            options.memory_budget_bytes = kLeastBudget;
            options.checkpoint_bytes = uint64_t{64} << 10;
          },
          "enable-debug-command yes\ndatabases 4\nrestart-grace 100\n") {
  // So little that things come and go.
  server_.engine().SetMemoryBudget(kSmallBudget);
  constexpr std::string_view kAll[] = {"*"};
  config_ = server_.context().config().Get(kAll);
}

void FuzzServer::NoteBytes(std::string_view bytes) {
  const std::string lower = Lower(bytes);
  const auto has = [&lower](std::string_view word) { return lower.find(word) != lower.npos; };
  worn_ = worn_ || has("shutdown");
  paused_ = paused_ || has("pause");
  config_changed_ = config_changed_ || has("config");
  if (has("reload") || has("loadaof")) server_.engine().SetMemoryBudget(kLeastBudget);
}

void FuzzServer::RestoreConfig() {
  constexpr std::string_view kAll[] = {"*"};
  const auto changed = server_.context().config().Get(kAll);
  for (size_t i = 0; i < config_.size(); ++i) {
    if (changed[i] == config_[i]) continue;
    const std::string_view words[] = {config_[i].first, config_[i].second};
    worn_ = worn_ || !server_.context().config().Set(words).ok();
  }
  config_changed_ = false;
}

void FuzzServer::EndPause() {
  tests::TestClient& client = server_.Connect();
  // A pause of all commands holds this one back as well.
  worn_ = worn_ || server_.context().pause().HoldsBack(0, server_.clock().MonotonicMicros());
  const std::string reply = client.Call("CLIENT UNPAUSE");
  if (reply != "+OK") std::fprintf(stderr, "%s\n", reply.c_str());
  Require(reply == (worn_ ? "" : "+OK"), "a pause can be ended, unless it holds all");
  client.Disconnect();
  server_.ForgetClosedClients();
  paused_ = false;
}

void FuzzServer::Settle() {
  ++settled_;
  engine::CheckReport report;
  const engine::Status verified = server_.engine().Verify(&report);
  RequireClean(verified, report, "the state adds up");
  server_.ForgetClosedClients();
  if (config_changed_) RestoreConfig();
  if (worn()) return;
  if (paused_) EndPause();
  if (worn()) return;
  server_.engine().SetMemoryBudget(kSmallBudget);
  engine::Op op;
  op.now = server_.engine().TimeNow(server_.clock().UnixMs(), server_.clock().MonotonicMs());
  Require(server_.engine().FlushAll(op).ok(), "everything can be deleted");
  server_.Run();
}

void FuzzServer::Finish() {
  server_.Stop();
  const engine::Result<engine::CheckReport> report = engine::CheckStore(server_.store_path());
  RequireClean(report.status(), report.ok() ? *report : engine::CheckReport(), "the store adds up");
}

}  // namespace fuzz
