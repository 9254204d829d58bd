// Effects on a stream's idempotency table.
#include <algorithm>

#include "engine/apply.h"
#include "engine/apply_change.h"
#include "engine/check.h"
#include "engine/limits.h"
#include "engine/producers.h"
#include "engine/schema.h"

namespace engine {
namespace {

ProducerTable& TableOf(Stream& stream) {
  if (stream.producers == nullptr) {
    stream.producers = std::make_unique<ProducerTable>();
  }
  return *stream.producers;
}

// What the list says of a page that has changed.
void Note(Core& core, ProducerSlot& slot) {
  slot.counts = slot.unit->page.counts();
  core.cache.SetCharge(slot.unit.get(), sizeof(ProducerPageUnit) + slot.unit->page.memory_bytes());
}

// Puts a page into the list as slot `index`.
ProducerSlot& AddPage(Core& core, Stream& stream, size_t index, uint64_t first_hash,
                      ProducerPage page) {
  ProducerTable& table = *stream.producers;
  ProducerSlot slot;
  slot.first_hash = first_hash;
  slot.number = table.next_number++;
  const auto it =
      table.slots.insert(table.slots.begin() + static_cast<ptrdiff_t>(index), std::move(slot));
  ProducerPageUnit& unit = core.AttachProducerPage(stream, *it, std::move(page));
  core.checkpoint.Touch(unit, it->unit->page.byte_size());
  core.cache.Grow(&stream, sizeof(ProducerSlot));
  return *it;
}

// Its hashes go to the page before it; those of the first page to the one that is first then.
void DropPage(Core& core, Stream& stream, size_t index) {
  ProducerTable& table = *stream.producers;
  ProducerSlot& slot = table.slots[index];
  const std::string key = ProducerPageKey(stream.physical_db, stream.uid, slot.number);
  if (slot.unit != nullptr) {
    core.cache.Remove(slot.unit.get());
    core.checkpoint.BeforeDestroy(*slot.unit, Family::kSide, key);
  } else if (slot.on_disk) {
    core.checkpoint.DeleteLater(Family::kSide, key);
  }
  table.slots.erase(table.slots.begin() + static_cast<ptrdiff_t>(index));
  if (!table.slots.empty()) {
    table.slots.front().first_hash = 0;
  }
}

void SplitPage(Core& core, Stream& stream, size_t index) {
  ProducerTable& table = *stream.producers;
  auto upper = table.slots[index].unit->page.Split();
  if (!upper.has_value()) {
    return;
  }
  ProducerSlot& added = AddPage(core, stream, index + 1, upper->first, std::move(upper->second));
  added.span = added.unit->page.FindSpan();
  Note(core, added);
  ProducerSlot& lower = table.slots[index];
  lower.span = lower.unit->page.FindSpan();
  Note(core, lower);
}

// Forgets within one page; true if it is gone.
bool ForgetIn(Core& core, Stream& stream, size_t index, const IidsForgotten& effect) {
  ProducerTable& table = *stream.producers;
  ProducerSlot& slot = table.slots[index];
  if (slot.span.oldest_ms > effect.through_ms) {
    return false;
  }
  if (!MustLookInto(table, index, effect)) {
    DropPage(core, stream, index);
    return true;
  }
  CHECK(slot.unit != nullptr);
  core.checkpoint.Touch(*slot.unit, 0);
  slot.unit->page.ForgetThrough(effect.first_hash, effect.last_hash, effect.through_ms);
  if (slot.unit->page.empty()) {
    DropPage(core, stream, index);
    return true;
  }
  slot.span = slot.unit->page.FindSpan();
  Note(core, slot);
  return false;
}

}  // namespace

void Apply(Core& core, Stream& stream, const IidRecorded& effect) {
  Change(core, stream, 0);
  ProducerTable& table = TableOf(stream);
  if (table.slots.empty()) {
    AddPage(core, stream, 0, 0, ProducerPage());
  }
  const ProducerName name(effect.producer);
  const size_t index = table.IndexOf(name.hash);
  ProducerSlot& slot = table.slots[index];
  CHECK(slot.unit != nullptr);
  core.checkpoint.Touch(*slot.unit, effect.iid.size() + effect.producer.size() + 16);
  slot.unit->referenced = true;
  slot.unit->page.Record(name, effect.iid, effect.id, stream.idmp_max_size);
  slot.span.oldest_ms = std::min(slot.span.oldest_ms, effect.id.ms);
  slot.span.newest_ms = std::max(slot.span.newest_ms, effect.id.ms);
  Note(core, slot);
  ++stream.iids_added;
  if (slot.unit->page.byte_size() > kProducerPageBytes) {
    SplitPage(core, stream, index);
  }
}

void Apply(Core& core, Stream& stream, const DuplicateRefused&) {
  Change(core, stream, 0);
  ++stream.iids_duplicates;
}

void Apply(Core& core, Stream& stream, const IidsCounted& effect) {
  Change(core, stream, 0);
  stream.iids_added = effect.added;
  stream.iids_duplicates = effect.duplicates;
}

void Apply(Core& core, Stream& stream, const IidsForgotten& effect) {
  Change(core, stream, 0);
  if (stream.producers == nullptr || stream.producers->slots.empty()) {
    return;
  }
  ProducerTable& table = *stream.producers;
  for (size_t index = table.IndexOf(effect.first_hash);
       index < table.slots.size() && table.slots[index].first_hash <= effect.last_hash;) {
    index += ForgetIn(core, stream, index, effect) ? 0 : 1;
  }
}

void Apply(Core& core, Stream& stream, const IdempotencySet& effect) {
  Change(core, stream, 0);
  stream.idmp_duration_s = effect.duration_s;
  stream.idmp_max_size = effect.max_size;
  core.RetireProducers(stream);
}

}  // namespace engine
