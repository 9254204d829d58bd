// A consumer group in memory: position, consumers, and the list of its pending pages.
//
// Group and its consumers are one record in the store; pending pages are loaded one by one.
// Owner: Stream. Thread: loop. State changes only in engine/apply.cc.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "engine/counters.h"
#include "engine/due_index.h"
#include "engine/pending_page.h"
#include "engine/policy.h"
#include "engine/status.h"
#include "engine/stream_id.h"
#include "engine/types.h"
#include "engine/unit.h"

namespace engine {

class Stream;

class Consumer {
 public:
  Consumer(ConsumerNumber consumer_number, std::string consumer_name, int64_t now_ms)
      : number(consumer_number), name(std::move(consumer_name)), seen_ms(now_ms) {}

  const ConsumerNumber number;
  const std::string name;
  int64_t seen_ms;         // Store line: last attempt.
  int64_t active_ms = -1;  // Store line: last success; -1 = never.
  int64_t pending_count = 0;
  int64_t waited_ms = 0;  // Store line: when it was last known to wait for entries. Not stored.
};

class Group;

struct PageUnit : Unit {
  PageUnit(Group* owner, uint32_t page_number, PendingPage content)
      : Unit(UnitKind::kPendingPage), group(owner), number(page_number), page(std::move(content)) {}

  Group* const group;
  const uint32_t number;
  PendingPage page;
};

// One page of the pending list. What it says of the content is exact while the page is not in
// memory; while it is, ask the page. `first_id` orders the slots: no id of the page is below it.
// `oldest` is no later than any record of the page in delivery order, wherever the page is.
struct PageSlot {
  StreamId first_id;
  StreamId last_id;
  uint32_t number = 0;
  uint32_t count = 0;
  std::vector<PendingPage::OwnerShare> owners;
  DeliveryKey oldest;
  PageTimes times;  // None of the page is earlier.
  bool oldest_is_exact = false;
  bool on_disk = false;
  PageDue due;  // Not stored: its place in Group::due, if there is one.
  std::unique_ptr<PageUnit> unit;

  uint32_t Count() const { return unit != nullptr ? unit->page.count() : count; }
  StreamId First() const { return unit != nullptr ? unit->page.first_id() : first_id; }
  StreamId Last() const { return unit != nullptr ? unit->page.last_id() : last_id; }
  uint32_t OwnedBy(ConsumerNumber owner) const;
};

// Where a page stands among those of its group in delivery order.
struct PageOrder {
  DeliveryKey oldest;
  StreamId first_id;
  auto operator<=>(const PageOrder&) const = default;
};

class Group : public Unit {
 public:
  Group(Stream* owner, GroupNumber group_number, std::string group_name)
      : Unit(UnitKind::kGroup), stream(owner), number(group_number), name(std::move(group_name)) {}

  Stream* const stream;
  const GroupNumber number;
  const std::string name;
  StreamId last_id;
  std::optional<int64_t> entries_read;  // Nothing = invalid.
  int64_t pending_count = 0;
  int64_t released_count = 0;  // Pending records without an owner, parked ones included.
  int64_t parked_count = 0;
  int64_t delayed_count = 0;  // Those with a due time of their own, parked ones apart.
  uint64_t next_sequence = 1;
  ConsumerNumber next_consumer = 1;
  uint32_t next_page = 1;

  absl::btree_map<std::string_view, std::unique_ptr<Consumer>> consumers;  // By name.
  std::vector<Consumer*> consumers_by_number;                              // Ascending.
  std::deque<PageSlot> pages;                                              // Ascending; none empty.
  absl::btree_set<PageOrder> order;        // One for each page, as its slot has it.
  absl::btree_set<StreamId> parked_pages;  // `first_id` of those that have a parked record.

  std::unique_ptr<PolicySettings> own_policy;  // Null: nothing set.
  GroupCounters counters;
  // When it was made, or last lost a consumer while a GROUP-TTL held: its idleness counts from
  // there on at the earliest. Store line; 0 = not known.
  int64_t created_ms = 0;

  // Not stored: see Core::PolicyOf().
  std::unique_ptr<GroupPolicy> policy;
  uint64_t policy_version = 0;
  // Not stored: which pages may have something due. Null where nothing ever is. Made anew with the
  // policy where that matters, kept up to date from then on.
  std::unique_ptr<DueIndex> due;

  Consumer* FindConsumer(std::string_view consumer_name) const;
  Consumer* ConsumerByNumber(ConsumerNumber consumer_number) const;
  // The name of a record's owner; empty for a released one.
  std::string_view OwnerName(ConsumerNumber owner) const;
  // Index of the page that holds `id` if any does; pages.size() when `id` is below all of them or
  // there is none.
  size_t FindPage(StreamId id) const;
  // Index of the first page that may hold an id at or above `id`.
  size_t FindPageAtOrAfter(StreamId id) const;

  // The only ways to change what `order` and `due` are made of.
  void Reorder(PageSlot& slot, StreamId first_id, DeliveryKey oldest);
  // A record came into the page, or one with this key left it.
  void NoteArrival(PageSlot& slot, const PendingRecord& record);
  static void NoteDeparture(PageSlot& slot, DeliveryKey key);
  // A parked record came into the page, or left it.
  void NoteParked(const PageSlot& slot);
  // Makes the slot's bounds exact if its page is in memory.
  void Tighten(PageSlot& slot);
  // Takes the page out of both, before it goes.
  void Unlist(PageSlot& slot);
  // Copies what the page says into the slot, for when the page leaves memory or is listed on disk.
  void Summarize(PageSlot& slot);

  size_t memory_bytes() const;
};

// The record under GroupHeaderKey. Decode sets everything but the stream; pages are not in memory.
void EncodeGroup(Group& group, std::string* out);
Result<std::unique_ptr<Group>> DecodeGroup(Stream* stream, GroupNumber number,
                                           std::string_view stored);

}  // namespace engine
