// Streams with bounds, ages and RETAIN against a plain model: random commands of producers, groups
// and operators, on an engine whose objects leave memory and which is reopened in between. The
// model says what stays after each command, once all background work is done.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "engine/checker.h"
#include "engine/inspect.h"
#include "engine/stream.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_engine.h"

namespace tests {
namespace {

using engine::Group;
using engine::Op;
using engine::Result;
using engine::Status;
using engine::Stream;
using engine::StreamId;
using engine::StreamOption;

constexpr int64_t kSettleMs = 1000;

struct ModelGroup {
  StreamId position;
  std::map<StreamId, std::string> pending;  // Id -> owner.
};

struct ModelPolicy {
  int64_t max_len = 0;
  int64_t max_bytes = 0;
  int64_t max_age_ms = 0;
  engine::Overflow overflow = engine::Overflow::kReject;
  bool retires = false;
};

struct Model {
  std::map<StreamId, uint64_t> entries;  // Id -> bytes.
  std::map<std::string, ModelGroup> groups;
  ModelPolicy policy;
  engine::StreamCounters counts;

  bool IsReferenced(StreamId id) const {
    return std::ranges::any_of(groups, [id](const auto& named) {
      return named.second.position < id || named.second.pending.contains(id);
    });
  }
  uint64_t Bytes() const {
    uint64_t total = 0;
    for (const auto& [id, bytes] : entries) total += bytes;
    return total;
  }
  void TakeAged(int64_t now_ms) {
    while (policy.max_age_ms > 0 && !entries.empty() &&
           static_cast<int64_t>(entries.begin()->first.ms) < now_ms - policy.max_age_ms) {
      entries.erase(entries.begin());
      ++counts.expired;
    }
  }
  void TakeUnneeded() {
    if (!policy.retires || groups.empty()) return;
    counts.retired +=
        std::erase_if(entries, [this](const auto& entry) { return !IsReferenced(entry.first); });
  }
  // Whether an entry of so many bytes finds room, or gets it.
  bool MakesRoom(int64_t now_ms, uint64_t bytes) {
    if (policy.max_bytes > 0 && bytes > static_cast<uint64_t>(policy.max_bytes)) return false;
    Model after = *this;
    after.TakeAged(now_ms);
    const auto is_full = [&] {
      return (policy.max_len > 0 &&
              after.entries.size() + 1 > static_cast<uint64_t>(policy.max_len)) ||
             (policy.max_bytes > 0 &&
              after.Bytes() + bytes > static_cast<uint64_t>(policy.max_bytes));
    };
    while (is_full()) {
      const StreamId oldest = after.entries.begin()->first;
      const bool is_needed = IsReferenced(oldest);
      const bool drops = policy.overflow == engine::Overflow::kDrop;
      if (!drops && (is_needed || groups.empty())) return false;
      ++(is_needed || groups.empty() ? after.counts.dropped : after.counts.retired);
      after.entries.erase(after.entries.begin());
    }
    *this = after;
    return true;
  }
};

class BoundsFuzzer {
 public:
  explicit BoundsFuzzer(uint64_t seed) : random_(seed), engine_(Options(directory_ / "data")) {
    EXPECT_EQ(engine_.Open(), "");
    Add();
  }

  void Step() {
    const uint64_t choice = Draw(100);
    if (choice < 40) {
      Add();
    } else if (choice < 58) {
      Read();
    } else if (choice < 74) {
      Acknowledge();
    } else if (choice < 78) {
      CreateGroup();
    } else if (choice < 80) {
      DestroyGroup();
    } else if (choice < 83) {
      SetGroupId();
    } else if (choice < 86) {
      DeleteConsumer();
    } else if (choice < 89) {
      Delete();
    } else if (choice < 94) {
      SetPolicy();
    } else if (choice < 97) {
      GoCold();
    } else {
      Reopen();
    }
    Settle();
    Compare();
  }

  std::string history() const {
    std::string text;
    for (size_t i = steps_.size() - std::min<size_t>(steps_.size(), 30); i < steps_.size(); ++i) {
      text += steps_[i] + "\n";
    }
    return text;
  }

 private:
  static engine::EngineOptions Options(std::string directory) {
    engine::EngineOptions options = TestEngine::SmallOptions(std::move(directory));
    options.checkpoint_bytes = 64 << 10;
    return options;
  }

  uint64_t Draw(uint64_t below) { return random_() % below; }

