// An engine for tests: a store directory, a clock that the test moves, commands that load what they
// miss, and reopening in all the ways a process can end.
//
// With threads, what the engine posts is queued and runs in RunPosted(), as a loop would. Thread:
// one.
#pragma once

#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/engine.h"

namespace tests {

// An entry as a test writes it: fields and values in turn.
class Entry {
 public:
  explicit Entry(std::vector<std::string> fields_and_values);
  // One field `f`.
  static Entry Of(std::string value) { return Entry({"f", std::move(value)}); }
  engine::Payload payload() const;
  const std::string& wire() const { return wire_; }

 private:
  std::string wire_;
  uint32_t arg_count_;
  uint64_t data_bytes_;
};

class TestEngine {
 public:
  // Small and deterministic: no threads.
  static engine::EngineOptions SmallOptions(std::string directory);

  explicit TestEngine(engine::EngineOptions options);
  ~TestEngine();

  // Empty when it worked, else what was refused.
  std::string Open();
  // What the last Open() that refused did so with.
  engine::Code refusal() const { return refusal_; }
  // A clean stop.
  void Close();
  // The process dies: everything that was handed to the operating system stays.
  void Crash();
  bool is_open() const { return engine_ != nullptr; }

  engine::Engine& operator*() { return *engine_; }
  engine::Engine* operator->() { return engine_.get(); }
  engine::EngineOptions& options() { return options_; }

  int64_t now_ms() const { return now_ms_; }
  void Advance(int64_t ms) { now_ms_ += ms; }
  engine::Now Now();

  // Runs a command, loading what it misses as the server would: `command(op)` returns a Status or a
  // Result, and runs again after each kNotLoaded.
  template <typename Command>
  auto Run(uint32_t db, Command command) {
    engine::Pins pins;
    const engine::Now now = Now();
    for (int attempt = 0;; ++attempt) {
      engine::Op op;
      op.now = now;
      op.db = db;
      op.pins = &pins;
      auto result = command(op);
      if (result.ok() || CodeOf(result) != engine::Code::kNotLoaded) {
        newest_seen_turn_ = op.seen_turn;
        engine_->ReleasePins(&pins);
        return result;
      }
      if (attempt >= 10000) {
        std::fprintf(stderr, "loading gets nowhere\n");
        std::abort();
      }
      ++loads_;
      engine::Status loaded = Load(std::move(op.needs), &pins);
      if (!loaded.ok()) {
        engine_->ReleasePins(&pins);
        return decltype(result)(std::move(loaded));
      }
    }
  }

  void EndTurn() { engine_->EndTurn(Now()); }
  // Turns end while a load is under way (and memory shrinks), as in a server with other clients.
  void set_turns_end_while_loading(bool on) { turns_end_while_loading_ = on; }
  void RunPosted();

  uint64_t loads() const { return loads_; }
  engine::Turn newest_seen_turn() const { return newest_seen_turn_; }

 private:
  static engine::Code CodeOf(const engine::Status& status) { return status.code(); }
  template <typename T>
  static engine::Code CodeOf(const engine::Result<T>& result) {
    return result.code();
  }
  engine::Status Load(std::vector<engine::LoadItem> items, engine::Pins* pins);
  void Post(std::function<void()> work);
  void WaitForPosted();

  engine::EngineOptions options_;
  std::unique_ptr<engine::Engine> engine_;
  int64_t now_ms_ = 1'700'000'000'000;
  engine::Code refusal_ = engine::Code::kOk;
  uint64_t loads_ = 0;
  engine::Turn newest_seen_turn_ = 0;
  bool turns_end_while_loading_ = false;

  std::mutex mutex_;
  std::condition_variable posted_;
  std::deque<std::function<void()>> queue_;
};

}  // namespace tests
