#include "engine/producer_table.h"

#include <algorithm>

namespace engine {

size_t ProducerTable::IndexOf(uint64_t hash) const {
  const auto behind = std::upper_bound(
      slots.begin(), slots.end(), hash,
      [](uint64_t wanted, const ProducerSlot& slot) { return wanted < slot.first_hash; });
  return static_cast<size_t>(behind - slots.begin()) - 1;
}

void PutProducerTable(std::string* out, const ProducerTable* table) {
  if (table == nullptr) {
    PutVarint(out, 1);
    PutVarint(out, 0);
    return;
  }
  PutVarint(out, table->next_number);
  PutVarint(out, table->slots.size());
  for (const ProducerSlot& slot : table->slots) {
    PutU64(out, slot.first_hash);
    PutVarint(out, slot.number);
    PutVarint(out, slot.counts.producers);
    PutVarint(out, slot.counts.iids);
    PutVarint(out, slot.span.oldest_ms);
    PutVarint(out, slot.span.newest_ms);
  }
}

std::unique_ptr<ProducerTable> ReadProducerTable(Decoder* decoder) {
  auto table = std::make_unique<ProducerTable>();
  table->next_number = decoder->ReadVarint32();
  const uint64_t count = decoder->ReadVarint();
  for (uint64_t i = 0; i < count && decoder->ok(); ++i) {
    ProducerSlot slot;
    slot.first_hash = decoder->ReadU64();
    slot.number = decoder->ReadVarint32();
    slot.counts.producers = decoder->ReadVarint();
    slot.counts.iids = decoder->ReadVarint();
    slot.span.oldest_ms = decoder->ReadVarint();
    slot.span.newest_ms = decoder->ReadVarint();
    slot.on_disk = true;
    const bool in_order =
        i == 0 ? slot.first_hash == 0 : slot.first_hash > table->slots.back().first_hash;
    if (!in_order || slot.number >= table->next_number || slot.counts.producers == 0 ||
        slot.counts.iids < slot.counts.producers || slot.span.oldest_ms > slot.span.newest_ms) {
      decoder->Fail();
      break;
    }
    table->slots.push_back(std::move(slot));
  }
  return table->next_number == 1 ? nullptr : std::move(table);
}

}  // namespace engine