  template <typename Call>
  auto OnStream(Call call) {
    using Answer = decltype(call(std::declval<Op&>(), std::declval<Stream&>()));
    return engine_.Run(0, [&](Op& op) -> Answer {
      ASSIGN_OR_RETURN(Stream * stream, engine_->OpenStream(op, "s"));
      return call(op, *stream);
    });
  }
  template <typename Call>
  auto OnGroup(const std::string& name, Call call) {
    using Answer =
        decltype(call(std::declval<Op&>(), std::declval<Stream&>(), std::declval<Group&>()));
    return OnStream([&](Op& op, Stream& stream) -> Answer {
      ASSIGN_OR_RETURN(Group * group, engine_->OpenGroup(op, stream, name));
      return call(op, stream, *group);
    });
  }

  void Add() {
    // Now and then blocks of few entries, so that a step crosses several.
    const uint64_t size = Draw(8) == 0 ? 3000 + Draw(6000) : Draw(300);
    const Entry entry = Entry::Of(std::string(size, 'x'));
    const uint64_t bytes = size + 1;
    engine::Now now = engine_.Now();
    const bool fits = model_.MakesRoom(now.unix_ms, bytes);
    const engine::TrimArgs trim = PickTrim();
    const auto added = engine_.Run(0, [&](Op& op) -> Result<engine::AddResult> {
      const auto stream = engine_->OpenStream(op, "s");
      if (!stream.ok() && stream.code() != engine::Code::kNotFound) return stream.status();
      auto result =
          engine_->Add(op, "s", stream.ok() ? *stream : nullptr, {}, entry.payload(), trim);
      if (result.ok() && result->refusal.bound != engine::Bound::kNone) {
        engine_->CountRefusal(op, **stream);
      }
      return result;
    });
    ASSERT_TRUE(added.ok());
    ASSERT_EQ(added->refusal.bound == engine::Bound::kNone, fits);
    steps_.push_back("add " + std::to_string(bytes) + (fits ? "" : " refused"));
    if (fits) {
      model_.entries[added->id] = bytes;
      last_id_ = added->id;
      Trim(trim, added->trimmed);
    } else {
      ++model_.counts.rejected;
    }
  }

  engine::TrimArgs PickTrim() {
    engine::TrimArgs trim;
    if (Draw(4) != 0) return trim;
    trim.strategy = engine::TrimArgs::Strategy::kMaxLen;
    trim.max_len = Draw(30);
    trim.approximate = Draw(3) == 0;
    trim.references = static_cast<engine::References>(Draw(3));
    return trim;
  }

  // XADD's own trimming, which comes last. How far `~` goes by nodes is for others to test.
  void Trim(const engine::TrimArgs& trim, int64_t trimmed) {
    if (trim.strategy == engine::TrimArgs::Strategy::kNone) return;
    size_t surplus = model_.entries.size() - std::min<size_t>(model_.entries.size(), trim.max_len);
    const bool by_node = trim.approximate && trim.references == engine::References::kKeep;
    if (by_node) {
      ASSERT_LE(trimmed, static_cast<int64_t>(surplus));
      surplus = static_cast<size_t>(trimmed);
    }
    int64_t removed = 0;
    for (auto at = model_.entries.begin(); at != model_.entries.end() && surplus > 0;) {
      const StreamId id = at->first;
      if (trim.references == engine::References::kRespect && model_.IsReferenced(id)) {
        ++at;
        continue;
      }
      if (trim.references == engine::References::kDrop) {
        for (auto& [name, group] : model_.groups) group.pending.erase(id);
      }
      at = model_.entries.erase(at);
      --surplus;
      ++removed;
    }
    ASSERT_EQ(trimmed, removed);
    steps_.push_back("  and trims " + std::to_string(removed) + " to " +
                     std::to_string(trim.max_len) + (trim.approximate ? " ~" : "") + " mode " +
                     std::to_string(static_cast<int>(trim.references)));
  }

  std::string PickGroup() { return Draw(2) == 0 ? "g" : "h"; }

  void Read() {
    const std::string name = PickGroup();
    if (!model_.groups.contains(name)) return;
    ModelGroup& group = model_.groups[name];
    engine::ReadNewArgs args;
    const std::string consumer = Draw(2) == 0 ? "alice" : "bob";
    args.consumer = consumer;
    args.count = static_cast<int64_t>(1 + Draw(6));
    args.no_ack = Draw(4) == 0;
    std::vector<StreamId> ids;
    const auto read =
        OnGroup(name, [&](Op& op, Stream& stream, Group& of) -> Result<engine::ReadNewResult> {
          ids.clear();
          return engine_->ReadNew(
              op, stream, of, args,
              [&](const engine::EntryView& entry, const engine::PriorDelivery&) {
                ids.push_back(entry.id);
                return true;
              });
        });
    ASSERT_TRUE(read.ok());
    std::vector<StreamId> expected;
    for (auto at = model_.entries.upper_bound(group.position);
         at != model_.entries.end() && expected.size() < static_cast<size_t>(args.count); ++at) {
      expected.push_back(at->first);
    }
    ASSERT_EQ(ids, expected);
    for (const StreamId id : ids) {
      if (!args.no_ack) group.pending[id] = consumer;
      group.position = id;
    }
    steps_.push_back("read " + name + " " + std::to_string(ids.size()) +
                     (args.no_ack ? " noack" : ""));
  }

