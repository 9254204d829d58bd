#include "engine/group.h"

#include <algorithm>
#include <utility>

#include "engine/check.h"
#include "engine/checksum.h"
#include "engine/codec.h"

namespace engine {
namespace {

constexpr uint8_t kGroupRecordVersion = 3;
// Ends behind its pages, of which it has no times: no policy, no counters, nothing parked or
// delayed.
constexpr uint8_t kPlainVersion = 2;
// Has no delivery order: the bound of each page is the lowest there is until it is looked at.
constexpr uint8_t kUnorderedVersion = 1;

// Which of a page's times there are.
constexpr uint8_t kOwnedTime = 1;
constexpr uint8_t kReleasedTime = 2;
constexpr uint8_t kOwnDueTime = 4;
constexpr uint8_t kAllTimes = 7;

void PutTimes(std::string* out, const PageTimes& times) {
  const auto put = [out](int64_t time_ms) {
    if (time_ms != PageTimes::kNone) {
      PutSignedVarint(out, time_ms);
    }
  };
  PutU8(out, static_cast<uint8_t>((times.owned_ms != PageTimes::kNone ? kOwnedTime : 0) |
                                  (times.released_ms != PageTimes::kNone ? kReleasedTime : 0) |
                                  (times.own_due_ms != PageTimes::kNone ? kOwnDueTime : 0)));
  put(times.owned_ms);
  put(times.released_ms);
  put(times.own_due_ms);
}

PageTimes ReadTimes(Decoder* decoder) {
  const uint8_t present = decoder->ReadU8();
  const auto read = [&](uint8_t bit) {
    return (present & bit) != 0 ? decoder->ReadSignedVarint() : PageTimes::kNone;
  };
  PageTimes times;
  times.owned_ms = read(kOwnedTime);
  times.released_ms = read(kReleasedTime);
  times.own_due_ms = read(kOwnDueTime);
  if (present > kAllTimes) {
    decoder->Fail();
  }
  return times;
}

// Of a page of which only the owners are known.
PageTimes LowestTimes(const PageSlot& slot) {
  PageTimes times;
  for (const PendingPage::OwnerShare& share : slot.owners) {
    (share.owner == kNoConsumer ? times.released_ms : times.owned_ms) = 0;
  }
  return times;
}

void EncodePageSlots(Group& group, std::string* out) {
  PutVarint(out, group.pages.size());
  StreamId base;
  for (PageSlot& slot : group.pages) {
    group.Summarize(slot);
    PutIdDelta(out, base, slot.first_id);
    PutIdDelta(out, slot.first_id, slot.last_id);
    PutVarint(out, slot.number);
    PutVarint(out, slot.count);
    PutVarint(out, slot.owners.size());
    for (const PendingPage::OwnerShare& share : slot.owners) {
      PutVarint(out, share.owner);
      PutVarint(out, share.count);
    }
    PutSignedVarint(out, slot.oldest.delivery_ms);
    PutVarint(out, slot.oldest.sequence);
    PutTimes(out, slot.times);
    base = slot.first_id;
  }
}

void ReadPageSlots(Decoder* decoder, uint8_t version, Group* group) {
  const uint64_t page_count = decoder->ReadVarint();
  StreamId base;
  for (uint64_t i = 0; i < page_count && decoder->ok(); ++i) {
    PageSlot slot;
    slot.first_id = decoder->ReadIdDelta(base);
    slot.last_id = decoder->ReadIdDelta(slot.first_id);
    slot.number = decoder->ReadVarint32();
    slot.count = decoder->ReadVarint32();
    const uint64_t owner_count = decoder->ReadVarint();
    if (slot.count == 0 || slot.count > kMaxPendingRecords || owner_count > slot.count ||
        slot.number >= group->next_page ||
        (i > 0 && slot.first_id <= group->pages.back().last_id)) {
      decoder->Fail();
      return;
    }
    for (uint64_t n = 0; n < owner_count; ++n) {
      const ConsumerNumber owner = decoder->ReadVarint32();
      slot.owners.push_back({owner, decoder->ReadVarint32()});
    }
    if (version != kUnorderedVersion) {
      slot.oldest.delivery_ms = decoder->ReadSignedVarint();
      slot.oldest.sequence = decoder->ReadVarint();
    }
    slot.times = version > kPlainVersion ? ReadTimes(decoder) : LowestTimes(slot);
    group->order.insert({slot.oldest, slot.first_id});
    group->NoteParked(slot);
    slot.on_disk = true;
    base = slot.first_id;
    group->pages.push_back(std::move(slot));
  }
}

void ReadConsumers(Decoder* decoder, Group* group) {
  const uint64_t consumer_count = decoder->ReadVarint();
  for (uint64_t i = 0; i < consumer_count && decoder->ok(); ++i) {
    const ConsumerNumber number = decoder->ReadVarint32();
    std::string name(decoder->ReadString());
    const int64_t seen_ms = decoder->ReadSignedVarint();
    auto consumer = std::make_unique<Consumer>(number, std::move(name), seen_ms);
    consumer->active_ms = decoder->ReadSignedVarint();
    consumer->pending_count = static_cast<int64_t>(decoder->ReadVarint());
    if (number == kNoConsumer || number >= group->next_consumer ||
        (!group->consumers_by_number.empty() &&
         group->consumers_by_number.back()->number >= number)) {
      decoder->Fail();
      return;
    }
    group->consumers_by_number.push_back(consumer.get());
    const std::string_view key = consumer->name;
    if (!group->consumers.emplace(key, std::move(consumer)).second) {
      decoder->Fail();
      return;
    }
  }
}

void ReadDeliveryPart(Decoder* decoder, Group* group) {
  group->parked_count = static_cast<int64_t>(decoder->ReadVarint());
  group->delayed_count = static_cast<int64_t>(decoder->ReadVarint());
  group->created_ms = decoder->ReadSignedVarint();
  for (const auto counter : GroupCounters::All()) {
    group->counters.*counter = decoder->ReadVarint();
  }
  PolicySettings settings = PolicySettings::Decode(decoder, GroupOptionSpecs());
  if (!settings.empty()) {
    group->own_policy = std::make_unique<PolicySettings>(std::move(settings));
  }
  if (group->parked_count > group->released_count - group->delayed_count) {
    decoder->Fail();
  }
}

}  // namespace

uint32_t PageSlot::OwnedBy(ConsumerNumber owner) const {
  if (unit != nullptr) {
    return unit->page.OwnedBy(owner);
  }
  for (const PendingPage::OwnerShare& share : owners) {
    if (share.owner == owner) {
      return share.count;
    }
  }
  return 0;
}

Consumer* Group::FindConsumer(std::string_view consumer_name) const {
  const auto it = consumers.find(consumer_name);
  return it == consumers.end() ? nullptr : it->second.get();
}

Consumer* Group::ConsumerByNumber(ConsumerNumber consumer_number) const {
  const auto it = std::lower_bound(
      consumers_by_number.begin(), consumers_by_number.end(), consumer_number,
      [](const Consumer* consumer, ConsumerNumber wanted) { return consumer->number < wanted; });
  return it != consumers_by_number.end() && (*it)->number == consumer_number ? *it : nullptr;
}

std::string_view Group::OwnerName(ConsumerNumber owner) const {
  const Consumer* consumer = owner == kNoConsumer ? nullptr : ConsumerByNumber(owner);
  return consumer == nullptr ? std::string_view() : std::string_view(consumer->name);
}

size_t Group::FindPage(StreamId id) const {
  const auto it = std::upper_bound(
      pages.begin(), pages.end(), id,
      [](StreamId wanted, const PageSlot& slot) { return wanted < slot.first_id; });
  return it == pages.begin() ? pages.size() : static_cast<size_t>(it - pages.begin()) - 1;
}

size_t Group::FindPageAtOrAfter(StreamId id) const {
  const size_t index = FindPage(id);
  return index == pages.size() ? 0 : index;
}

void Group::Reorder(PageSlot& slot, StreamId first_id, DeliveryKey oldest) {
  if (slot.first_id == first_id && slot.oldest == oldest) {
    return;
  }
  CHECK(order.erase({slot.oldest, slot.first_id}) == 1);
  if (slot.first_id != first_id && parked_pages.erase(slot.first_id) > 0) {
    parked_pages.insert(first_id);
  }
  if (due != nullptr && slot.first_id != first_id) {
    const PageDue place = slot.due;
    due->Move(slot.first_id, &slot.due, PageDue());
    due->Move(first_id, &slot.due, place);
  }
  slot.first_id = first_id;
  slot.oldest = oldest;
  order.insert({oldest, first_id});
}

void Group::Unlist(PageSlot& slot) {
  CHECK(order.erase({slot.oldest, slot.first_id}) == 1);
  if (due != nullptr) {
    due->Move(slot.first_id, &slot.due, PageDue());
  }
}

void Group::NoteArrival(PageSlot& slot, const PendingRecord& record) {
  slot.times.Add(record);
  if (due != nullptr) {
    const int64_t due_ms = due->rules().DueAt(record);
    due->Move(slot.first_id, &slot.due,
              {std::min(slot.due.due_ms, due_ms), std::min(slot.due.look_ms, due_ms)});
  } else if (record.due_ms != 0) {
    policy_version = 0;  // `due` is made when it is asked for.
  }
  const DeliveryKey key = DeliveryKey::Of(record);
  if (key < slot.oldest) {
    Reorder(slot, slot.first_id, key);
    slot.oldest_is_exact = true;
  }
}

void Group::NoteDeparture(PageSlot& slot, DeliveryKey key) {
  slot.oldest_is_exact = slot.oldest_is_exact && key != slot.oldest;
}

void Group::NoteParked(const PageSlot& slot) {
  if (slot.OwnedBy(kParkedShare) > 0) {
    parked_pages.insert(slot.first_id);
  } else {
    parked_pages.erase(slot.first_id);
  }
}

void Group::Tighten(PageSlot& slot) {
  if (slot.unit != nullptr && !slot.oldest_is_exact) {
    Reorder(slot, slot.first_id, slot.unit->page.OldestKey());
    slot.oldest_is_exact = true;
    slot.times = slot.unit->page.Times();
  }
}

void Group::Summarize(PageSlot& slot) {
  if (slot.unit == nullptr) {
    return;
  }
  const PendingPage& page = slot.unit->page;
  Tighten(slot);
  Reorder(slot, page.first_id(), slot.oldest);
  slot.last_id = page.last_id();
  slot.count = page.count();
  const auto shares = page.owners();
  slot.owners.assign(shares.begin(), shares.end());
}

size_t Group::memory_bytes() const {
  return sizeof(Group) + name.size() + consumers.size() * (sizeof(Consumer) + 48) +
         pages.size() * (sizeof(PageSlot) + sizeof(PageOrder) + 32) +
         parked_pages.size() * sizeof(StreamId) +
         (due == nullptr ? 0 : due->by_due().size() * 2 * sizeof(DueIndex::Place)) +
         (own_policy == nullptr ? 0 : own_policy->memory_bytes()) + 512;
}

void EncodeGroup(Group& group, std::string* out) {
  const size_t begin = out->size();
  PutU8(out, kGroupRecordVersion);
  PutString(out, group.name);
  PutVarintId(out, group.last_id);
  PutSignedVarint(out, group.entries_read.value_or(-1));
  PutVarint(out, static_cast<uint64_t>(group.pending_count));
  PutVarint(out, static_cast<uint64_t>(group.released_count));
  PutVarint(out, group.next_sequence);
  PutVarint(out, group.next_consumer);
  PutVarint(out, group.next_page);
  PutVarint(out, group.consumers_by_number.size());
  for (const Consumer* consumer : group.consumers_by_number) {
    PutVarint(out, consumer->number);
    PutString(out, consumer->name);
    PutSignedVarint(out, consumer->seen_ms);
    PutSignedVarint(out, consumer->active_ms);
    PutVarint(out, static_cast<uint64_t>(consumer->pending_count));
  }
  EncodePageSlots(group, out);
  PutVarint(out, static_cast<uint64_t>(group.parked_count));
  PutVarint(out, static_cast<uint64_t>(group.delayed_count));
  PutSignedVarint(out, group.created_ms);
  ForEachCounter(group.counters, [out](uint64_t value) { PutVarint(out, value); });
  (group.own_policy == nullptr ? PolicySettings() : *group.own_policy).Encode(out);
  SealRecord(out, begin);
}

Result<std::unique_ptr<Group>> DecodeGroup(Stream* stream, GroupNumber number,
                                           std::string_view stored) {
  const Status damaged(Code::kCorruption, "group record is damaged");
  const std::optional<std::string_view> body = OpenRecord(stored);
  if (!body.has_value()) {
    return damaged;
  }
  Decoder decoder(*body);
  const uint8_t version = decoder.ReadU8();
  if (version == 0 || version > kGroupRecordVersion) {
    return Status(Code::kCorruption, "group record of an unknown version");
  }
  auto group = std::make_unique<Group>(stream, number, std::string(decoder.ReadString()));
  group->last_id = decoder.ReadVarintId();
  const int64_t entries_read = decoder.ReadSignedVarint();
  if (entries_read >= 0) {
    group->entries_read = entries_read;
  }
  group->pending_count = static_cast<int64_t>(decoder.ReadVarint());
  group->released_count = static_cast<int64_t>(decoder.ReadVarint());
  group->next_sequence = decoder.ReadVarint();
  group->next_consumer = decoder.ReadVarint32();
  group->next_page = decoder.ReadVarint32();
  ReadConsumers(&decoder, group.get());
  ReadPageSlots(&decoder, version, group.get());
  if (version > kPlainVersion) {
    ReadDeliveryPart(&decoder, group.get());
  }
  if (!decoder.AtEnd()) {
    return damaged;
  }
  group->on_disk = true;
  return group;
}

}  // namespace engine
