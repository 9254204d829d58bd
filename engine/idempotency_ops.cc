// Engine calls of idempotent production (streams specification section 16).
#include <algorithm>

#include "engine/apply.h"
#include "engine/check.h"
#include "engine/engine.h"
#include "engine/entry_cursor.h"
#include "engine/limits.h"
#include "engine/producers.h"
#include "engine/require.h"

namespace engine {

void RequireProducer(Core& core, Op& op, Stream& stream, std::string_view producer) {
  if (stream.producers != nullptr && !stream.producers->slots.empty()) {
    ProducerTable& table = *stream.producers;
    core.NeedProducerPage(op, stream, table.slots[table.IndexOf(ProducerName(producer).hash)]);
  }
}

void RequireForForgetting(Core& core, Op& op, Stream& stream, const IidsForgotten& effect) {
  if (stream.producers == nullptr || stream.producers->slots.empty()) {
    return;
  }
  ProducerTable& table = *stream.producers;
  for (size_t index = table.IndexOf(effect.first_hash);
       index < table.slots.size() && table.slots[index].first_hash <= effect.last_hash; ++index) {
    if (MustLookInto(table, index, effect)) {
      core.NeedProducerPage(op, stream, table.slots[index]);
    }
  }
}

const Producer::Iid* FindIid(const Stream& stream, std::string_view producer,
                             std::string_view iid) {
  if (stream.producers == nullptr || stream.producers->slots.empty()) {
    return nullptr;
  }
  const ProducerName name(producer);
  const ProducerSlot& slot = stream.producers->slots[stream.producers->IndexOf(name.hash)];
  CHECK(slot.unit != nullptr);
  const Producer* known = slot.unit->page.Find(name);
  return known == nullptr ? nullptr : known->Find(iid);
}

std::optional<uint64_t> ExpiryHorizon(const Stream& stream, Now now) {
  const int64_t horizon = now.unix_ms - int64_t{stream.idmp_duration_s} * 1000;
  return horizon < 0 ? std::nullopt : std::optional<uint64_t>(static_cast<uint64_t>(horizon));
}

namespace {

// Forgets what has expired of the page at `index`, which is in memory if it must be looked into.
void ForgetPage(Core& core, Stream& stream, size_t index, uint64_t horizon) {
  const ProducerTable& table = *stream.producers;
  const IidsForgotten effect{table.slots[index].first_hash, table.LastHash(index), horizon};
  Emit(core, stream, effect);
}

// Forgets expired iids, a bounded number of pages: the producer's own page when it is worth going
// through it, and one other page that has expired whole.
void ForgetExpired(Core& core, Stream& stream, std::string_view producer, uint64_t horizon) {
  ProducerTable& table = *stream.producers;
  const size_t own = table.IndexOf(ProducerName(producer).hash);
  const uint64_t grace_ms = uint64_t{stream.idmp_duration_s} * 1000 / kIidGraceOf;
  const uint64_t oldest_ms = table.slots[own].span.oldest_ms;
  if (oldest_ms <= horizon && horizon - oldest_ms >= grace_ms) {
    ForgetPage(core, stream, own, horizon);
  }
  if (table.slots.empty()) {
    return;
  }
  table.next_swept = table.next_swept + 1 < table.slots.size() ? table.next_swept + 1 : 0;
  if (table.slots[table.next_swept].span.newest_ms <= horizon) {
    ForgetPage(core, stream, table.next_swept, horizon);
  }
}

// Precondition: the producer's page is in memory; the iid is unknown or has expired.
void Remember(Core& core, Stream& stream, const Production& production, StreamId id,
              std::optional<uint64_t> horizon) {
  Emit(core, stream, IidRecorded{production.producer, production.iid, id});
  // Only now: the producer's page, which may have expired whole, is one that is in use again.
  if (horizon.has_value()) {
    ForgetExpired(core, stream, production.producer, *horizon);
  }
}

// The entry that the iid stands for; nothing when it is unknown or has expired.
std::optional<StreamId> Recall(const Stream& stream, const Production& production,
                               std::optional<uint64_t> horizon) {
  const Producer::Iid* iid = FindIid(stream, production.producer, production.iid);
  const bool is_known = iid != nullptr && (!horizon.has_value() || iid->id.ms > *horizon);
  return is_known ? std::optional<StreamId>(iid->id) : std::nullopt;
}

}  // namespace

Result<AddResult> Engine::AddOnce(Op& op, std::string_view key, Stream* stream,
                                  const Production& production, const Payload& payload,
                                  const TrimArgs& trim, RoomLine line) {
  if (stream != nullptr) {
    RequireProducer(*core_, op, *stream, production.producer);
    RETURN_IF_ERROR(core_->CheckLoaded(op));
    if (const auto known = Recall(*stream, production, ExpiryHorizon(*stream, op.now))) {
      Emit(*core_, *stream, DuplicateRefused());
      Core::Saw(op, *stream);
      AddResult result;
      result.id = *known;
      result.is_duplicate = true;
      return result;
    }
  }
  ASSIGN_OR_RETURN(const AddResult result,
                   Add(op, key, stream, {AddId::Form::kAuto, {}}, payload, trim, line));
  if (result.refusal.bound != Bound::kNone) {
    return result;
  }
  if (stream == nullptr) {
    ASSIGN_OR_RETURN(stream, core_->FindStream(op, key));
  }
  Remember(*core_, *stream, production, result.id, ExpiryHorizon(*stream, op.now));
  return result;
}

Result<Engine::IidRefusal> Engine::RecordIid(Op& op, Stream& stream, const Production& production,
                                             StreamId id) {
  Core::Saw(op, stream);
  RequireEntry(*core_, op, stream, id);
  RequireProducer(*core_, op, stream, production.producer);
  RETURN_IF_ERROR(core_->CheckLoaded(op));
  if (!FindLiveEntry(stream, id).has_value()) {
    return IidRefusal::kNoEntry;
  }
  const std::optional<uint64_t> horizon = ExpiryHorizon(stream, op.now);
  if (const auto known = Recall(stream, production, horizon)) {
    return *known == id ? IidRefusal::kNone : IidRefusal::kOtherId;
  }
  Remember(*core_, stream, production, id, horizon);
  Core::Saw(op, stream);
  return IidRefusal::kNone;
}

Status Engine::SetIdempotency(Op& op, Stream& stream, const IdempotencySettings& settings) {
  IdempotencySet effect;
  effect.duration_s = settings.duration_s.value_or(stream.idmp_duration_s);
  effect.max_size = settings.max_size.value_or(stream.idmp_max_size);
  if (effect.duration_s != stream.idmp_duration_s || effect.max_size != stream.idmp_max_size) {
    Emit(*core_, stream, effect);
  }
  Core::Saw(op, stream);
  return OkStatus();
}

Result<ProducerCounts> Engine::CountProducers(Op& op, Stream& stream) {
  Core::Saw(op, stream);
  ProducerCounts total;
  if (stream.producers == nullptr) {
    return total;
  }
  const std::optional<uint64_t> horizon = ExpiryHorizon(stream, op.now);
  std::vector<ProducerSlot>& slots = stream.producers->slots;
  RETURN_IF_ERROR(LoadInRounds(*core_, op, [&] {
    for (ProducerSlot& slot : slots) {
      if (horizon.has_value() && slot.IsSplitBy(*horizon) && op.needs.size() < kLoadRoundItems) {
        core_->NeedProducerPage(op, stream, slot);
      }
    }
  }));
  for (const ProducerSlot& slot : slots) {
    ProducerPage::Counts counts = slot.counts;
    if (horizon.has_value() && slot.span.newest_ms <= *horizon) {
      counts = {};
    } else if (horizon.has_value() && slot.IsSplitBy(*horizon)) {
      counts = slot.unit->page.CountAbove(*horizon);
    }
    total.producers += counts.producers;
    total.iids += counts.iids;
  }
  return total;
}

Status Engine::ListIids(Op& op, Stream& stream, IidSink sink) {
  Core::Saw(op, stream);
  if (stream.producers == nullptr) {
    return OkStatus();
  }
  std::vector<ProducerSlot>& slots = stream.producers->slots;
  RETURN_IF_ERROR(LoadInRounds(*core_, op, [&] {
    for (ProducerSlot& slot : slots) {
      if (op.needs.size() < kLoadRoundItems) {
        core_->NeedProducerPage(op, stream, slot);
      }
    }
  }));
  const std::optional<uint64_t> horizon = ExpiryHorizon(stream, op.now);
  for (const ProducerSlot& slot : slots) {
    slot.unit->page.ForEach([&](const ProducerName& name, const Producer& producer) {
      for (size_t i = 0; i < producer.size(); ++i) {
        const Producer::Iid& iid = producer.At(i);
        if (!horizon.has_value() || iid.id.ms > *horizon) {
          sink({name.text, iid.text}, iid.id);
        }
      }
    });
  }
  return OkStatus();
}

}  // namespace engine
