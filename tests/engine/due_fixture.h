// A stream with a group under a policy, on a clock that the test moves.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "engine/checker.h"
#include "engine/engine.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_engine.h"

namespace engine {

using tests::Entry;
using tests::TempDir;
using tests::TestEngine;

using Ids = std::vector<StreamId>;

inline PolicySetting Number(GroupOption option, int64_t value) {
  return {static_cast<uint8_t>(option), {value}, {}};
}
inline PolicySetting BackoffOf(int64_t min_ms, int64_t max_ms, int64_t factor_hundredths) {
  return {static_cast<uint8_t>(GroupOption::kBackoff), {min_ms, max_ms, factor_hundredths}, {}};
}

// A stream `s` with a group `g`.
class DueTest : public ::testing::Test {
 protected:
  DueTest() : engine_(TestEngine::SmallOptions(directory_ / "data")) {}

  void SetUp() override {
    engine_.options().restart_grace_ms = 0;
    ASSERT_EQ(engine_.Open(), "");
    Add(1);
    ASSERT_TRUE(engine_
                    .Run(0,
                         [&](Op& op) -> Status {
                           ASSIGN_OR_RETURN(Stream * stream, engine_->OpenStream(op, "s"));
                           return engine_->CreateGroup(op, *stream, "g", {}, std::nullopt);
                         })
                    .ok());
  }

  template <typename Call>
  auto OnGroup(Call call) {
    using R = decltype(call(std::declval<Op&>(), std::declval<Stream&>(), std::declval<Group&>()));
    return engine_.Run(0, [&](Op& op) -> R {
      ASSIGN_OR_RETURN(Stream * stream, engine_->OpenStream(op, "s"));
      ASSIGN_OR_RETURN(Group * group, engine_->OpenGroup(op, *stream, "g"));
      return call(op, *stream, *group);
    });
  }
  // Entries follow those there are.
  void Add(uint64_t count) {
    for (uint64_t i = 0; i < count; ++i) {
      const Entry entry = Entry::Of("v");
      const StreamId id{++last_ms_, 0};
      ASSERT_TRUE(engine_
                      .Run(0,
                           [&](Op& op) -> Result<AddResult> {
                             const auto stream = engine_->OpenStream(op, "s");
                             return engine_->Add(op, "s", stream.ok() ? *stream : nullptr,
                                                 {AddId::Form::kExplicit, id}, entry.payload(), {});
                           })
                      .ok());
    }
  }
  void Set(std::vector<PolicySetting> settings) {
    ASSERT_TRUE(OnGroup([&](Op& op, Stream& stream, Group& group) {
                  engine_->SetPolicy(op, stream, group, {settings, {}});
                  return OkStatus();
                }).ok());
    engine_->RunDueWork(engine_.Now());
  }
  Ids Read(const std::string& consumer, int64_t count = 0, bool no_ack = false) {
    ReadNewArgs args;
    args.consumer = consumer;
    args.count = count;
    args.no_ack = no_ack;
    return Read(args);
  }
  Ids Read(const ReadNewArgs& args) {
    Ids ids;
    const auto read = OnGroup([&](Op& op, Stream& stream, Group& group) {
      ids.clear();
      return engine_->ReadNew(op, stream, group, args,
                              [&](const EntryView& entry, const PriorDelivery&) {
                                ids.push_back(entry.id);
                                return true;
                              });
    });
    EXPECT_TRUE(read.ok()) << read.status().message();
    ends_reply_ = read.ok() && read->ends_reply;
    claim_wait_ms_ = read.ok() ? read->claim_wait_ms : -1;
    return ids;
  }
  Ids ClaimIdle(int64_t min_idle_ms, int64_t count = 0) {
    ReadNewArgs args;
    args.consumer = "claimer";
    args.count = count;
    args.claim_min_idle_ms = min_idle_ms;
    return Read(args);
  }
  int64_t Acknowledge(const Ids& ids) {
    return *OnGroup([&](Op& op, Stream& stream, Group& group) {
      return engine_->Acknowledge(op, stream, group, ids);
    });
  }
  int64_t Release(const Ids& ids, const ReleaseArgs& args = {}) {
    return *OnGroup([&](Op& op, Stream& stream, Group& group) {
      return engine_->Release(op, stream, group, args, ids);
    });
  }
  int64_t Delay(const Ids& ids, int64_t delay_ms) {
    ReleaseArgs args;
    args.delay_ms = delay_ms;
    return Release(ids, args);
  }
  Ids Claim(const Ids& ids, const ClaimArgs& args) {
    Ids claimed;
    EXPECT_TRUE(OnGroup([&](Op& op, Stream& stream, Group& group) {
                  claimed.clear();
                  return engine_->Claim(
                      op, stream, group, args, ids,
                      [&](StreamId id, const EntryView*) { claimed.push_back(id); });
                }).ok());
    return claimed;
  }
  void Delete(const Ids& ids) {
    ASSERT_TRUE(engine_
                    .Run(0,
                         [&](Op& op) -> Result<int64_t> {
                           ASSIGN_OR_RETURN(Stream * stream, engine_->OpenStream(op, "s"));
                           return engine_->DeleteEntries(op, *stream, ids);
                         })
                    .ok());
  }
  struct Row {
    StreamId id;
    PendingDetails::State state;
    uint64_t count = 0;
    int64_t last_ms = 0;
    int64_t due_ms = 0;  // -1: never.
    std::string reason;
    bool operator==(const Row&) const = default;
  };
  std::vector<Row> Pending() {
    std::vector<Row> rows;
    PendingRangeArgs all;
    all.end = StreamId::Max();
    all.count = INT64_MAX;
    EXPECT_TRUE(OnGroup([&](Op& op, Stream& stream, Group& group) {
                  rows.clear();
                  return engine_->DescribePending(
                      op, stream, group, all, [&](const PendingDetails& record) {
                        rows.push_back({record.id, record.state, record.delivery_count,
                                        record.last_unix_ms, record.due_unix_ms,
                                        std::string(record.reason)});
                      });
                }).ok());
    return rows;
  }
  // What the steward does now; whether blocked readers of the group are woken for it.
  bool Wakes() {
    engine_->TakeEvents();
    bool woken = false;
    for (int step = 0; step < 10'000 && engine_->next_due_work_ms() <= engine_.Now().store_ms;
         ++step) {
      engine_->RunDueWork(engine_.Now());
      for (const StreamEvent& event : engine_->TakeEvents()) {
        woken = woken || (event.kind == StreamEvent::Kind::kReady && event.group == "g");
      }
      engine_.EndTurn();
    }
    EXPECT_GT(engine_->next_due_work_ms(), engine_.Now().store_ms);
    return woken;
  }
  void DropEvents() { engine_->TakeEvents(); }
  void ExpectSound() {
    engine_.Close();
    const auto report = CheckStore(directory_ / "data");
    ASSERT_TRUE(report.ok()) << report.status().message();
    EXPECT_EQ(report->faults, std::vector<std::string>());
    ASSERT_EQ(engine_.Open(), "");
  }

  TempDir directory_;
  TestEngine engine_;
  uint64_t last_ms_ = 0;
  bool ends_reply_ = false;
  int64_t claim_wait_ms_ = 0;
};

}  // namespace engine
