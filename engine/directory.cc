#include "engine/directory.h"

#include <algorithm>

#include "engine/limits.h"

namespace engine {

void PutDirectoryPage(std::string* out, const DirectoryPage& page) {
  PutVarint(out, page.slots.size());
  StreamId base;
  for (const BlockSlot& slot : page.slots) {
    PutIdDelta(out, base, slot.first_id);
    PutIdDelta(out, slot.first_id, slot.last_id);
    PutVarint(out, slot.entry_count);
    PutVarint(out, slot.deleted_count);
    PutVarint(out, slot.entry_count - slot.live_count);
    PutVarint(out, slot.live_data_bytes);
    PutVarint(out, slot.node_count);
    PutVarint(out, slot.byte_size);
    PutU8(out, slot.compacted ? 1 : 0);
    base = slot.first_id;
  }
}

void ReadDirectoryPage(Decoder* decoder, DirectoryPage* page) {
  const uint64_t count = decoder->ReadVarint();
  if (count > kDirectoryPageSlots) {
    decoder->Fail();
    return;
  }
  page->slots.reserve(count);
  StreamId base;
  for (uint64_t i = 0; i < count && decoder->ok(); ++i) {
    BlockSlot slot;
    slot.first_id = decoder->ReadIdDelta(base);
    slot.last_id = decoder->ReadIdDelta(slot.first_id);
    slot.entry_count = decoder->ReadVarint32();
    slot.deleted_count = decoder->ReadVarint32();
    const uint32_t dead_count = decoder->ReadVarint32();
    slot.live_data_bytes = decoder->ReadVarint();
    slot.node_count = decoder->ReadVarint32();
    slot.byte_size = decoder->ReadVarint32();
    slot.compacted = decoder->ReadBool();
    slot.on_disk = true;
    if (dead_count >= slot.entry_count || slot.deleted_count > dead_count ||
        (i > 0 && slot.first_id <= page->slots.back().last_id)) {
      decoder->Fail();
      return;
    }
    slot.live_count = slot.entry_count - dead_count;
    base = slot.first_id;
    page->slots.push_back(std::move(slot));
  }
}

Directory::Place Directory::Last() const {
  return {pages_.size() - 1, pages_.back()->slots.size() - 1};
}

std::optional<Directory::Place> Directory::Next(Place place) const {
  if (place.slot + 1 < pages_[place.page]->slots.size()) {
    return Place{place.page, place.slot + 1};
  }
  if (place.page + 1 < pages_.size()) {
    return Place{place.page + 1, 0};
  }
  return std::nullopt;
}

std::optional<Directory::Place> Directory::Previous(Place place) const {
  if (place.slot > 0) {
    return Place{place.page, place.slot - 1};
  }
  if (place.page > 0) {
    return Place{place.page - 1, pages_[place.page - 1]->slots.size() - 1};
  }
  return std::nullopt;
}

std::optional<Directory::Place> Directory::Find(StreamId id) const {
  if (pages_.empty() || id < Front().first_id) {
    return std::nullopt;
  }
  // Most look-ups are near the end.
  if (id >= Back().first_id) {
    return Last();
  }
  const auto page = std::upper_bound(pages_.begin(), pages_.end(), id,
                                     [](StreamId wanted, const std::unique_ptr<DirectoryPage>& p) {
                                       return wanted < p->slots.front().first_id;
                                     }) -
                    1;
  const std::vector<BlockSlot>& slots = (*page)->slots;
  const auto slot =
      std::upper_bound(slots.begin(), slots.end(), id,
                       [](StreamId wanted, const BlockSlot& s) { return wanted < s.first_id; }) -
      1;
  return Place{static_cast<size_t>(page - pages_.begin()),
               static_cast<size_t>(slot - slots.begin())};
}

std::optional<Directory::Place> Directory::FindAtOrAfter(StreamId id) const {
  if (pages_.empty()) {
    return std::nullopt;
  }
  const std::optional<Place> place = Find(id);
  return place.has_value() ? place : First();
}

size_t Directory::block_count() const {
  size_t count = 0;
  for (const auto& page : pages_) {
    count += page->slots.size();
  }
  return count;
}

}  // namespace engine
