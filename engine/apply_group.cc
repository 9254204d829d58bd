// Effects on groups, consumers and pending records.
#include <algorithm>

#include "engine/apply.h"
#include "engine/apply_change.h"
#include "engine/check.h"
#include "engine/fault_point.h"
#include "engine/schema.h"

namespace engine {
namespace {

Consumer& ConsumerOf(const Group& group, ConsumerNumber number) {
  Consumer* consumer = group.ConsumerByNumber(number);
  CHECK(consumer != nullptr);
  return *consumer;
}

// Pending records that MAX-PENDING counts.
int64_t InHand(const Group& group) { return group.pending_count - group.parked_count; }

// There were `before` of them: blocked readers hear of it when there is room again.
void TellOfRoom(Core& core, const Stream& stream, const Group& group, int64_t before) {
  if (group.policy == nullptr || group.policy->max_pending == 0) [[likely]] {
    return;
  }
  const int64_t most = group.policy->max_pending;
  if (before >= most && InHand(group) < most) {
    core.Tell(StreamEvent::Kind::kReady, stream, group.name);
  }
}

// Moves one record's weight between the counters of owners and of states.
void Count(Group& group, const PendingRecord& record, int64_t change) {
  if (!record.is_released()) {
    ConsumerOf(group, record.owner).pending_count += change;
    return;
  }
  group.released_count += change;
  if (record.parked) {
    group.parked_count += change;
    group.stream->totals->parked += change;
  }
  group.delayed_count += !record.parked && record.due_ms != 0 ? change : 0;
}

void CountPending(Group& group, int64_t change) {
  group.pending_count += change;
  group.stream->totals->pending += change;
}

PendingPage& Resident(Core& core, PageSlot& slot, size_t bytes) {
  CHECK(slot.unit != nullptr);
  core.checkpoint.Touch(*slot.unit, bytes);
  slot.unit->referenced = true;
  return slot.unit->page;
}

PageSlot& AddPage(Core& core, Group& group, size_t index, StreamId first_id, PendingPage page) {
  PageSlot slot;
  slot.first_id = first_id;
  slot.number = group.next_page++;
  slot.oldest = page.empty() ? DeliveryKey{INT64_MAX, UINT64_MAX} : page.OldestKey();
  slot.oldest_is_exact = true;
  slot.times = page.Times();
  CHECK(group.order.insert({slot.oldest, first_id}).second);
  if (group.due != nullptr) {
    const int64_t due_ms = group.due->rules().EarliestDue(slot.times);
    group.due->Move(first_id, &slot.due, {due_ms, due_ms});
  }
  const auto it =
      group.pages.insert(group.pages.begin() + static_cast<ptrdiff_t>(index), std::move(slot));
  PageUnit& unit = core.AttachPage(group, *it, std::move(page));
  core.checkpoint.Touch(unit, 0);
  if (group.parked_count > 0) {
    group.NoteParked(*it);
  }
  return *it;
}

void DropPage(Core& core, Group& group, size_t index) {
  PageSlot& slot = group.pages[index];
  if (slot.unit != nullptr) {
    slot.unit->on_disk = slot.unit->on_disk || slot.on_disk;
    core.checkpoint.Forget(*slot.unit);
    core.cache.Remove(slot.unit.get());
  }
  if (slot.on_disk || (slot.unit != nullptr && slot.unit->on_disk)) {
    core.checkpoint.DeleteLater(
        Family::kGroups,
        PendingPageKey(group.stream->physical_db, group.stream->uid, group.number, slot.number));
  }
  group.Unlist(slot);
  group.parked_pages.erase(slot.first_id);
  group.pages.erase(group.pages.begin() + static_cast<ptrdiff_t>(index));
}

// The page a record with this id belongs into, in memory and with room for one more.
PageSlot& PageFor(Core& core, Group& group, StreamId id, size_t bytes) {
  if (group.pages.empty()) {
    return AddPage(core, group, 0, id, PendingPage());
  }
  const size_t index = group.FindPageAtOrAfter(id);
  PageSlot& slot = group.pages[index];
  const bool takes_no_more =
      slot.unit != nullptr ? !slot.unit->page.WantsAppend() : slot.count == kMaxPendingRecords;
  if (index + 1 == group.pages.size() && takes_no_more && id > slot.Last()) {
    return AddPage(core, group, index + 1, id, PendingPage());
  }
  PendingPage& page = Resident(core, slot, bytes);
  if (!page.full() || page.Contains(id)) {
    group.Reorder(slot, std::min(slot.first_id, id), slot.oldest);
    return slot;
  }
  PendingPage upper = page.Split();
  const StreamId upper_first = upper.first_id();
  group.Reorder(slot, std::min(slot.first_id, id), page.OldestKey());
  slot.oldest_is_exact = true;
  if (group.parked_count > 0) {
    group.NoteParked(slot);
  }
  slot.times = page.Times();
  AddPage(core, group, index + 1, upper_first, std::move(upper));
  return group.pages[id >= upper_first ? index + 1 : index];
}

// What of the record in whose place it comes outlives a delivery or a release.
PendingRecord TakeOver(const PendingRecord& old, PendingRecord record) {
  if (old.was_delivered() || record.is_released()) {
    record.first_delivery_ms = old.first_delivery_ms;
  }
  if (record.is_released()) {
    record.last_owner = old.is_released() ? old.last_owner : old.owner;
  }
  record.hops = std::max(record.hops, old.hops);
  if (record.reason.empty()) {
    record.reason = old.reason;
  }
  return record;
}

void Put(Core& core, Group& group, const PendingRecord& record) {
  PageSlot& slot = PageFor(core, group, record.id, 8);
  PendingPage& page = slot.unit->page;
  const auto old = page.Find(record.id);
  if (old.has_value()) {
    Count(group, *old, -1);
    Group::NoteDeparture(slot, DeliveryKey::Of(*old));
    CHECK(page.Update(TakeOver(*old, record)));
  } else {
    CHECK(page.Insert(record));
    CountPending(group, 1);
  }
  Count(group, record, 1);
  if (record.parked || (old.has_value() && old->parked)) {
    group.NoteParked(slot);
  }
  group.NoteArrival(slot, record);
}

// As Put() for a record that has no owner from now on; one that exists keeps its times of delivery.
void Release(Core& core, Group& group, const PendingRecord& released) {
  PendingRecord record = released;
  const size_t index = group.FindPage(record.id);
  if (index != group.pages.size()) {
    const auto old = Resident(core, group.pages[index], 8).Find(record.id);
    record.delivery_ms = old.has_value() ? old->delivery_ms : record.delivery_ms;
  }
  Put(core, group, record);
}

PendingRecord ReleasedAt(int64_t released_ms) {
  PendingRecord record;
  record.released_ms = released_ms;
  record.delivery_ms = released_ms;
  record.first_delivery_ms = released_ms;
  return record;
}

bool EraseRecord(Core& core, Group& group, StreamId id) {
  const size_t index = group.FindPage(id);
  if (index == group.pages.size()) {
    return false;
  }
  PendingPage& page = Resident(core, group.pages[index], 8);
  const auto erased = page.Erase(id);
  if (!erased.has_value()) {
    return false;
  }
  Count(group, *erased, -1);
  if (erased->parked) {
    group.NoteParked(group.pages[index]);
  }
  Group::NoteDeparture(group.pages[index], DeliveryKey::Of(*erased));
  CountPending(group, -1);
  if (page.empty()) {
    DropPage(core, group, index);
  }
  return true;
}

}  // namespace

void Apply(Core& core, Stream& stream, const GroupCreated& effect) {
  core.checkpoint.Touch(stream, 0);
  stream.changed_turn = core.turn;
  ++core.changes_since_checkpoint;
  auto group = std::make_unique<Group>(&stream, effect.group, std::string(effect.name));
  group->last_id = effect.last_id;
  group->entries_read = effect.entries_read;
  core.checkpoint.Touch(*group, 0);
  core.cache.Grow(&stream, group->memory_bytes());
  stream.AddGroup(std::move(group));
  ++stream.totals->groups;
  stream.next_group = std::max(stream.next_group, effect.group + 1);
}

void Apply(Core& core, Stream& stream, const GroupDestroyed& effect) {
  core.checkpoint.Touch(stream, 0);
  Group& group = ChangeGroup(core, stream, effect.group);
  stream.totals->Subtract(TotalsOf(group));
  core.RetireGroup(group);
  stream.RemoveGroup(group);
}

void Apply(Core& core, Stream& stream, const GroupMoved& effect) {
  Group& group = ChangeGroup(core, stream, effect.group);
  stream.MoveGroup(group, effect.last_id);
  group.entries_read = effect.entries_read;
}

void Apply(Core& core, Stream& stream, const ConsumerCreated& effect) {
  Group& group = ChangeGroup(core, stream, effect.group);
  auto consumer =
      std::make_unique<Consumer>(effect.consumer, std::string(effect.name), effect.seen_ms);
  group.next_consumer = std::max(group.next_consumer, effect.consumer + 1);
  group.consumers_by_number.push_back(consumer.get());
  core.cache.Grow(&stream, sizeof(Consumer) + effect.name.size() + 64);
  const std::string_view name = consumer->name;
  group.consumers.emplace(name, std::move(consumer));
  ++stream.totals->consumers;
}

void Apply(Core& core, Stream& stream, const ConsumerDeleted& effect) {
  Group& group = ChangeGroup(core, stream, effect.group);
  Consumer& consumer = ConsumerOf(group, effect.consumer);
  const int64_t before = InHand(group);
  for (size_t index = 0; index < group.pages.size() && consumer.pending_count > 0;) {
    if (group.pages[index].OwnedBy(consumer.number) == 0) {
      ++index;
      continue;
    }
    PendingPage& page = Resident(core, group.pages[index], 0);
    std::vector<StreamId> ids;
    for (auto at = page.Begin(); at.valid(); at.Next()) {
      if (at.owner() == consumer.number) {
        ids.push_back(at.id());
      }
    }
    for (const StreamId id : ids) {
      CHECK(page.Erase(id).has_value());
    }
    group.pages[index].oldest_is_exact = false;
    consumer.pending_count -= static_cast<int64_t>(ids.size());
    CountPending(group, -static_cast<int64_t>(ids.size()));
    if (page.empty()) {
      DropPage(core, group, index);
    } else {
      ++index;
    }
  }
  CHECK(consumer.pending_count == 0);
  --stream.totals->consumers;
  std::erase(group.consumers_by_number, &consumer);
  group.consumers.erase(group.consumers.find(consumer.name));
  TellOfRoom(core, stream, group, before);
}

void Apply(Core& core, Stream& stream, const ConsumerSeen& effect) {
  Group* group = stream.GroupByNumber(effect.group);
  Consumer* consumer = group == nullptr ? nullptr : group->ConsumerByNumber(effect.consumer);
  if (consumer == nullptr) {
    return;  // Soft: it may be recorded after the consumer went.
  }
  core.checkpoint.Touch(*group, 0);
  consumer->seen_ms = effect.seen_ms;
  if (effect.active_ms >= 0) {
    consumer->active_ms = effect.active_ms;
  }
}

void Apply(Core& core, Stream& stream, const Delivered& effect) {
  Group& group = ChangeGroup(core, stream, effect.group);
  PendingRecord record;
  record.owner = effect.consumer;
  record.delivery_ms = effect.delivery_ms;
  record.first_delivery_ms = effect.delivery_ms;
  record.count = 1;
  record.sequence = effect.first_sequence;
  for (const StreamId id : effect.ids) {
    record.id = id;
    Put(core, group, record);
    ++record.sequence;
  }
  group.next_sequence = std::max(group.next_sequence, record.sequence);
  Consumer& consumer = ConsumerOf(group, effect.consumer);
  consumer.seen_ms = effect.delivery_ms;
  consumer.active_ms = effect.delivery_ms;
}

void Apply(Core& core, Stream& stream, const PendingCopied& effect) {
  Group& group = ChangeGroup(core, stream, effect.group);
  for (const PendingRecord& record : effect.records) {
    Put(core, group, record);
    group.next_sequence = std::max(group.next_sequence, record.sequence + 1);
  }
}

void Apply(Core& core, Stream& stream, const Acknowledged& effect) {
  Group& group = ChangeGroup(core, stream, effect.group);
  const int64_t before = InHand(group);
  for (const StreamId id : effect.ids) {
    CHECK(EraseRecord(core, group, id) || PLANTED_BUG("unrecorded_delivery"));
  }
  TellOfRoom(core, stream, group, before);
}

void Apply(Core& core, Stream& stream, const Claimed& effect) {
  Group& group = ChangeGroup(core, stream, effect.group);
  PendingRecord record;
  record.owner = effect.consumer;
  record.delivery_ms = effect.delivery_ms;
  record.first_delivery_ms = effect.delivery_ms;
  record.sequence = effect.first_sequence;
  for (const ClaimedRecord& claimed : effect.records) {
    record.id = claimed.id;
    record.count = claimed.count;
    Put(core, group, record);
    ++record.sequence;
  }
  group.next_sequence = std::max(group.next_sequence, record.sequence);
}

void Apply(Core& core, Stream& stream, const Released& effect) {
  Group& group = ChangeGroup(core, stream, effect.group);
  PendingRecord record = ReleasedAt(effect.released_ms);
  record.sequence = effect.first_sequence;
  for (const ClaimedRecord& released : effect.records) {
    record.id = released.id;
    record.count = released.count;
    Release(core, group, record);
    ++record.sequence;
  }
  group.next_sequence = std::max(group.next_sequence, record.sequence);
}

void Apply(Core& core, Stream& stream, const HandedBack& effect) {
  Group& group = ChangeGroup(core, stream, effect.group);
  const int64_t before = InHand(group);
  PendingRecord record = ReleasedAt(effect.released_ms);
  record.sequence = effect.first_sequence;
  for (const HandedBackRecord& each : effect.records) {
    record.id = each.id;
    record.count = each.count;
    record.due_ms = each.due_ms;
    record.hops = each.hops;
    record.parked = each.parked;
    record.fatal = each.fatal;
    record.reason = each.reason;
    Release(core, group, record);
    ++record.sequence;
  }
  group.next_sequence = std::max(group.next_sequence, record.sequence);
  TellOfRoom(core, stream, group, before);  // Some may be parked now.
}

}  // namespace engine