  void Acknowledge() {
    const std::string name = PickGroup();
    if (!model_.groups.contains(name)) return;
    ModelGroup& group = model_.groups[name];
    std::vector<StreamId> ids;
    for (const auto& [id, owner] : group.pending) {
      if (Draw(3) != 0) ids.push_back(id);
    }
    std::ranges::shuffle(ids, random_);
    if (ids.size() > 8) ids.resize(8);
    const auto count = OnGroup(name, [&](Op& op, Stream& stream, Group& of) {
      return engine_->Acknowledge(op, stream, of, ids);
    });
    ASSERT_EQ(*count, static_cast<int64_t>(ids.size()));
    for (const StreamId id : ids) group.pending.erase(id);
    steps_.push_back("ack " + name + " " + std::to_string(ids.size()));
  }

  StreamId PickPosition() {
    switch (Draw(3)) {
      case 0:
        return {};
      case 1:
        return last_id_;
      default:
        break;
    }
    if (model_.entries.empty()) return last_id_;
    return std::next(model_.entries.begin(), static_cast<ptrdiff_t>(Draw(model_.entries.size())))
        ->first;
  }

  void CreateGroup() {
    const std::string name = PickGroup();
    if (model_.groups.contains(name)) return;
    const StreamId position = PickPosition();
    ASSERT_TRUE(OnStream([&](Op& op, Stream& stream) {
                  return engine_->CreateGroup(op, stream, name, position, std::nullopt);
                }).ok());
    model_.groups[name].position = position;
    steps_.push_back("create " + name + " " + position.ToString());
  }

  void DestroyGroup() {
    const std::string name = PickGroup();
    if (model_.groups.erase(name) == 0) return;
    ASSERT_TRUE(OnGroup(name, [&](Op& op, Stream& stream, Group& of) {
                  return engine_->DestroyGroup(op, stream, of);
                }).ok());
    steps_.push_back("destroy " + name);
  }

  void SetGroupId() {
    const std::string name = PickGroup();
    if (!model_.groups.contains(name)) return;
    const StreamId position = PickPosition();
    ASSERT_TRUE(OnGroup(name, [&](Op& op, Stream& stream, Group& of) {
                  return engine_->SetGroupId(op, stream, of, position, std::nullopt);
                }).ok());
    model_.groups[name].position = position;
    steps_.push_back("setid " + name + " " + position.ToString());
  }

  void DeleteConsumer() {
    const std::string name = PickGroup();
    if (!model_.groups.contains(name)) return;
    ASSERT_TRUE(OnGroup(name, [&](Op& op, Stream& stream, Group& of) {
                  return engine_->DeleteConsumer(op, stream, of, "alice");
                }).ok());
    std::erase_if(model_.groups[name].pending,
                  [](const auto& record) { return record.second == "alice"; });
    steps_.push_back("delconsumer " + name);
  }

  void Delete() {
    std::vector<StreamId> ids;
    for (const auto& [id, bytes] : model_.entries) {
      if (Draw(6) == 0 && ids.size() < 4) ids.push_back(id);
    }
    ASSERT_TRUE(OnStream([&](Op& op, Stream& stream) {
                  return engine_->DeleteEntries(op, stream, ids);
                }).ok());
    for (const StreamId id : ids) model_.entries.erase(id);
    steps_.push_back("del " + std::to_string(ids.size()));
  }

