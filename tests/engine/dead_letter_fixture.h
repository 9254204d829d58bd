// An engine with a stream and a group that has a policy, and the calls that tests of dead letters
// make.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "engine/checker.h"
#include "engine/inspect.h"
#include "engine/stream.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_engine.h"

namespace engine {

using Fields = std::map<std::string, std::string>;
using Ids = std::vector<StreamId>;

// `"$1\r\nf\r\n..."` as field -> value.
inline Fields FieldsOf(const EntryView& entry) {
  std::vector<std::string> words;
  std::string_view rest = entry.payload;
  while (!rest.empty()) {
    const size_t line = rest.find("\r\n");
    const size_t size = std::stoul(std::string(rest.substr(1, line - 1)));
    words.emplace_back(rest.substr(line + 2, size));
    rest.remove_prefix(line + 2 + size + 2);
  }
  Fields fields;
  for (size_t i = 0; i + 1 < words.size(); i += 2) {
    fields[words[i]] = words[i + 1];
  }
  return fields;
}

class DeadLetterFixture : public ::testing::Test {
 protected:
  DeadLetterFixture() : engine_(tests::TestEngine::SmallOptions(directory_ / "data")) {
    engine_.options().log = [this](LogLevel level, std::string_view text) {
      if (level >= LogLevel::kWarning) {
        log_.emplace_back(text);
      }
    };
  }

  void SetUp() override { ASSERT_EQ(engine_.Open(), ""); }

  template <typename Call>
  auto On(const std::string& key, Call call) {
    using Answer = decltype(call(std::declval<Op&>(), std::declval<Stream&>()));
    auto answer = engine_.Run(0, [&](Op& op) -> Answer {
      auto stream = engine_->OpenStream(op, key);
      return stream.ok() ? call(op, **stream) : Answer(stream.status());
    });
    CollectEvents();
    return answer;
  }
  template <typename Call>
  auto OnGroup(const std::string& key, const std::string& group, Call call) {
    using Answer =
        decltype(call(std::declval<Op&>(), std::declval<Stream&>(), std::declval<Group&>()));
    return On(key, [&](Op& op, Stream& stream) -> Answer {
      auto opened = engine_->OpenGroup(op, stream, group);
      return opened.ok() ? call(op, stream, **opened) : Answer(opened.status());
    });
  }

  StreamId Add(const std::string& key, const std::string& value, StreamId id = {}) {
    const tests::Entry entry = tests::Entry::Of(value);
    const AddId wanted{id.IsZero() ? AddId::Form::kAuto : AddId::Form::kExplicit, id};
    const auto added = engine_.Run(0, [&](Op& op) -> Result<AddResult> {
      const auto stream = engine_->OpenStream(op, key);
      if (!stream.ok() && stream.code() == Code::kNotLoaded) {
        return stream.status();
      }
      return engine_->Add(op, key, stream.ok() ? *stream : nullptr, wanted, entry.payload(), {});
    });
    EXPECT_TRUE(added.ok());
    return added.ok() ? added->id : StreamId();
  }
  void AddMany(uint64_t count, const std::string& key = "s") {
    for (uint64_t ms = 1; ms <= count; ++ms) {
      Add(key, "v" + std::to_string(ms), {ms, 0});
    }
  }
  void CreateGroup(const std::string& group = "g", const std::string& key = "s") {
    ASSERT_TRUE(On(key, [&](Op& op, Stream& stream) {
                  return engine_->CreateGroup(op, stream, group, {}, std::nullopt);
                }).ok());
  }

  static PolicySetting Number(GroupOption option, int64_t value) {
    return {static_cast<uint8_t>(option), {value, 0, 0}, {}};
  }
  static PolicySetting OnExhaustIs(OnExhaust what) {
    return Number(GroupOption::kOnExhaust, static_cast<int64_t>(what));
  }
  static PolicySetting DeadLetterKeyIs(const std::string& key) {
    return {static_cast<uint8_t>(GroupOption::kDeadLetterKey), {}, key};
  }
  void SetPolicy(std::vector<PolicySetting> settings, const std::string& group = "g",
                 const std::string& key = "s") {
    ASSERT_TRUE(OnGroup(key, group, [&](Op& op, Stream& stream, Group& opened) {
                  engine_->SetPolicy(op, stream, opened, PolicyChange{settings, {}});
                  return OkStatus();
                }).ok());
  }

