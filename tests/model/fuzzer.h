// Random commands, run on an engine and on the reference model side by side.
//
// A run is a seed: the same seed gives the same commands. The first difference ends it; failure()
// then says what differed, with the seed and the last commands. WEIR_MODEL_TRACE=1 prints each
// command before it runs.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/model/reference_model.h"
#include "tests/model/state_dump.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_engine.h"

namespace tests {

struct FuzzOptions {
  uint64_t seed = 1;
  bool threads = false;
  // How the store is disturbed; off for runs in which somebody else does it.
  bool reopens = true;
  uint64_t checkpoint_bytes = 0;  // 0 = drawn.
  // Every so many checkpoints fail, half of them after they took place; 0 = none.
  uint64_t failing_checkpoints = 0;
  // What else the engine is opened with; draws nothing, so the commands stay the same.
  std::function<void(engine::EngineOptions*)> adjust;
  // Called when a turn has been handed to the journal, between two commands. Then, and only then,
  // MoveTo may be called.
  std::function<void(engine::Turn)> on_turn;
};

class Fuzzer {
 public:
  explicit Fuzzer(FuzzOptions options);
  ~Fuzzer();

  // One command or disturbance, now and then an end of the turn. False once something differed.
  bool Step();
  // Compares all there is.
  bool CompareAll();
  void EndTurn();
  // Goes on with the engine that opens with `adjust`, in the state that the present one is in but
  // for what is not worth a turn.
  void MoveTo(const std::function<void(engine::EngineOptions*)>& adjust);

  TestEngine& engine() { return engine_; }
  const std::string& data_directory() const { return data_directory_; }
  std::string failure() const;
  // The seed and the last commands.
  std::string history() const;
  bool failed() const { return !failure_.empty(); }

 private:
  using Ids = std::vector<StreamId>;

  uint64_t Draw(uint64_t below) { return random_() % below; }
  bool OneIn(uint64_t n) { return Draw(n) == 0; }
  template <typename T>
  T PickOf(std::initializer_list<T> choices) {
    return *(choices.begin() + Draw(choices.size()));
  }
  void Trace(const std::string& line) const;
  void Note(std::string step);
  void Expect(bool holds, const std::string& what);
  template <typename T>
  void ExpectSame(const T& engine_says, const T& model_says, const std::string& what) {
    Expect(engine_says == model_says, what);
  }

  engine::EngineOptions MakeOptions();
  void OpenEngine();

  // Drawing.
  void PickStream();
  bool PickGroup();
  std::string PickConsumer();
  StreamId PickId();
  StreamId PickBound();
  Ids PickIds(size_t most);
  Ids PickPending(size_t most);
  Entry MakeEntry(size_t size);
  size_t PickSize();
  engine::TrimArgs PickTrim();
  engine::References PickReferences();
  // A producer and an iid; views of `names_`.
  engine::Production PickProduction();
  std::string PickStringKey();
  int64_t PickExpiry();
  ModelStream& model() { return databases_[db_][key_]; }
  bool exists() const { return databases_[db_].contains(key_); }
  ModelGroup& model_group() { return model().groups[group_]; }

  // `call(op, stream)`; kNotFound when there is no such key.
  template <typename Call>
  auto OnStream(Call call) {
    using Answer = decltype(call(std::declval<engine::Op&>(), std::declval<engine::Stream&>()));
    return engine_.Run(db_, [&](engine::Op& op) -> Answer {
      ASSIGN_OR_RETURN(engine::Stream * stream, engine_->OpenStream(op, key_));
      return call(op, *stream);
    });
  }
  template <typename Call>
  auto OnGroup(Call call) {
    using Answer = decltype(call(std::declval<engine::Op&>(), std::declval<engine::Stream&>(),
                                 std::declval<engine::Group&>()));
    return OnStream([&](engine::Op& op, engine::Stream& stream) -> Answer {
      ASSIGN_OR_RETURN(engine::Group * group, engine_->OpenGroup(op, stream, group_));
      return call(op, stream, *group);
    });
  }

  // Commands.
  void Add();
  void AddRun();
  void AddOne(const engine::AddId& id, const Entry& entry, const engine::TrimArgs& trim);
  void Delete();
  void DeleteRun();
  void Trim();
  void SetId();
  void Range();
  void Ends();
  void CreateGroup();
  void DestroyGroup();
  void SetGroupId();
  void CreateConsumer();
  void DeleteConsumer();
  void ReadNew();
  void ReadHistory();
  void ExpectWaitIsSafe(int64_t min_idle_ms, int64_t wait_ms);
  void Release();
  void Acknowledge();
  void ListPending();
  void Summarize();
  void Claim();
  void AutoClaim();
  void RemoveEntries();
  void AcknowledgeAndRemove();
  void AddOnce();
  void RecordIid();
  void SetIdempotency();
  void SetPolicy();
  void DeleteKeys();
  void Flush();
  void ListKeys();
  void SetString();
  void GetString();
  void SetExpiry();
  void Rename();
  void Copy();
  void SwapDatabases();
  // Disturbances.
  void Reopen();
  void LoseTurn();
  void Checkpoint();
  void ChangeSettings();
  void Disturb();
  // `may_be_newer`: what is stored comes from a life that had gone on, without ending a turn.
  void AdoptSeenTimes(bool may_be_newer = false);
  void NoteTurn(engine::Turn before);
  void RenameKey(const std::string& from, const std::string& to);
  void ReapAll();
  void WaitForRoom();
  void ApplyTrim(ModelStream& stream, const engine::TrimArgs& args, int64_t removed);

  const FuzzOptions options_;
  std::atomic<uint64_t> checkpoints_ = 0;
  std::atomic<bool> checkpoints_may_fail_ = true;
  std::mt19937_64 random_;
  TempDir directory_;
  const std::string data_directory_;
  TestEngine engine_;
  std::vector<ModelDatabase> databases_;
  engine::NodeLimits limits_;
  uint64_t memory_budget_ = 0;
  int copies_ = 0;

  uint32_t db_ = 0;
  std::string key_;
  std::string group_;
  std::pair<std::string, std::string> names_;
  std::vector<std::string> steps_;
  uint64_t step_count_ = 0;
  std::string failure_;
};

}  // namespace tests
