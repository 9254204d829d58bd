// The fuzzer's commands on groups.
#include <algorithm>

#include "engine/limits.h"
#include "tests/model/fuzzer_calls.h"

namespace tests {

using engine::Code;
using engine::EntryView;
using engine::Group;
using engine::Op;
using engine::Status;
using engine::Stream;

void Fuzzer::CreateGroup() {
  PickGroup();
  const StreamId from = OneIn(2) ? StreamId() : PickId();
  std::optional<int64_t> entries_read;
  if (OneIn(3)) {
    entries_read = static_cast<int64_t>(Draw(20));
  }
  Note("create group " + std::to_string(db_) + "/" + key_ + " " + group_ + " " + from.ToString());
  const Status status = engine_.Run(db_, [&](Op& op) -> Status {
    auto stream = engine_->OpenStream(op, key_);
    if (stream.code() == Code::kNotFound && !stream.ok()) {
      stream = engine_->CreateStream(op, key_);
    }
    if (!stream.ok()) {
      return stream.status();
    }
    return engine_->CreateGroup(op, **stream, group_, from, entries_read);
  });
  const bool created = model().CreateGroup(group_, from, entries_read);
  ExpectSame(status.code(), created ? Code::kOk : Code::kGroupExists, "create group");
}

void Fuzzer::DestroyGroup() {
  if (!PickGroup()) {
    return;
  }
  Note("destroy group " + std::to_string(db_) + "/" + key_ + " " + group_);
  const Status status = OnGroup([&](Op& op, Stream& stream, Group& group) {
    return engine_->DestroyGroup(op, stream, group);
  });
  Expect(status.ok(), "destroy group");
  model().groups.erase(group_);
}

void Fuzzer::SetGroupId() {
  if (!PickGroup()) {
    return;
  }
  const StreamId to = OneIn(3) ? StreamId() : PickBound();
  std::optional<int64_t> entries_read;
  if (OneIn(2)) {
    entries_read = static_cast<int64_t>(Draw(20));
  }
  Note("set group id " + std::to_string(db_) + "/" + key_ + " " + group_ + " " + to.ToString());
  const Status status = OnGroup([&](Op& op, Stream& stream, Group& group) {
    return engine_->SetGroupId(op, stream, group, to, entries_read);
  });
  Expect(status.ok(), "set group id");
  model().SetGroupId(model_group(), to, entries_read);
}

void Fuzzer::CreateConsumer() {
  if (!PickGroup()) {
    return;
  }
  const std::string name = PickConsumer();
  Note("create consumer " + std::to_string(db_) + "/" + key_ + " " + group_ + " '" + name + "'");
  const auto created = OnGroup([&](Op& op, Stream& stream, Group& group) {
    return engine_->CreateConsumer(op, stream, group, name);
  });
  const int64_t now_ms = engine_.Now().store_ms;
  const bool is_new =
      model_group().consumers.try_emplace(name, ModelConsumer{now_ms, -1, now_ms}).second;
  Expect(created.ok() && *created == is_new, "create consumer");
}

void Fuzzer::DeleteConsumer() {
  if (!PickGroup()) {
    return;
  }
  const std::string name = PickConsumer();
  Note("delete consumer " + std::to_string(db_) + "/" + key_ + " " + group_ + " '" + name + "'");
  const auto count = OnGroup([&](Op& op, Stream& stream, Group& group) {
    return engine_->DeleteConsumer(op, stream, group, name);
  });
  Expect(count.ok() && *count == tests::DeleteConsumer(model_group(), name), "delete consumer");
}

void Fuzzer::ReadNew() {
  if (!PickGroup()) {
    return;
  }
  const std::string consumer = PickConsumer();
  engine::ReadNewArgs args;
  args.consumer = consumer;
  args.count = OneIn(4) ? 0 : static_cast<int64_t>(1 + Draw(OneIn(3) ? 300 : 5));
  args.no_ack = OneIn(6);
  args.max_bytes = OneIn(5) ? 1 + Draw(20'000) : 0;
  if (OneIn(2)) {
    args.claim_min_idle_ms = static_cast<int64_t>(Draw(OneIn(3) ? 2 : 60));
  }
  const size_t most = OneIn(5) ? 1 + Draw(20) : SIZE_MAX;
  Note("read new " + std::to_string(db_) + "/" + key_ + " " + group_ + " '" + consumer +
       "' count " + std::to_string(args.count) + (args.no_ack ? " noack" : "") + " bytes " +
       std::to_string(args.max_bytes) + " most " + std::to_string(most) + " claim " +
       std::to_string(args.claim_min_idle_ms.value_or(-1)));
  std::vector<ModelRow> rows;
  std::vector<engine::PriorDelivery> priors;
  const auto result = OnGroup([&](Op& op, Stream& stream, Group& group) {
    return engine_->ReadNew(op, stream, group, args,
                            [&](const EntryView& entry, const engine::PriorDelivery& prior) {
                              rows.push_back(RowOf(entry.id, &entry));
                              priors.push_back(prior);
                              return rows.size() < most;
                            });
  });
  std::vector<engine::PriorDelivery> wanted_priors;
  const engine::Now now = engine_.Now();
  const auto wanted = model().ReadNew(now, model_group(), args, most, &wanted_priors);
  Expect(
      result.ok() && rows == wanted && result->count == static_cast<int64_t>(rows.size()) &&
          priors == wanted_priors,
      "read new: " + std::to_string(rows.size()) + " rows, model " + std::to_string(wanted.size()));
  if (result.ok() && rows.empty() && args.claim_min_idle_ms.has_value()) {
    ExpectWaitIsSafe(*args.claim_min_idle_ms, result->claim_wait_ms);
  }
}

// Nothing could be claimed: no record that has an entry may become due before the wait is over.
void Fuzzer::ExpectWaitIsSafe(int64_t min_idle_ms, int64_t wait_ms) {
  const int64_t now_ms = engine_.Now().store_ms;
  int64_t safe_ms = std::max<int64_t>(min_idle_ms, engine::kMinClaimWaitMs);
  for (const auto& [id, record] : model_group().pending) {
    if (model().entries.contains(id)) {
      const int64_t due_ms = record.delivery_ms + min_idle_ms - now_ms;
      safe_ms = std::min(safe_ms, std::max(due_ms, engine::kMinClaimWaitMs));
    }
  }
  Expect(wait_ms > 0 && wait_ms <= safe_ms,
         "claim wait " + std::to_string(wait_ms) + ", safe " + std::to_string(safe_ms));
}

void Fuzzer::Release() {
  if (!PickGroup()) {
    return;
  }
  using Mode = engine::ReleaseArgs::Mode;
  engine::ReleaseArgs args;
  args.mode = PickOf<Mode>({Mode::kSilent, Mode::kFail, Mode::kFatal});
  args.force = OneIn(3);
  if (OneIn(5)) {
    args.retry_count = PickOf<uint64_t>({0, 1, 77, INT64_MAX});
  }
  const Ids ids = PickPending(OneIn(5) ? 150 : 5);
  Note("release " + std::to_string(db_) + "/" + key_ + " " + group_ + " mode " +
       std::to_string(static_cast<int>(args.mode)) + (args.force ? " force" : "") + Text(ids));
  const auto count = OnGroup([&](Op& op, Stream& stream, Group& group) {
    return engine_->Release(op, stream, group, args, ids);
  });
  Expect(count.ok() && *count == model().Release(model_group(), args, ids), "release");
}

void Fuzzer::ReadHistory() {
  if (!PickGroup()) {
    return;
  }
  const std::string consumer = PickConsumer();
  engine::HistoryArgs args;
  args.consumer = consumer;
  args.after = OneIn(2) ? StreamId() : PickBound();
  args.count = OneIn(2) ? 0 : static_cast<int64_t>(1 + Draw(OneIn(3) ? 200 : 5));
  args.max_bytes = OneIn(4) ? 1 + Draw(20'000) : 0;
  Note("read history " + std::to_string(db_) + "/" + key_ + " " + group_ + " '" + consumer +
       "' after " + args.after.ToString() + " count " + std::to_string(args.count) + " bytes " +
       std::to_string(args.max_bytes));
  std::vector<ModelRow> rows;
  const auto count = OnGroup([&](Op& op, Stream& stream, Group& group) {
    return engine_->ReadHistory(op, stream, group, args, [&](StreamId id, const EntryView* entry) {
      rows.push_back(RowOf(id, entry));
      return true;
    });
  });
  const auto wanted = model().ReadHistory(engine_.Now(), model_group(), args);
  Expect(count.ok() && rows == wanted, "read history: " + std::to_string(rows.size()) +
                                           " rows, model " + std::to_string(wanted.size()));
}

void Fuzzer::Acknowledge() {
  if (!PickGroup()) {
    return;
  }
  const Ids ids = PickPending(OneIn(5) ? 150 : 5);
  Note("acknowledge " + std::to_string(db_) + "/" + key_ + " " + group_ + Text(ids));
  const auto count = OnGroup([&](Op& op, Stream& stream, Group& group) {
    return engine_->Acknowledge(op, stream, group, ids);
  });
  Expect(count.ok() && *count == tests::Acknowledge(model_group(), ids), "acknowledge");
}

void Fuzzer::ListPending() {
  if (!PickGroup()) {
    return;
  }
  engine::PendingRangeArgs args;
  args.start = PickBound();
  args.end = PickBound();
  args.count = static_cast<int64_t>(Draw(OneIn(3) ? 400 : 6));
  args.min_idle_ms = OneIn(2) ? 0 : static_cast<int64_t>(Draw(60));
  const std::string consumer = PickConsumer();
  if (OneIn(2)) {
    args.consumer = consumer;
  }
  Note("list pending " + std::to_string(db_) + "/" + key_ + " " + group_ + " " +
       args.start.ToString() + " " + args.end.ToString() + " count " + std::to_string(args.count) +
       " idle " + std::to_string(args.min_idle_ms));
  std::vector<std::pair<StreamId, ModelRecord>> rows;
  const engine::Now now = engine_.Now();
  bool idle_is_right = true;
  const Status status = OnGroup([&](Op& op, Stream& stream, Group& group) {
    rows.clear();
    return engine_->ListPending(op, stream, group, args, [&](const engine::PendingRow& row) {
      const bool released = row.idle_ms == -1;
      rows.emplace_back(row.id, ModelRecord{std::string(row.consumer), row.delivery_unix_ms,
                                            row.delivery_count, released, 0});
      idle_is_right &= released || row.idle_ms == now.store_ms - row.delivery_unix_ms;
    });
  });
  const auto wanted = tests::ListPending(now, model_group(), args);
  Expect(status.ok() && rows == wanted && idle_is_right,
         "list pending: " + std::to_string(rows.size()) + " rows, model " +
             std::to_string(wanted.size()));
}

void Fuzzer::Summarize() {
  if (!PickGroup()) {
    return;
  }
  Note("summarize " + std::to_string(db_) + "/" + key_ + " " + group_);
  const auto summary = OnGroup([&](Op& op, Stream& stream, Group& group) {
    return engine_->SummarizePending(op, stream, group);
  });
  const ModelGroup& group = model_group();
  Expect(summary.ok(), "summarize");
  ExpectSame(summary->total, static_cast<int64_t>(group.pending.size()), "summary: total");
  if (!group.pending.empty()) {
    ExpectSame(summary->lowest, group.pending.begin()->first, "summary: lowest");
    ExpectSame(summary->highest, group.pending.rbegin()->first, "summary: highest");
  }
  std::vector<std::pair<std::string_view, int64_t>> wanted;
  for (const auto& [name, consumer] : group.consumers) {
    if (const int64_t count = group.PendingOf(name); count > 0) {
      wanted.emplace_back(name, count);
    }
  }
  ExpectSame(summary->consumers, wanted, "summary: consumers");
}

void Fuzzer::Claim() {
  if (!PickGroup()) {
    return;
  }
  const std::string consumer = PickConsumer();
  engine::ClaimArgs args;
  args.consumer = consumer;
  args.min_idle_ms = OneIn(2) ? 0 : static_cast<int64_t>(Draw(60));
  args.force = OneIn(3);
  args.just_id = OneIn(3);
  const int64_t now_ms = engine_.Now().store_ms;
  if (OneIn(4)) {
    args.idle_ms = PickOf<int64_t>({0, 5, 1000, -7, now_ms, now_ms + 1, INT64_MAX, INT64_MIN});
  } else if (OneIn(4)) {
    args.delivery_unix_ms =
        PickOf<int64_t>({0, 5, now_ms - 10, now_ms + 10, -1, INT64_MAX, INT64_MIN});
  }
  if (OneIn(5)) {
    args.retry_count = PickOf<int64_t>({0, 1, 77, INT64_MAX, -1});
  }
  if (OneIn(6)) {
    args.last_id = PickBound();
  }
  const Ids ids = PickPending(OneIn(5) ? 200 : 5);
  Note("claim " + std::to_string(db_) + "/" + key_ + " " + group_ + " '" + consumer + "' idle " +
       std::to_string(args.min_idle_ms) + (args.force ? " force" : "") +
       (args.just_id ? " justid" : "") + Text(ids));
  std::vector<ModelRow> rows;
  const Status status = OnGroup([&](Op& op, Stream& stream, Group& group) {
    return engine_->Claim(op, stream, group, args, ids, [&](StreamId id, const EntryView* entry) {
      rows.push_back(RowOf(id, entry));
    });
  });
  const auto wanted = model().Claim(engine_.Now(), model_group(), args, ids);
  Expect(status.ok() && rows == wanted,
         "claim: " + std::to_string(rows.size()) + " rows, model " + std::to_string(wanted.size()));
}

void Fuzzer::AutoClaim() {
  if (!PickGroup()) {
    return;
  }
  const std::string consumer = PickConsumer();
  engine::AutoClaimArgs args;
  args.consumer = consumer;
  args.min_idle_ms = OneIn(2) ? 0 : static_cast<int64_t>(Draw(60));
  args.start = OneIn(2) ? StreamId() : PickBound();
  args.count = static_cast<int64_t>(1 + Draw(OneIn(3) ? 200 : 4));
  args.just_id = OneIn(3);
  Note("autoclaim " + std::to_string(db_) + "/" + key_ + " " + group_ + " '" + consumer +
       "' idle " + std::to_string(args.min_idle_ms) + " start " + args.start.ToString() +
       " count " + std::to_string(args.count) + (args.just_id ? " justid" : ""));
  std::vector<ModelRow> rows;
  const auto result = OnGroup([&](Op& op, Stream& stream, Group& group) {
    return engine_->AutoClaim(op, stream, group, args, [&](StreamId id, const EntryView* entry) {
      rows.push_back(RowOf(id, entry));
    });
  });
  engine::AutoClaimResult wanted;
  const auto wanted_rows = model().AutoClaim(engine_.Now(), model_group(), args, &wanted);
  Expect(result.ok() && rows == wanted_rows, "autoclaim: " + std::to_string(rows.size()) +
                                                 " rows, model " +
                                                 std::to_string(wanted_rows.size()));
  Expect(result.ok() && result->cursor == wanted.cursor && result->deleted == wanted.deleted,
         "autoclaim: cursor or deleted");
}

}  // namespace tests
