// The fuzzer's commands that have to do with what groups hold, and with idempotent production.
#include "tests/model/fuzzer.h"

namespace tests {

using engine::Code;
using engine::Group;
using engine::Op;
using engine::Production;
using engine::References;
using engine::Result;
using engine::Stream;

engine::References Fuzzer::PickReferences() {
  return PickOf<References>(
      {References::kKeep, References::kKeep, References::kDrop, References::kRespect});
}

engine::Production Fuzzer::PickProduction() {
  // Names so long that the producers fill several pages.
  names_.first = "p" + std::to_string(Draw(OneIn(3) ? 60 : 4));
  names_.first.resize(OneIn(2) ? 700 : 20, '.');
  names_.second = "i" + std::to_string(Draw(12));
  return {names_.first, names_.second};
}

void Fuzzer::RemoveEntries() {
  const References references = PickReferences();
  const Ids ids = PickIds(OneIn(5) ? 60 : 6);
  Note("remove " + std::to_string(db_) + "/" + key_ + " references " +
       std::to_string(static_cast<int>(references)) + " first " + ids.front().ToString());
  const auto result = OnStream(
      [&](Op& op, Stream& stream) { return engine_->RemoveEntries(op, stream, references, ids); });
  if (!exists()) {
    ExpectSame(result.code(), Code::kNotFound, "remove: no key");
    return;
  }
  const uint64_t length = model().length();
  const auto wanted = model().RemoveEntries(references, ids);
  Expect(result.ok() && result->outcomes == wanted &&
             static_cast<uint64_t>(result->removed_entries) == length - model().length(),
         "remove: outcomes");
}

void Fuzzer::AcknowledgeAndRemove() {
  if (!PickGroup()) {
    return;
  }
  const References references = PickReferences();
  const Ids ids = PickPending(OneIn(5) ? 60 : 6);
  Note("acknowledge and remove " + std::to_string(db_) + "/" + key_ + " " + group_ +
       " references " + std::to_string(static_cast<int>(references)) + " first " +
       ids.front().ToString());
  const auto result = OnGroup([&](Op& op, Stream& stream, Group& group) {
    return engine_->AcknowledgeAndRemove(op, stream, group, references, ids);
  });
  const uint64_t length = model().length();
  const auto wanted = model().AcknowledgeAndRemove(model_group(), references, ids);
  Expect(result.ok() && result->outcomes == wanted &&
             static_cast<uint64_t>(result->removed_entries) == length - model().length(),
         "acknowledge and remove: outcomes");
}

void Fuzzer::AddOnce() {
  key_ = "once";
  if (OneIn(10)) {
    engine_.Advance(static_cast<int64_t>(Draw(1500)));
    ReapAll();
  }
  const Production production = PickProduction();
  const Entry entry = MakeEntry(PickSize());
  const engine::TrimArgs trim = OneIn(5) ? PickTrim() : engine::TrimArgs();
  const engine::Now now = engine_.Now();
  Note("add once " + std::to_string(db_) + " " + names_.first.substr(0, 4) + " " + names_.second);
  const auto added = engine_.Run(db_, [&](Op& op) -> Result<engine::AddResult> {
    const auto stream = engine_->OpenStream(op, key_);
    if (!stream.ok() && stream.code() != Code::kNotFound) {
      return stream.status();
    }
    return engine_->AddOnce(op, key_, stream.ok() ? *stream : nullptr, production, entry.payload(),
                            trim);
  });
  const bool existed = exists();
  ModelStream fresh;
  ModelStream& stream = existed ? model() : fresh;
  if (const auto known = stream.Recall(now, production)) {
    ++stream.iids_duplicates;
    Expect(added.ok() && added->is_duplicate && added->id == *known, "add once: duplicate");
    return;
  }
  StreamId model_id;
  const Code code = stream.Add(now, limits_, {}, entry.payload(), &model_id);
  ExpectSame(added.ok() ? Code::kOk : added.code(), code, "add once: code");
  if (code != Code::kOk || failed()) {
    return;
  }
  Expect(!added->is_duplicate && added->id == model_id, "add once: id");
  stream.Remember(now, production, model_id);
  ApplyTrim(stream, trim, added->trimmed);
  if (!existed) {
    databases_[db_].emplace(key_, std::move(fresh));
  }
}

void Fuzzer::RecordIid() {
  key_ = "once";
  if (!exists()) {
    return;
  }
  const Production production = PickProduction();
  const StreamId id = PickId();
  const engine::Now now = engine_.Now();
  Note("record iid " + std::to_string(db_) + " " + names_.first.substr(0, 4) + " " + names_.second +
       " " + id.ToString());
  const auto refusal = OnStream(
      [&](Op& op, Stream& stream) { return engine_->RecordIid(op, stream, production, id); });
  using Refusal = engine::Engine::IidRefusal;
  Refusal wanted = Refusal::kNone;
  const auto known = model().Recall(now, production);
  if (!model().entries.contains(id)) {
    wanted = Refusal::kNoEntry;
  } else if (known.has_value()) {
    wanted = *known == id ? Refusal::kNone : Refusal::kOtherId;
  } else {
    model().Remember(now, production, id);
  }
  Expect(refusal.ok() && *refusal == wanted, "record iid");
}

void Fuzzer::SetIdempotency() {
  key_ = "once";
  if (!exists()) {
    return;
  }
  engine::IdempotencySettings settings;
  if (OneIn(2)) {
    settings.duration_s = PickOf<uint32_t>({1, 3, 100});
  }
  if (OneIn(2)) {
    settings.max_size = PickOf<uint32_t>({1, 3, 5, 100});
  }
  Note("set idempotency " + std::to_string(db_) + " " +
       std::to_string(settings.duration_s.value_or(0)) + " " +
       std::to_string(settings.max_size.value_or(0)));
  const engine::Status status = OnStream(
      [&](Op& op, Stream& stream) { return engine_->SetIdempotency(op, stream, settings); });
  Expect(status.ok(), "set idempotency");
  model().SetIdempotency(settings);
}

}  // namespace tests
