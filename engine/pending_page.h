// A page of a group's pending records: up to kMaxPendingRecords, in order of id.
//
// In memory a record takes 40 bytes: times and sequences are 32-bit distances from bases of the
// page, and the rare record that does not fit (a claim may set any time or count) is kept whole on
// the side. An erased record leaves a dead slot, so acknowledging one by one moves no memory. On
// disk a record of a plain delivery takes 3 to 5 bytes; layout: docs/disk-format-page.md.
//
// Owner: the group's cache entry. Thread: loop.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/codec.h"
#include "engine/status.h"
#include "engine/stream_id.h"
#include "engine/types.h"

namespace engine {

inline constexpr uint32_t kMaxPendingRecords = 128;
// Delivery counts saturate here.
inline constexpr uint64_t kMaxDeliveryCount = INT64_MAX;

struct PendingRecord {
  StreamId id;
  int64_t delivery_ms = 0;        // Last delivery, on the store's time line.
  int64_t first_delivery_ms = 0;  // On the same line.
  uint64_t sequence = 0;  // Delivery sequence: the order of equal times and of released records.
  uint64_t count = 0;     // Deliveries, at most kMaxDeliveryCount.
  ConsumerNumber owner = kNoConsumer;  // kNoConsumer = released.

  // Of a released record.
  int64_t released_ms = 0;                  // When it was given back, on the same line.
  ConsumerNumber last_owner = kNoConsumer;  // kNoConsumer = it has not been delivered yet.
  int64_t due_ms = 0;   // A time of its own at which it is due, on the same line; 0 = none.
  bool parked = false;  // No read, claim or timer takes it.
  bool fatal = false;   // Parked because a consumer called it fatal.

  uint32_t hops = 0;   // How often its payload has been a dead letter.
  std::string reason;  // What its last XNACK gave; may be empty.

  bool is_released() const { return owner == kNoConsumer; }
  bool was_delivered() const { return owner != kNoConsumer || last_owner != kNoConsumer; }
  bool operator==(const PendingRecord&) const = default;
};
// What a record has beyond owner, times of delivery, sequence and count, as its stored forms write
// it. `record` has its owner and delivery time when it is read.
void PutPendingExtras(std::string* out, const PendingRecord& record);
void ReadPendingExtras(Decoder* decoder, PendingRecord* record);

// A record's place in delivery order: released ones first, in order of release; then by time of
// delivery, ties in order of delivery; parked ones, which nobody looks for, last.
struct DeliveryKey {
  // Of a released record: it has been idle for ever, whatever its time of delivery says.
  static constexpr int64_t kReleased = INT64_MIN;

  int64_t delivery_ms = kReleased;
  uint64_t sequence = 0;

  static constexpr int64_t kParked = INT64_MAX;

  static DeliveryKey Of(const PendingRecord& record) {
    if (!record.is_released()) {
      return {record.delivery_ms, record.sequence};
    }
    return {record.parked ? kParked : kReleased, record.sequence};
  }
  auto operator<=>(const DeliveryKey&) const = default;
};

// The earliest times in a run of records, from which follows when one of them may be due, whatever
// the policy (engine/due_index.h). Parked records, which are never due, have none.
struct PageTimes {
  static constexpr int64_t kNone = INT64_MAX;

  int64_t owned_ms = kNone;     // Of delivery, among owned records.
  int64_t released_ms = kNone;  // Of release, among released ones without a due time of their own.
  int64_t own_due_ms = kNone;   // Among due times of their own.

  void Add(const PendingRecord& record);
  bool operator==(const PageTimes&) const = default;
};

// Stands for an owner where records are counted by owner: those that are parked.
inline constexpr ConsumerNumber kParkedShare = UINT32_MAX;

class PendingPage {
 public:
  struct OwnerShare {
    ConsumerNumber owner = kNoConsumer;
    uint32_t count = 0;
    bool operator==(const OwnerShare&) const = default;
  };
  class Iterator;

  PendingPage() = default;

  // The value of a page key. kCorruption unless every byte is accounted for; a page has at least
  // one record.
  static Result<PendingPage> Decode(std::string_view stored);
  // Precondition: !empty().
  void Encode(std::string* out) const;

