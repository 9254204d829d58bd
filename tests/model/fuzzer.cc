#include "tests/model/fuzzer.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <thread>

#include "engine/checker.h"
#include "engine/inspect.h"

namespace tests {

using engine::Op;

namespace {

using CheckpointFault = engine::EngineOptions::CheckpointFault;

constexpr uint32_t kDatabases = 2;
constexpr size_t kStepsShown = 40;

}  // namespace

Fuzzer::Fuzzer(FuzzOptions options)
    : options_(options),
      random_(options.seed),
      data_directory_(directory_ / "data"),
      engine_(MakeOptions()),
      databases_(kDatabases) {
  OpenEngine();
}

Fuzzer::~Fuzzer() = default;

engine::EngineOptions Fuzzer::MakeOptions() {
  engine::EngineOptions options = TestEngine::SmallOptions(data_directory_);
  options.databases = kDatabases;
  options.memory_budget_bytes = uint64_t{64} << 20;
  options.checkpoint_bytes = PickOf<uint64_t>({16 << 10, 256 << 10, 1 << 20, 8 << 20});
  if (options_.checkpoint_bytes != 0) {
    options.checkpoint_bytes = options_.checkpoint_bytes;
  }
  constexpr int64_t kIdleLimits[] = {60'000, 5000, 100};
  options.idle_limit_ms = kIdleLimits[options_.seed % std::size(kIdleLimits)];
  if (options_.failing_checkpoints != 0) {
    options.checkpoint_fault = [this] {
      const uint64_t number = ++checkpoints_;
      if (!checkpoints_may_fail_ || number % options_.failing_checkpoints != 0) {
        return CheckpointFault::kNone;
      }
      return number / options_.failing_checkpoints % 2 == 0 ? CheckpointFault::kWrittenUnseen
                                                            : CheckpointFault::kNotWritten;
    };
  }
  if (options_.threads) {
    options.background_threads = true;
    options.reader_threads = 2;
    options.fsync = PickOf<engine::FsyncMode>(
        {engine::FsyncMode::kAlways, engine::FsyncMode::kEverySecond, engine::FsyncMode::kNo});
  }
  if (options_.adjust) {
    options_.adjust(&options);
  }
  return options;
}

void Fuzzer::OpenEngine() {
  const std::string refused = engine_.Open();
  Expect(refused.empty(), "open: " + refused);
  if (failed()) {
    return;
  }
  const bool turns_end = OneIn(2);
  // Whoever counts turns wants them to end at the same commands in each run.
  engine_.set_turns_end_while_loading(turns_end && !options_.on_turn);
  memory_budget_ = PickOf<uint64_t>({300'000, 1'000'000, 16'000'000});
  engine_->SetMemoryBudget(memory_budget_);
  engine_->SetNodeLimits(static_cast<int64_t>(limits_.max_entries),
                         static_cast<int64_t>(limits_.max_bytes));
}

std::string Fuzzer::failure() const {
  if (!failed()) {
    return "";
  }
  return failure_ + "\n" + history();
}

std::string Fuzzer::history() const {
  std::string out = "seed " + std::to_string(options_.seed) + " step " +
                    std::to_string(step_count_) + ", last commands:\n";
  for (const std::string& step : steps_) {
    out += "  " + step + "\n";
  }
  return out;
}

void Fuzzer::Trace(const std::string& line) const {
  if (std::getenv("WEIR_MODEL_TRACE") != nullptr) {
    std::fprintf(stderr, "%llu %s\n", static_cast<unsigned long long>(step_count_), line.c_str());
  }
}

void Fuzzer::Note(std::string step) {
  Trace(step);
  if (steps_.size() == kStepsShown) {
    steps_.erase(steps_.begin());
  }
  steps_.push_back(std::move(step));
}

void Fuzzer::Expect(bool holds, const std::string& what) {
  if (!holds && failure_.empty()) {
    failure_ = what;
  }
}

bool Fuzzer::CompareAll() {
  ReapAll();
  DumpOptions options;
  options.with_nodes = [this](uint32_t db, const std::string& key) {
    const auto it = databases_[db].find(key);
    return it == databases_[db].end() || it->second.nodes_are_exact();
  };
  options.now = engine_.Now();
  const std::string engine_says = DumpEngine(engine_, options);
  const std::string model_says = DumpModel(databases_, options);
  if (engine_says != model_says) {
    Expect(false, "state, engine against model: " + FirstDifference(engine_says, model_says));
  }
  return !failed();
}

void Fuzzer::EndTurn() {
  const engine::Turn before = engine_->current_turn();
  engine_.EndTurn();
  engine_.RunPosted();
  NoteTurn(before);
  WaitForRoom();
}

// As clients would have to; otherwise the reaper would, and delete in a later turn.
void Fuzzer::WaitForRoom() {
  for (int ms = 0; engine_->CanWrite().code() == engine::Code::kLimit; ++ms) {
    if (ms == 60'000) {
      Expect(false, "unsaved changes stay at their limit");
      return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    engine_.EndTurn();
    engine_.RunPosted();
  }
}

void Fuzzer::MoveTo(const std::function<void(engine::EngineOptions*)>& adjust) {
  engine_.Crash();
  adjust(&engine_.options());
  const std::string refused = engine_.Open();
  Expect(refused.empty(), "open: " + refused);
  if (failed()) {
    return;
  }
  engine_->SetMemoryBudget(memory_budget_);
  engine_->SetNodeLimits(static_cast<int64_t>(limits_.max_entries),
                         static_cast<int64_t>(limits_.max_bytes));
  AdoptSeenTimes(true);
}

void Fuzzer::NoteTurn(engine::Turn before) {
  if (engine_->current_turn() == before) {
    return;  // Soft effects alone are not committed.
  }
  Trace("turn " + std::to_string(before));
  for (ModelDatabase& database : databases_) {
    for (auto& [key, stream] : database) {
      for (auto& [name, group] : stream.groups) {
        for (auto& [consumer, state] : group.consumers) {
          state.durable_seen_ms = state.seen_ms;
        }
      }
    }
  }
  if (options_.on_turn) {
    options_.on_turn(before);
  }
}

bool Fuzzer::Step() {
  ++step_count_;
  ReapAll();
  PickStream();
  using Command = void (Fuzzer::*)();
  struct Weighted {
    uint64_t weight;
    Command command;
  };
  static constexpr Weighted kCommands[] = {
      {30, &Fuzzer::Add},           {5, &Fuzzer::AddRun},        {10, &Fuzzer::Delete},
      {3, &Fuzzer::DeleteRun},      {8, &Fuzzer::Trim},          {3, &Fuzzer::SetId},
      {12, &Fuzzer::Range},         {3, &Fuzzer::Ends},          {5, &Fuzzer::CreateGroup},
      {1, &Fuzzer::DestroyGroup},   {4, &Fuzzer::SetGroupId},    {3, &Fuzzer::CreateConsumer},
      {3, &Fuzzer::DeleteConsumer}, {20, &Fuzzer::ReadNew},      {10, &Fuzzer::ReadHistory},
      {15, &Fuzzer::Acknowledge},   {6, &Fuzzer::ListPending},   {4, &Fuzzer::Summarize},
      {12, &Fuzzer::Claim},         {10, &Fuzzer::AutoClaim},    {2, &Fuzzer::DeleteKeys},
      {3, &Fuzzer::ListKeys},       {8, &Fuzzer::RemoveEntries}, {8, &Fuzzer::AcknowledgeAndRemove},
      {25, &Fuzzer::AddOnce},       {6, &Fuzzer::RecordIid},     {1, &Fuzzer::SetIdempotency},
      {4, &Fuzzer::SetPolicy},      {5, &Fuzzer::SetString},     {3, &Fuzzer::GetString},
      {3, &Fuzzer::SetExpiry},      {1, &Fuzzer::Rename},        {1, &Fuzzer::Copy},
      {8, &Fuzzer::Release},
  };
  uint64_t total = 0;
  for (const Weighted& each : kCommands) {
    total += each.weight;
  }
  uint64_t drawn = Draw(total);
  for (const Weighted& each : kCommands) {
    if (drawn < each.weight) {
      (this->*each.command)();
      break;
    }
    drawn -= each.weight;
  }
  if (OneIn(300)) {
    Flush();
  }
  if (OneIn(200)) {
    SwapDatabases();
  }
  if (OneIn(3)) {
    engine_.Advance(static_cast<int64_t>(Draw(20)));
  }
  if (!failed() && OneIn(3)) {
    EndTurn();
  }
  if (!failed()) {
    Disturb();
  }
  if (!failed() && OneIn(100)) {
    CompareAll();
  }
  return !failed();
}

void Fuzzer::Disturb() {
  if (OneIn(60)) {
    ChangeSettings();
  }
  if (OneIn(40)) {
    Checkpoint();
  }
  if (options_.reopens && OneIn(120)) {
    Reopen();
  }
  if (options_.reopens && !failed() && OneIn(400)) {
    LoseTurn();
  }
}

void Fuzzer::ChangeSettings() {
  const auto budget = PickOf<uint64_t>({300'000, 1'000'000, 16'000'000});
  Note("memory budget " + std::to_string(budget));
  memory_budget_ = budget;
  engine_->SetMemoryBudget(budget);
  if (OneIn(3)) {
    limits_.max_entries = PickOf<uint64_t>({0, 1, 3, 10, 100});
    limits_.max_bytes = PickOf<uint64_t>({0, 100, 1000, 4096});
    Note("node limits " + std::to_string(limits_.max_entries) + " " +
         std::to_string(limits_.max_bytes));
    engine_->SetNodeLimits(static_cast<int64_t>(limits_.max_entries),
                           static_cast<int64_t>(limits_.max_bytes));
  }
}

void Fuzzer::Checkpoint() {
  if (OneIn(2)) {
    Note("checkpoint starts");
    const engine::Status started = engine_->StartCheckpoint([](engine::Status) {});
    Expect(started.ok() || started.code() == engine::Code::kLimit, "checkpoint refused");
    EndTurn();
    return;
  }
  Note("checkpoint now");
  const engine::Turn before = engine_->current_turn();
  const engine::Status done = engine_->CheckpointNow();
  NoteTurn(before);
  Expect(done.ok() || options_.failing_checkpoints != 0, "checkpoint: " + done.message());
}

void Fuzzer::Reopen() {
  if (OneIn(3)) {
    Note("stop and open");
    EndTurn();
    checkpoints_may_fail_ = false;
    engine_.Close();
    checkpoints_may_fail_ = true;
  } else {
    Note("crash and open");
    EndTurn();
    engine_.Crash();
    if (OneIn(4)) {
      const auto report = engine::CheckStore(data_directory_);
      Expect(report.ok(), "check: " + report.status().message());
      Expect(report.ok() && report->clean(),
             "check: " + (report.ok() && !report->clean() ? report->faults.front() : ""));
    }
  }
  OpenEngine();
  if (!failed()) {
    ReapAll();
    AdoptSeenTimes();
  }
  if (!failed()) {
    CompareAll();
  }
}

// What was done in a turn that had not ended when the process died has never been.
void Fuzzer::LoseTurn() {
  ReapAll();
  EndTurn();
  const std::vector<ModelDatabase> kept = databases_;
  engine_.set_turns_end_while_loading(false);
  for (int i = 0; i < 5 && !failed(); ++i) {
    PickStream();
    (this->*PickOf<void (Fuzzer::*)()>({&Fuzzer::Add, &Fuzzer::Delete, &Fuzzer::ReadNew,
                                        &Fuzzer::Claim, &Fuzzer::Release, &Fuzzer::DeleteKeys,
                                        &Fuzzer::Trim, &Fuzzer::AddOnce,
                                        &Fuzzer::AcknowledgeAndRemove, &Fuzzer::SetString,
                                        &Fuzzer::Rename, &Fuzzer::Copy}))();
  }
  if (failed()) {
    return;
  }
  Note("crash within a turn");
  engine_.Crash();
  databases_ = kept;
  OpenEngine();
  if (!failed()) {
    ReapAll();
    AdoptSeenTimes();
  }
  if (!failed()) {
    CompareAll();
  }
}

// A consumer's seen time alone is not worth a commit: after a crash it may be an earlier one.
void Fuzzer::AdoptSeenTimes(bool may_be_newer) {
  for (uint32_t db = 0; db < kDatabases; ++db) {
    for (auto& [key, stream] : databases_[db]) {
      const bool has_expired = stream.expire_ms != 0 && stream.expire_ms <= engine_.now_ms();
      if (stream.text.has_value() || has_expired) {
        continue;
      }
      const auto status = engine_.Run(db, [&](Op& op) -> engine::Status {
        ASSIGN_OR_RETURN(engine::Stream * opened, engine_->OpenStream(op, key));
        ForEachGroup(*opened, [&](engine::Group* group) {
          const auto known = stream.groups.find(std::string(Inspect(*group).name));
          ForEachConsumer(*group, [&](const engine::ConsumerInfo& info) {
            if (known == stream.groups.end() ||
                !known->second.consumers.contains(std::string(info.name))) {
              return;  // Compared later.
            }
            ModelConsumer& consumer = known->second.consumers[std::string(info.name)];
            Expect(consumer.durable_seen_ms <= info.seen_ms &&
                       (may_be_newer || info.seen_ms <= consumer.seen_ms),
                   "seen time out of bounds");
            consumer.seen_ms = info.seen_ms;
            consumer.durable_seen_ms = info.seen_ms;
          });
        });
        return engine::OkStatus();
      });
      Expect(status.ok(), "stream " + key + " after opening: " + status.message());
    }
  }
}

// ---- Drawing ----

void Fuzzer::PickStream() {
  db_ = OneIn(4) ? 1 : 0;
  key_ = PickOf<const char*>({"a", "b", "c", "big", "big", "once"});
}

bool Fuzzer::PickGroup() {
  group_ = PickOf<const char*>({"g", "g", "h"});
  return exists() && model().groups.contains(group_);
}

std::string Fuzzer::PickConsumer() { return PickOf<const char*>({"x", "x", "y", "", "zz"}); }

StreamId Fuzzer::PickId() {
  if (!exists() || model().entries.empty() || OneIn(8)) {
    return {Draw(20), Draw(3)};
  }
  const auto& entries = model().entries;
  switch (Draw(5)) {
    case 0:
      return entries.begin()->first;
    case 1:
      return entries.rbegin()->first;
    case 2:
      return {entries.rbegin()->first.ms + Draw(3), Draw(3)};
    default: {
      const uint64_t first = entries.begin()->first.ms;
      const uint64_t last = entries.rbegin()->first.ms;
      const auto it = entries.lower_bound({first + Draw(last - first + 1), Draw(3)});
      return it == entries.end() ? entries.rbegin()->first : it->first;
    }
  }
}

StreamId Fuzzer::PickBound() {
  switch (Draw(6)) {
    case 0:
      return StreamId::Min();
    case 1:
      return StreamId::Max();
    default:
      return PickId();
  }
}

Fuzzer::Ids Fuzzer::PickIds(size_t most) {
  Ids ids(1 + Draw(most));
  for (StreamId& id : ids) {
    id = PickId();
  }
  return ids;
}

Fuzzer::Ids Fuzzer::PickPending(size_t most) {
  Ids ids = PickIds(most);
  const auto& pending = model_group().pending;
  for (StreamId& id : ids) {
    if (!pending.empty() && !OneIn(6)) {
      const uint64_t first = pending.begin()->first.ms;
      const uint64_t last = pending.rbegin()->first.ms;
      const auto it = pending.lower_bound({first + Draw(last - first + 1), Draw(3)});
      id = it == pending.end() ? pending.rbegin()->first : it->first;
    }
  }
  return ids;
}

size_t Fuzzer::PickSize() {
  switch (Draw(20)) {
    case 0:
      return 3000 + Draw(3000);
    case 1:
      return 20'000 + Draw(10'000);
    case 2:
      return OneIn(10) ? 100'000 : 200;
    case 3:
    case 4:
      return 100 + Draw(300);
    default:
      return Draw(12);
  }
}

Entry Fuzzer::MakeEntry(size_t size) {
  std::vector<std::string> fields{OneIn(4) ? "field" : "f"};
  std::string value(size, static_cast<char>('a' + Draw(26)));
  if (OneIn(3)) {
    value = std::to_string(Draw(100'000));
  }
  fields.push_back(std::move(value));
  while (OneIn(4)) {
    fields.push_back("n" + std::to_string(Draw(3)));
    fields.push_back("");
  }
  return Entry(std::move(fields));
}

engine::TrimArgs Fuzzer::PickTrim() {
  engine::TrimArgs args;
  args.approximate = OneIn(2);
  if (OneIn(2)) {
    args.strategy = engine::TrimArgs::Strategy::kMaxLen;
    const uint64_t length = exists() ? model().length() : 0;
    args.max_len = OneIn(10) ? 0 : length - std::min(length, Draw(1 + length / 4) + Draw(2));
  } else {
    args.strategy = engine::TrimArgs::Strategy::kMinId;
    args.min_id = PickId();
  }
  if (args.approximate && OneIn(2)) {
    args.limit = static_cast<int64_t>(Draw(200));
  }
  args.references = PickReferences();
  return args;
}

}  // namespace tests
