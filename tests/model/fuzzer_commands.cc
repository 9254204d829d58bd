// The commands of the fuzzer: each runs on both sides and compares what they answer.
#include <algorithm>

#include "tests/model/fuzzer.h"

namespace tests {

using engine::Code;
using engine::EntryView;
using engine::Group;
using engine::Op;
using engine::Result;
using engine::Status;
using engine::Stream;

namespace {

std::string Text(const std::vector<StreamId>& ids) {
  std::string out;
  for (size_t i = 0; i < ids.size() && i < 8; ++i) {
    out += " " + ids[i].ToString();
  }
  return out + (ids.size() > 8 ? " ... " + std::to_string(ids.size()) : "");
}

std::string Text(const engine::TrimArgs& args) {
  if (args.strategy == engine::TrimArgs::Strategy::kNone) {
    return "";
  }
  return std::string(args.strategy == engine::TrimArgs::Strategy::kMaxLen ? " maxlen "
                                                                          : " minid ") +
         (args.approximate ? "~ " : "= ") +
         (args.strategy == engine::TrimArgs::Strategy::kMaxLen ? std::to_string(args.max_len)
                                                               : args.min_id.ToString()) +
         " limit " + std::to_string(args.limit) + " references " +
         std::to_string(static_cast<int>(args.references));
}

ModelRow RowOf(StreamId id, const EntryView* entry) {
  return {id, entry == nullptr ? std::nullopt
                               : std::optional<std::string>(std::string(entry->payload))};
}

}  // namespace

void Fuzzer::ApplyTrim(ModelStream& stream, const engine::TrimArgs& args, int64_t removed) {
  if (args.references != engine::References::kKeep) {
    std::vector<StreamId> ids = stream.Trimmable(args);
    const auto most = static_cast<int64_t>(ids.size());
    const bool is_exact = args.limit == 0 || stream.nodes_are_exact();
    Expect(is_exact ? removed == stream.CountTrimmedByReference(args)
                    : removed <= most && removed <= args.limit,
           "trimmed by reference " + std::to_string(removed) + " of " + std::to_string(most));
    if (!failed()) {
      ids.resize(static_cast<size_t>(removed));
      stream.RemoveTrimmed(ids, args.references);
    }
    return;
  }
  if (!args.approximate || stream.nodes_are_exact()) {
    const int64_t wanted = stream.CountTrimmed(args);
    Expect(removed == wanted,
           "trimmed " + std::to_string(removed) + ", model " + std::to_string(wanted));
  } else {
    engine::TrimArgs most = args;
    most.approximate = false;
    Expect(removed <= stream.CountTrimmed(most) && (args.limit == 0 || removed <= args.limit),
           "trimmed too much: " + std::to_string(removed));
  }
  if (!failed()) {
    stream.RemoveOldest(removed);
  }
}

void Fuzzer::AddOne(const engine::AddId& id, const Entry& entry, const engine::TrimArgs& trim) {
  const engine::Now now = engine_.Now();
  const auto added = engine_.Run(db_, [&](Op& op) -> Result<engine::AddResult> {
    const auto stream = engine_->OpenStream(op, key_);
    if (!stream.ok() && stream.code() != Code::kNotFound) {
      return stream.status();
    }
    return engine_->Add(op, key_, stream.ok() ? *stream : nullptr, id, entry.payload(), trim);
  });
  const bool existed = exists();
  ModelStream fresh;
  ModelStream& stream = existed ? model() : fresh;
  StreamId model_id;
  const Code code = stream.Add(now, limits_, id, entry.payload(), &model_id);
  ExpectSame(added.ok() ? Code::kOk : added.code(), code, "add: code");
  if (code != Code::kOk || failed()) {
    return;
  }
  Expect(added->id == model_id,
         "add: id " + added->id.ToString() + " model " + model_id.ToString());
  ExpectSame(added->created, !existed, "add: created");
  ApplyTrim(stream, trim, added->trimmed);
  if (!existed) {
    databases_[db_].emplace(key_, std::move(fresh));
  }
}

void Fuzzer::Add() {
  engine::AddId id;
  const StreamId last = exists() ? model().last_id : StreamId();
  switch (Draw(12)) {
    case 0:
      id.form = engine::AddId::Form::kAutoSequence;
      id.id = {last.ms + Draw(2), 0};
      break;
    case 1:
      id.form = engine::AddId::Form::kExplicit;
      id.id = PickId();
      break;
    case 2:
      id.form = OneIn(20) ? engine::AddId::Form::kAuto : engine::AddId::Form::kAutoSequence;
      id.id = {last.ms, 0};
      break;
    default:
      id.form = engine::AddId::Form::kExplicit;
      id.id = {last.ms + Draw(3), Draw(3)};
      break;
  }
  const engine::TrimArgs trim = OneIn(5) ? PickTrim() : engine::TrimArgs();
  const size_t size = PickSize();
  Note("add " + std::to_string(db_) + "/" + key_ + " form " +
       std::to_string(static_cast<int>(id.form)) + " " + id.id.ToString() + " size " +
       std::to_string(size) + Text(trim));
  AddOne(id, MakeEntry(size), trim);
}

void Fuzzer::AddRun() {
  uint64_t count = 1 + Draw(150);
  size_t size = PickSize();
  if (key_ == "big" && OneIn(3)) {
    count = 150 + Draw(200);
    size = OneIn(2) ? 9000 : 10;  // A block each, or many in one.
  }
  if (size > 10'000) {
    count = std::min<uint64_t>(count, 5);
  }
  Note("add run " + std::to_string(db_) + "/" + key_ + " count " + std::to_string(count) +
       " size " + std::to_string(size));
  for (uint64_t i = 0; i < count && !failed(); ++i) {
    const StreamId last = exists() ? model().last_id : StreamId();
    AddOne({engine::AddId::Form::kExplicit, {last.ms + 1, 0}}, MakeEntry(size), {});
    if (OneIn(20)) {
      EndTurn();
    }
  }
}

void Fuzzer::Delete() {
  const Ids ids = PickIds(6);
  Note("delete " + std::to_string(db_) + "/" + key_ + Text(ids));
  const auto deleted =
      OnStream([&](Op& op, Stream& stream) { return engine_->DeleteEntries(op, stream, ids); });
  if (!exists()) {
    ExpectSame(deleted.code(), Code::kNotFound, "delete: no key");
    return;
  }
  Expect(deleted.ok() && *deleted == model().Delete(ids),
         "delete: count " + deleted.status().message());
}

void Fuzzer::DeleteRun() {
  if (!exists() || model().entries.empty()) {
    return;
  }
  Ids ids;
  auto it = model().entries.lower_bound(PickId());
  const uint64_t most = 1 + Draw(OneIn(3) ? 400 : 40);
  const uint64_t gap = 1 + Draw(3);
  for (; it != model().entries.end() && ids.size() < most; ++it) {
    if (gap == 1 || !OneIn(gap)) {
      ids.push_back(it->first);
    }
  }
  std::shuffle(ids.begin(), ids.end(), random_);
  if (ids.empty()) {
    return;
  }
  Note("delete run " + std::to_string(db_) + "/" + key_ + Text(ids));
  const auto deleted =
      OnStream([&](Op& op, Stream& stream) { return engine_->DeleteEntries(op, stream, ids); });
  Expect(deleted.ok() && *deleted == model().Delete(ids),
         "delete: count " + deleted.status().message());
}

void Fuzzer::Trim() {
  const engine::TrimArgs args = PickTrim();
  Note("trim " + std::to_string(db_) + "/" + key_ + Text(args));
  const auto removed =
      OnStream([&](Op& op, Stream& stream) { return engine_->Trim(op, stream, args); });
  if (!exists()) {
    ExpectSame(removed.code(), Code::kNotFound, "trim: no key");
    return;
  }
  Expect(removed.ok(), "trim");
  if (removed.ok()) {
    ApplyTrim(model(), args, *removed);
  }
}

void Fuzzer::SetId() {
  if (!exists()) {
    return;
  }
  engine::SetIdArgs args;
  args.last_id = OneIn(2) ? model().last_id : PickId();
  if (OneIn(3)) {
    args.last_id = model().last_live_id();
  }
  if (OneIn(2)) {
    args.entries_added =
        model().entries_added + Draw(4) - std::min<uint64_t>(Draw(4), model().entries_added);
  }
  if (OneIn(4)) {
    args.max_deleted = std::min(PickId(), args.last_id);
  }
  Note("set id " + std::to_string(db_) + "/" + key_ + " " + args.last_id.ToString() + " added " +
       (args.entries_added.has_value() ? std::to_string(*args.entries_added) : "-") + " deleted " +
       (args.max_deleted.has_value() ? args.max_deleted->ToString() : "-"));
  const auto refusal =
      OnStream([&](Op& op, Stream& stream) { return engine_->SetId(op, stream, args); });
  Expect(refusal.ok() && *refusal == model().SetId(args), "set id");
}

void Fuzzer::Range() {
  engine::RangeArgs args;
  args.start = PickBound();
  args.end = PickBound();
  args.reverse = OneIn(2);
  args.count = OneIn(2) ? static_cast<int64_t>(1 + Draw(OneIn(2) ? 5 : 300)) : -1;
  args.max_bytes = OneIn(4) ? 1 + Draw(30'000) : 0;
  Note("range " + std::to_string(db_) + "/" + key_ + " " + args.start.ToString() + " " +
       args.end.ToString() + (args.reverse ? " back" : "") + " count " +
       std::to_string(args.count) + " bytes " + std::to_string(args.max_bytes));
  std::vector<ModelRow> rows;
  const Status status = OnStream([&](Op& op, Stream& stream) {
    rows.clear();
    return engine_->Range(op, stream, args,
                          [&](const EntryView& entry) { rows.push_back(RowOf(entry.id, &entry)); });
  });
  if (!exists()) {
    ExpectSame(status.code(), Code::kNotFound, "range: no key");
    return;
  }
  Expect(status.ok(), "range: " + status.message());
  const auto wanted = model().Range(args);
  bool same = rows.size() == wanted.size();
  for (size_t i = 0; same && i < rows.size(); ++i) {
    same = rows[i].first == wanted[i].first && *rows[i].second == wanted[i].second->wire;
  }
  Expect(same,
         "range: " + std::to_string(rows.size()) + " rows, model " + std::to_string(wanted.size()));
}

void Fuzzer::Ends() {
  if (!exists()) {
    return;
  }
  Note("ends " + std::to_string(db_) + "/" + key_);
  const auto first = OnStream([&](Op& op, Stream& stream) {
    return engine_->FirstEntry(op, stream, [](const EntryView&) {});
  });
  const auto last = OnStream([&](Op& op, Stream& stream) {
    return engine_->LastEntry(op, stream, [](const EntryView&) {});
  });
  Expect(first.ok() && first->value_or(StreamId()) == model().first_id(), "first entry");
  Expect(last.ok() && last->value_or(StreamId()) == model().last_live_id(), "last entry");
}

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
  Note("read new " + std::to_string(db_) + "/" + key_ + " " + group_ + " '" + consumer +
       "' count " + std::to_string(args.count) + (args.no_ack ? " noack" : "") + " bytes " +
       std::to_string(args.max_bytes));
  std::vector<ModelRow> rows;
  const auto count = OnGroup([&](Op& op, Stream& stream, Group& group) {
    return engine_->ReadNew(op, stream, group, args, [&](const EntryView& entry) {
      rows.push_back(RowOf(entry.id, &entry));
    });
  });
  const auto wanted = model().ReadNew(engine_.Now(), model_group(), args);
  Expect(
      count.ok() && rows == wanted && *count == static_cast<int64_t>(rows.size()),
      "read new: " + std::to_string(rows.size()) + " rows, model " + std::to_string(wanted.size()));
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
      rows.emplace_back(
          row.id, ModelRecord{std::string(row.consumer), row.delivery_unix_ms, row.delivery_count});
      idle_is_right &= row.idle_ms == now.store_ms - row.delivery_unix_ms;
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

void Fuzzer::DeleteKeys() {
  const std::vector<std::string_view> keys{key_, "absent", key_, OneIn(4) ? "a" : "absent"};
  Note("delete keys " + std::to_string(db_) + "/" + key_ + " " + std::string(keys.back()));
  std::vector<std::string_view> gone;
  const auto count = engine_.Run(db_, [&](Op& op) {
    gone.clear();
    return engine_->DeleteKeys(op, keys, &gone);
  });
  int64_t wanted = 0;
  for (const std::string_view key : keys) {
    wanted += static_cast<int64_t>(databases_[db_].erase(std::string(key)));
  }
  Expect(count.ok() && *count == wanted && gone.size() == static_cast<size_t>(wanted),
         "delete keys");
}

void Fuzzer::Flush() {
  const bool all = OneIn(4);
  Note(all ? "flush all" : "flush " + std::to_string(db_));
  const Status status = engine_.Run(
      db_, [&](Op& op) { return all ? engine_->FlushAll(op) : engine_->FlushDb(op, db_); });
  Expect(status.ok(), "flush");
  for (uint32_t db = 0; db < databases_.size(); ++db) {
    if (all || db == db_) {
      databases_[db].clear();
    }
  }
}

void Fuzzer::ListKeys() {
  Note("list keys " + std::to_string(db_));
  std::vector<std::string> wanted;
  for (const auto& [key, stream] : databases_[db_]) {
    wanted.push_back(key);
  }
  std::vector<std::string> seen;
  uint64_t cursor = 0;
  do {
    const std::string_view pattern = OneIn(2) ? "" : "*";
    const auto step = engine_.Run(
        db_, [&](Op& op) { return engine_->Scan(op, cursor, 1, pattern, std::nullopt); });
    Expect(step.ok(), "scan");
    seen.insert(seen.end(), step->keys.begin(), step->keys.end());
    cursor = step->cursor;
  } while (cursor != 0 && !failed());
  std::sort(seen.begin(), seen.end());
  ExpectSame(seen, wanted, "scan: keys");
  const auto random =
      engine_.Run(db_, [&](Op& op) { return engine_->RandomKey(op, 0x123456789abcdefULL * 77); });
  Expect(random.ok() &&
             (random->has_value() ? databases_[db_].contains(**random) : databases_[db_].empty()),
         "random key");
  const auto type = engine_.Run(db_, [&](Op& op) { return engine_->TypeOf(op, key_); });
  Expect(type.ok() && (*type == engine::KeyType::kStream) == exists(), "type");
  const auto count =
      engine_.Run(db_, [&](Op& op) -> Result<int64_t> { return engine_->KeyCount(op); });
  ExpectSame(*count, static_cast<int64_t>(wanted.size()), "key count");
}

}  // namespace tests