  uint32_t count() const { return live_count_; }
  bool empty() const { return live_count_ == 0; }
  bool full() const { return live_count_ == kMaxPendingRecords; }
  // Whether a record above last_id() should go into this page rather than a new one. Implies
  // !full(); false for a page with little room, which would repack itself every few records.
  bool WantsAppend() const {
    return slots_.size() < kMaxPendingRecords || live_count_ <= kMaxPendingRecords / 2;
  }
  // Preconditions: !empty().
  StreamId first_id() const;
  StreamId last_id() const;

  std::optional<PendingRecord> Find(StreamId id) const;
  bool Contains(StreamId id) const;
  // False if the id is there already (nothing changes). Precondition: !full().
  bool Insert(const PendingRecord& record);
  // Replaces the record of that id; false if there is none.
  bool Update(const PendingRecord& record);
  // The record erased; nothing if there was none.
  std::optional<PendingRecord> Erase(StreamId id);
  // Moves the upper half into the page returned. Precondition: count() >= 2.
  PendingPage Split();

  // In order of id. Any change of the page ends an iteration.
  Iterator Begin() const;
  // The first record at or above `id`.
  Iterator Seek(StreamId id) const;
  // The last record; the last one at or below `id`.
  Iterator Last() const;
  Iterator SeekAtOrBefore(StreamId id) const;

  // Who owns records here and how many; ascending by owner, kNoConsumer (released) and kParkedShare
  // included.
  std::span<const OwnerShare> owners() const { return owners_; }
  uint32_t OwnedBy(ConsumerNumber owner) const;

  // The first key in delivery order; looks at every record. Precondition: !empty().
  DeliveryKey OldestKey() const;
  // Looks at every record.
  PageTimes Times() const;

  // Heap and object, for the cache budget.
  size_t memory_bytes() const;

 private:
  struct Slot {
    uint64_t id_ms;
    uint64_t id_seq;
    int32_t delivery_delta;        // From base_ms_.
    int32_t first_delivery_delta;  // From base_ms_.
    int32_t sequence_delta;        // From base_sequence_.
    int32_t release_delta;         // From base_ms_; kReleased only.
    ConsumerNumber owner;          // kReleased: the last owner.
    uint32_t count : 28;
    uint32_t flags : 4;  // SlotFlag.

    StreamId id() const { return {id_ms, id_seq}; }
    bool Has(uint32_t flag) const { return (flags & flag) != 0; }
  };
  static_assert(sizeof(Slot) <= 40);
  static constexpr uint32_t kMaxSlotCount = (uint32_t{1} << 28) - 1;
  enum SlotFlag : uint32_t { kWide = 1, kDead = 2, kReleased = 4 };

  size_t LowerBound(StreamId id) const;
  // slots_.size() if there is none.
  size_t FindLive(StreamId id) const;
  bool IsDead(size_t index) const { return slots_[index].Has(kDead); }
  PendingRecord Unpack(const Slot& slot) const;
  // Makes the slot hold the record and counts it.
  void Place(size_t index, const PendingRecord& record);
  // Uncounts the record of the slot and returns it; the slot is dead then.
  PendingRecord Clear(size_t index);
  // Makes room for `id` and returns the slot; all slots stay in order.
  size_t MakeSlot(StreamId id);
  void Repack(size_t capacity);
  void ShareOf(ConsumerNumber owner, int change);

  int64_t base_ms_ = 0;
  uint64_t base_sequence_ = 0;
  uint32_t live_count_ = 0;
  uint32_t head_ = 0;                // Slots below are dead.
  std::vector<Slot> slots_;          // Ascending by id, dead ones included; the last is never dead.
  std::vector<PendingRecord> wide_;  // Whole records of kWide slots, ascending by id.
  size_t reason_bytes_ = 0;          // Of their reasons.
  std::vector<OwnerShare> owners_;
};

// At a record, or off an end (then !valid(), for good).
class PendingPage::Iterator {
 public:
  Iterator() = default;

  bool valid() const { return page_ != nullptr; }
  // Preconditions of the rest: valid().
  StreamId id() const;
  ConsumerNumber owner() const;
  PendingRecord record() const;
  void Next();
  void Prev();

 private:
  friend class PendingPage;
  Iterator(const PendingPage* page, size_t index) : page_(page), index_(index) {}

  const PendingPage* page_ = nullptr;
  size_t index_ = 0;
};

}  // namespace engine
