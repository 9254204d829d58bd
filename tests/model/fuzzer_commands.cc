// The commands of the fuzzer: each runs on both sides and compares what they answer.
#include <algorithm>

#include "tests/model/fuzzer_calls.h"

namespace tests {

using engine::Code;
using engine::EntryView;
using engine::Op;
using engine::Result;
using engine::Status;
using engine::Stream;

namespace {

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
  // Drawn once: how many steps there are depends on more than the seed.
  bool has_pattern = OneIn(2);
  do {
    has_pattern = !has_pattern;
    const std::string_view pattern = has_pattern ? "*" : "";
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