  Ids Read(const std::string& consumer, int64_t count, std::optional<int64_t> claim = {},
           const std::string& group = "g", const std::string& key = "s") {
    ReadNewArgs args;
    args.consumer = consumer;
    args.count = count;
    args.claim_min_idle_ms = claim;
    Ids ids;
    const auto read = OnGroup(key, group, [&](Op& op, Stream& stream, Group& opened) {
      ids.clear();
      return engine_->ReadNew(op, stream, opened, args,
                              [&](const EntryView& entry, const PriorDelivery&) {
                                ids.push_back(entry.id);
                                return true;
                              });
    });
    EXPECT_TRUE(read.ok()) << read.status().message();
    return ids;
  }
  // Ids of entries that are there.
  Ids History(const std::string& consumer, int64_t count = 0) {
    HistoryArgs args;
    args.consumer = consumer;
    args.count = count;
    Ids ids;
    const auto read = OnGroup("s", "g", [&](Op& op, Stream& stream, Group& opened) {
      ids.clear();
      return engine_->ReadHistory(op, stream, opened, args,
                                  [&](StreamId id, const EntryView* entry) {
                                    if (entry != nullptr) {
                                      ids.push_back(id);
                                    }
                                    return true;
                                  });
    });
    EXPECT_TRUE(read.ok());
    return ids;
  }
  Ids Claim(ClaimArgs args, const Ids& wanted) {
    Ids ids;
    const Status status = OnGroup("s", "g", [&](Op& op, Stream& stream, Group& opened) {
      ids.clear();
      return engine_->Claim(op, stream, opened, args, wanted,
                            [&](StreamId id, const EntryView*) { ids.push_back(id); });
    });
    EXPECT_TRUE(status.ok());
    return ids;
  }
  Ids AutoClaim(AutoClaimArgs args, AutoClaimResult* result = nullptr) {
    Ids ids;
    const auto claimed = OnGroup("s", "g", [&](Op& op, Stream& stream, Group& opened) {
      ids.clear();
      return engine_->AutoClaim(op, stream, opened, args,
                                [&](StreamId id, const EntryView*) { ids.push_back(id); });
    });
    EXPECT_TRUE(claimed.ok());
    if (result != nullptr) {
      *result = *claimed;
    }
    return ids;
  }
  int64_t Nack(ReleaseArgs args, const Ids& ids) {
    const auto released = OnGroup("s", "g", [&](Op& op, Stream& stream, Group& opened) {
      return engine_->Release(op, stream, opened, args, ids);
    });
    EXPECT_TRUE(released.ok());
    return *released;
  }
  int64_t Ack(const Ids& ids, const std::string& group = "g") {
    return *OnGroup("s", group, [&](Op& op, Stream& stream, Group& opened) {
      return engine_->Acknowledge(op, stream, opened, ids);
    });
  }
  void Delete(const std::string& key, const Ids& ids) {
    ASSERT_TRUE(On(key, [&](Op& op, Stream& stream) {
                  return engine_->DeleteEntries(op, stream, ids);
                }).ok());
  }

  // Pending records, parked ones included: id -> deliveries.
  std::map<StreamId, uint64_t> Pending(const std::string& group = "g",
                                       const std::string& key = "s") {
    PendingRangeArgs args;
    args.end = StreamId::Max();
    args.count = INT64_MAX;
    std::map<StreamId, uint64_t> pending;
    const Status status = OnGroup(key, group, [&](Op& op, Stream& stream, Group& opened) {
      pending.clear();
      return engine_->ListPending(op, stream, opened, args, [&](const PendingRow& row) {
        pending[row.id] = row.delivery_count;
      });
    });
    EXPECT_TRUE(status.ok());
    return pending;
  }
  std::vector<Fields> Letters(const std::string& key = "{s}:dead:g") {
    std::vector<Fields> letters;
    RangeArgs args;
    args.end = StreamId::Max();
    const Status status = On(key, [&](Op& op, Stream& stream) {
      letters.clear();
      return engine_->Range(op, stream, args,
                            [&](const EntryView& entry) { letters.push_back(FieldsOf(entry)); });
    });
    EXPECT_TRUE(status.ok() || status.code() == Code::kNotFound);
    return letters;
  }
  DeadLetterInfo Info(const std::string& group = "g", const std::string& key = "s") {
    return *OnGroup(key, group, [&](Op& op, Stream& stream, Group& opened) {
      return engine_->InspectDeadLetters(op, stream, opened);
    });
  }

  void CollectEvents() {
    for (const StreamEvent& event : engine_->TakeEvents()) {
      events_.push_back(event);
    }
  }
  size_t CountEvents(StreamEvent::Kind kind) const {
    size_t count = 0;
    for (const StreamEvent& event : events_) {
      count += event.kind == kind ? 1 : 0;
    }
    return count;
  }
  // As the server does between commands, until nothing is due.
  void Work() {
    for (int step = 0; step < 1000 && engine_->next_due_work_ms() <= engine_.Now().store_ms;
         ++step) {
      engine_->RunDueWork(engine_.Now());
      engine_.EndTurn();
    }
    CollectEvents();
  }
  // Everything that is clean leaves memory.
  void GoCold() {
    engine_.EndTurn();
    ASSERT_TRUE(engine_->CheckpointNow().ok());
    engine_->SetMemoryBudget(1);
    for (int turn = 0; turn < 200; ++turn) {
      engine_.EndTurn();
    }
    engine_->SetMemoryBudget(uint64_t{64} << 20);
  }
  void Reopen() {
    engine_.EndTurn();
    engine_.Crash();
    ASSERT_EQ(engine_.Open(), "");
  }
  void ExpectClean() {
    engine_.EndTurn();
    engine_.Close();
    const auto report = CheckStore(directory_ / "data");
    ASSERT_TRUE(report.ok()) << report.status().message();
    EXPECT_TRUE(report->clean()) << report->faults.front();
    ASSERT_EQ(engine_.Open(), "");
  }

  tests::TempDir directory_;
  tests::TestEngine engine_;
  std::vector<StreamEvent> events_;
  std::vector<std::string> log_;
};

}  // namespace engine