  void SetPolicy() {
    model_.policy.max_len = Draw(3) == 0 ? 0 : static_cast<int64_t>(1 + Draw(40));
    model_.policy.max_bytes = Draw(2) == 0 ? 0 : static_cast<int64_t>(100 + Draw(20'000));
    model_.policy.max_age_ms = Draw(3) == 0 ? static_cast<int64_t>(5'000 + Draw(40'000)) : 0;
    model_.policy.overflow = static_cast<engine::Overflow>(Draw(3));
    model_.policy.retires = Draw(2) == 0;
    ApplyPolicy(static_cast<int64_t>(steps_.size()));
    steps_.push_back("policy maxlen=" + std::to_string(model_.policy.max_len) +
                     " maxbytes=" + std::to_string(model_.policy.max_bytes) +
                     " maxage=" + std::to_string(model_.policy.max_age_ms) +
                     " overflow=" + std::to_string(static_cast<int>(model_.policy.overflow)) +
                     (model_.policy.retires ? " unacked" : ""));
  }

  void ApplyPolicy(int64_t timeout_ms) {
    engine::PolicyChange change;
    const auto set = [&change](StreamOption option, int64_t value) {
      change.set.push_back(
          {.option = static_cast<uint8_t>(option), .numbers = {value}, .text = {}});
    };
    set(StreamOption::kMaxLen, model_.policy.max_len);
    set(StreamOption::kMaxBytes, model_.policy.max_bytes);
    set(StreamOption::kMaxAge, model_.policy.max_age_ms);
    set(StreamOption::kOverflow, static_cast<int64_t>(model_.policy.overflow));
    set(StreamOption::kOverflowTimeout, timeout_ms);
    set(StreamOption::kRetain, model_.policy.retires ? 1 : 0);
    ASSERT_TRUE(OnStream([&](Op& op, Stream& stream) {
                  engine_->SetPolicy(op, stream, change);
                  return engine::OkStatus();
                }).ok());
  }

  void GoCold() {
    ASSERT_TRUE(engine_->CheckpointNow().ok());
    engine_->SetMemoryBudget(1);
    for (int turn = 0; turn < 20; ++turn) engine_.EndTurn();
    engine_->SetMemoryBudget(uint64_t{16} << 20);
    ApplyPolicy(static_cast<int64_t>(steps_.size()) + 1);
    steps_.push_back("cold");
  }

  void Reopen() {
    const bool is_crash = Draw(2) == 0;
    engine_.EndTurn();
    // Refusals alone are worth no commit; any change carries them along.
    ApplyPolicy(static_cast<int64_t>(steps_.size()));
    engine_.EndTurn();
    if (is_crash) {
      engine_.Crash();
    } else {
      engine_.Close();
    }
    const auto report = engine::CheckStore(directory_ / "data");
    ASSERT_TRUE(report.ok()) << report.status().message();
    ASSERT_TRUE(report->clean()) << report->faults.front();
    ASSERT_EQ(engine_.Open(), "");
    ApplyPolicy(static_cast<int64_t>(steps_.size()) + 1);
    steps_.push_back(is_crash ? "crash" : "reopen");
  }

  void Settle() {
    engine_.Advance(kSettleMs);
    for (int turn = 0; turn < 100; ++turn) {
      engine_->RunDueWork(engine_.Now());
      engine_.EndTurn();
      engine_.RunPosted();
      if (engine_->next_due_work_ms() > engine_.Now().store_ms) break;
    }
    engine_->TakeEvents();
    model_.TakeUnneeded();
    model_.TakeAged(engine_.Now().unix_ms);
  }

  void Compare() {
    std::vector<StreamId> ids;
    engine::StreamInfo info;
    const auto ranged = OnStream([&](Op& op, Stream& stream) {
      ids.clear();
      info = engine::Inspect(stream);
      engine::RangeArgs all;
      all.end = StreamId::Max();
      return engine_->Range(op, stream, all,
                            [&](const engine::EntryView& entry) { ids.push_back(entry.id); });
    });
    ASSERT_TRUE(ranged.ok());
    std::vector<StreamId> expected;
    for (const auto& [id, bytes] : model_.entries) expected.push_back(id);
    ASSERT_EQ(ids, expected);
    ASSERT_EQ(info.length, static_cast<int64_t>(expected.size()));
    ASSERT_EQ(info.data_bytes, model_.Bytes());
    ASSERT_EQ(info.counters.rejected, model_.counts.rejected);
    ASSERT_EQ(info.counters.dropped, model_.counts.dropped);
    ASSERT_EQ(info.counters.expired, model_.counts.expired);
    ASSERT_EQ(info.counters.retired, model_.counts.retired);
  }

  std::mt19937_64 random_;
  TempDir directory_;
  TestEngine engine_;
  Model model_;
  StreamId last_id_;
  std::vector<std::string> steps_;
};

class BoundsModel : public ::testing::TestWithParam<uint64_t> {};

TEST_P(BoundsModel, HoldsWhatTheModelHolds) {
  BoundsFuzzer fuzzer(GetParam());
  for (int step = 0; step < 700; ++step) {
    fuzzer.Step();
    ASSERT_FALSE(::testing::Test::HasFailure()) << "seed " << GetParam() << "\n"
                                                << fuzzer.history();
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, BoundsModel, ::testing::Range<uint64_t>(1, 13));

}  // namespace
}  // namespace tests
