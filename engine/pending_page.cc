#include "engine/pending_page.h"

#include <algorithm>
#include <utility>

#include "engine/check.h"
#include "engine/checksum.h"
#include "engine/codec.h"

namespace engine {
namespace {

constexpr uint8_t kPageVersion = 2;
// Knows no release but that there was one.
constexpr uint8_t kPlainPageVersion = 1;
constexpr size_t kChecksumBytes = 4;

// Which parts of a record are written; a part that is not is as in a plain run of deliveries.
constexpr uint64_t kOwnerPart = 1;          // Else the owner of the record before.
constexpr uint64_t kDeliveryPart = 2;       // Else the delivery time of the record before.
constexpr uint64_t kSequencePart = 4;       // Else one above the sequence of the record before.
constexpr uint64_t kFirstDeliveryPart = 8;  // Else the delivery time.
constexpr uint64_t kCountPart = 16;         // Else 1.
constexpr uint64_t kExtrasPart = 32;        // Else nothing beyond these.
constexpr uint64_t kAllParts = 63;
constexpr uint64_t kAllPlainParts = 31;
// Which of the extras are written.
constexpr uint64_t kReleasePart = 1;  // Else the delivery time, and no last owner.
constexpr uint64_t kDuePart = 2;
constexpr uint64_t kParkedPart = 4;
constexpr uint64_t kHopsPart = 8;
constexpr uint64_t kReasonPart = 16;
constexpr uint64_t kFatalPart = 32;
constexpr uint64_t kAllExtras = 63;

// Fewer slots than this are not worth repacking.
constexpr size_t kMinRepackSlots = 16;
// The first allocation.
constexpr size_t kMinSlots = 4;

// Differences wrap, so that any two times and sequences have one.
int64_t Distance(uint64_t from, uint64_t to) { return static_cast<int64_t>(to - from); }
int64_t Distance(int64_t from, int64_t to) {
  return Distance(static_cast<uint64_t>(from), static_cast<uint64_t>(to));
}
int64_t Moved(int64_t from, int64_t distance) {
  return static_cast<int64_t>(static_cast<uint64_t>(from) + static_cast<uint64_t>(distance));
}
uint64_t Moved(uint64_t from, int64_t distance) { return from + static_cast<uint64_t>(distance); }

bool Fits32(int64_t value) { return value >= INT32_MIN && value <= INT32_MAX; }

bool HasReleasePart(const PendingRecord& record) {
  return record.is_released() &&
         (record.released_ms != record.delivery_ms || record.last_owner != kNoConsumer);
}

uint64_t ExtrasOf(const PendingRecord& record) {
  return (HasReleasePart(record) ? kReleasePart : 0) | (record.due_ms != 0 ? kDuePart : 0) |
         (record.parked ? kParkedPart : 0) | (record.fatal ? kFatalPart : 0) |
         (record.hops != 0 ? kHopsPart : 0) | (record.reason.empty() ? 0 : kReasonPart);
}

void PutRecord(std::string* out, const PendingRecord& previous, const PendingRecord& record) {
  const int64_t delivery_step = Distance(previous.delivery_ms, record.delivery_ms);
  const int64_t sequence_jump = Distance(previous.sequence + 1, record.sequence);
  const int64_t since_first = Distance(record.first_delivery_ms, record.delivery_ms);
  const uint64_t parts =
      (record.owner != previous.owner ? kOwnerPart : 0) | (delivery_step != 0 ? kDeliveryPart : 0) |
      (sequence_jump != 0 ? kSequencePart : 0) | (since_first != 0 ? kFirstDeliveryPart : 0) |
      (record.count != 1 ? kCountPart : 0) | (ExtrasOf(record) != 0 ? kExtrasPart : 0);
  PutIdDelta(out, previous.id, record.id);
  PutVarint(out, parts);
  if (parts & kOwnerPart) {
    PutVarint(out, record.owner);
  }
  if (parts & kDeliveryPart) {
    PutSignedVarint(out, delivery_step);
  }
  if (parts & kSequencePart) {
    PutSignedVarint(out, sequence_jump);
  }
  if (parts & kFirstDeliveryPart) {
    PutSignedVarint(out, since_first);
  }
  if (parts & kCountPart) {
    PutVarint(out, record.count);
  }
  if (parts & kExtrasPart) {
    PutPendingExtras(out, record);
  }
}

// A part that is written though it says what its absence would say is out of range.
int64_t ReadDistance(Decoder* decoder, bool present) {
  if (!present) {
    return 0;
  }
  const int64_t distance = decoder->ReadSignedVarint();
  if (distance == 0) {
    decoder->Fail();
  }
  return distance;
}

PendingRecord ReadRecord(Decoder* decoder, uint8_t version, const PendingRecord& previous) {
  PendingRecord record;
  record.id = decoder->ReadIdDelta(previous.id);
  const uint64_t parts = decoder->ReadVarint();
  record.owner = (parts & kOwnerPart) ? decoder->ReadVarint32() : previous.owner;
  record.delivery_ms =
      Moved(previous.delivery_ms, ReadDistance(decoder, (parts & kDeliveryPart) != 0));
  record.sequence =
      Moved(previous.sequence + 1, ReadDistance(decoder, (parts & kSequencePart) != 0));
  record.first_delivery_ms =
      Distance(ReadDistance(decoder, (parts & kFirstDeliveryPart) != 0), record.delivery_ms);
  record.count = (parts & kCountPart) ? decoder->ReadVarint() : 1;
  const bool repeated_owner = (parts & kOwnerPart) != 0 && record.owner == previous.owner;
  const bool repeated_count = (parts & kCountPart) != 0 && record.count == 1;
  record.released_ms = record.is_released() ? record.delivery_ms : 0;
  if (parts & kExtrasPart) {
    ReadPendingExtras(decoder, &record);
    if (ExtrasOf(record) == 0) {
      decoder->Fail();
    }
  }
  const uint64_t all_parts = version == kPlainPageVersion ? kAllPlainParts : kAllParts;
  if (parts > all_parts || repeated_owner || repeated_count || record.count > kMaxDeliveryCount) {
    decoder->Fail();
  }
  return record;
}

ConsumerNumber ShareOwner(const PendingRecord& record) {
  return record.parked ? kParkedShare : record.owner;
}

Status Corrupt(const char* what) {
  return Status(Code::kCorruption, std::string("pending page: ") + what);
}

}  // namespace

void PutPendingExtras(std::string* out, const PendingRecord& record) {
  const uint64_t extras = ExtrasOf(record);
  PutVarint(out, extras);
  if (extras & kReleasePart) {
    PutSignedVarint(out, Distance(record.delivery_ms, record.released_ms));
    PutVarint(out, record.last_owner);
  }
  if (extras & kDuePart) {
    PutSignedVarint(out, record.due_ms);
  }
  if (extras & kHopsPart) {
    PutVarint(out, record.hops);
  }
  if (extras & kReasonPart) {
    PutString(out, record.reason);
  }
}

void ReadPendingExtras(Decoder* decoder, PendingRecord* record) {
  const uint64_t extras = decoder->ReadVarint();
  record->released_ms = record->is_released() ? record->delivery_ms : 0;
  if (extras & kReleasePart) {
    record->released_ms = Moved(record->delivery_ms, decoder->ReadSignedVarint());
    record->last_owner = decoder->ReadVarint32();
  }
  record->due_ms = (extras & kDuePart) ? decoder->ReadSignedVarint() : 0;
  record->parked = (extras & kParkedPart) != 0;
  record->fatal = (extras & kFatalPart) != 0;
  record->hops = (extras & kHopsPart) ? decoder->ReadVarint32() : 0;
  if (extras & kReasonPart) {
    record->reason = decoder->ReadString();
  }
  // Also what the owned ones do not have.
  const bool of_released = (extras & (kReleasePart | kDuePart | kParkedPart)) != 0;
  if (extras > kAllExtras || ExtrasOf(*record) != extras ||
      (of_released && !record->is_released()) || (record->fatal && !record->parked)) {
    decoder->Fail();
  }
}

void PageTimes::Add(const PendingRecord& record) {
  if (!record.is_released()) {
    owned_ms = std::min(owned_ms, record.delivery_ms);
  } else if (!record.parked && record.due_ms != 0) {
    own_due_ms = std::min(own_due_ms, record.due_ms);
  } else if (!record.parked) {
    released_ms = std::min(released_ms, record.released_ms);
  }
}

// ---- Stored form ----

void PendingPage::Encode(std::string* out) const {
  CHECK(!empty());
  const size_t begin = out->size();
  PutU8(out, kPageVersion);
  PutVarint(out, live_count_);
  PendingRecord previous;
  for (Iterator iterator = Begin(); iterator.valid(); iterator.Next()) {
    PendingRecord record = iterator.record();
    PutRecord(out, previous, record);
    previous = std::move(record);
  }
  PutU32(out, Checksum32(std::string_view(*out).substr(begin)));
}

Result<PendingPage> PendingPage::Decode(std::string_view stored) {
  if (stored.size() < kChecksumBytes) {
    return Corrupt("cut short");
  }
  const std::string_view covered = stored.substr(0, stored.size() - kChecksumBytes);
  if (LoadU32(stored.data() + covered.size()) != Checksum32(covered)) {
    return Corrupt("checksum mismatch");
  }
  Decoder decoder(covered);
  const uint8_t version = decoder.ReadU8();
  if (version != kPageVersion && version != kPlainPageVersion) {
    return Corrupt("unknown version");
  }
  const uint64_t count = decoder.ReadVarint();
  if (count == 0 || count > kMaxPendingRecords) {
    return Corrupt("bad count");
  }
  PendingPage page;
  page.slots_.reserve(count);
  PendingRecord previous;
  for (uint64_t i = 0; i < count; ++i) {
    PendingRecord record = ReadRecord(&decoder, version, previous);
    if (!decoder.ok() || (i != 0 && record.id == previous.id)) {
      return Corrupt("bad record");
    }
    page.Insert(record);
    previous = std::move(record);
  }
  if (!decoder.AtEnd()) {
    return Corrupt("bytes after the last record");
  }
  return page;
}

// ---- Slots ----

size_t PendingPage::LowerBound(StreamId id) const {
  const auto begin = slots_.begin() + head_;
  const auto found = std::lower_bound(
      begin, slots_.end(), id, [](const Slot& slot, StreamId key) { return slot.id() < key; });
  return static_cast<size_t>(found - slots_.begin());
}

size_t PendingPage::FindLive(StreamId id) const {
  const size_t index = LowerBound(id);
  const bool found = index < slots_.size() && slots_[index].id() == id && !IsDead(index);
  return found ? index : slots_.size();
}

PendingRecord PendingPage::Unpack(const Slot& slot) const {
  if (slot.Has(kWide)) {
    return *std::lower_bound(
        wide_.begin(), wide_.end(), slot.id(),
        [](const PendingRecord& record, StreamId key) { return record.id < key; });
  }
  PendingRecord record;
  record.id = slot.id();
  record.delivery_ms = Moved(base_ms_, slot.delivery_delta);
  record.first_delivery_ms = Moved(base_ms_, slot.first_delivery_delta);
  record.sequence = Moved(base_sequence_, slot.sequence_delta);
  record.count = slot.count;
  if (slot.Has(kReleased)) {
    record.released_ms = Moved(base_ms_, slot.release_delta);
    record.last_owner = slot.owner;
  } else {
    record.owner = slot.owner;
  }
  return record;
}

void PendingPage::Place(size_t index, const PendingRecord& record) {
  CHECK(record.count <= kMaxDeliveryCount);
  if (live_count_ == 0) {
    base_ms_ = record.delivery_ms;
    base_sequence_ = record.sequence;
  }
  const int64_t delivery = Distance(base_ms_, record.delivery_ms);
  const int64_t first_delivery = Distance(base_ms_, record.first_delivery_ms);
  const int64_t sequence = Distance(base_sequence_, record.sequence);
  const int64_t release = record.is_released() ? Distance(base_ms_, record.released_ms) : 0;
  Slot& slot = slots_[index];
  slot = {};
  slot.id_ms = record.id.ms;
  slot.id_seq = record.id.seq;
  slot.owner = record.is_released() ? record.last_owner : record.owner;
  slot.flags = record.is_released() ? kReleased : 0U;
  if (Fits32(delivery) && Fits32(first_delivery) && Fits32(sequence) && Fits32(release) &&
      record.count <= kMaxSlotCount && (ExtrasOf(record) & ~kReleasePart) == 0) {
    slot.delivery_delta = static_cast<int32_t>(delivery);
    slot.first_delivery_delta = static_cast<int32_t>(first_delivery);
    slot.sequence_delta = static_cast<int32_t>(sequence);
    slot.release_delta = static_cast<int32_t>(release);
    slot.count = static_cast<uint32_t>(record.count) & kMaxSlotCount;
  } else {
    slot.flags = (slot.flags | kWide) & 15U;
    reason_bytes_ += record.reason.size();
    const auto place =
        std::lower_bound(wide_.begin(), wide_.end(), record.id,
                         [](const PendingRecord& other, StreamId key) { return other.id < key; });
    wide_.insert(place, record);
  }
  ++live_count_;
  ShareOf(ShareOwner(record), +1);
}

PendingRecord PendingPage::Clear(size_t index) {
  Slot& slot = slots_[index];
  PendingRecord record = Unpack(slot);
  if (slot.Has(kWide)) {
    reason_bytes_ -= record.reason.size();
    std::erase_if(wide_, [&](const PendingRecord& other) { return other.id == record.id; });
  }
  slot.flags = kDead;
  --live_count_;
  ShareOf(ShareOwner(record), -1);
  return record;
}

size_t PendingPage::MakeSlot(StreamId id) {
  if (slots_.size() == kMaxPendingRecords && live_count_ < slots_.size()) {
    Repack(kMaxPendingRecords);
  }
  const size_t index = LowerBound(id);
  if (index < slots_.size() && IsDead(index)) {
    return index;
  }
  // Also the slot before head_, if `id` is below everything.
  if (index > 0 && IsDead(index - 1)) {
    head_ = std::min(head_, static_cast<uint32_t>(index - 1));
    return index - 1;
  }
  if (slots_.size() == slots_.capacity()) {
    slots_.reserve(std::clamp<size_t>(2 * slots_.size(), kMinSlots, kMaxPendingRecords));
  }
  slots_.insert(slots_.begin() + static_cast<ptrdiff_t>(index), Slot{});
  return index;
}

// Drops dead slots and keeps memory for `capacity`.
void PendingPage::Repack(size_t capacity) {
  std::vector<Slot> kept;
  kept.reserve(capacity);
  std::copy_if(slots_.begin(), slots_.end(), std::back_inserter(kept),
               [](const Slot& slot) { return !slot.Has(kDead); });
  slots_ = std::move(kept);
  head_ = 0;
}

void PendingPage::ShareOf(ConsumerNumber owner, int change) {
  const auto share = std::lower_bound(
      owners_.begin(), owners_.end(), owner,
      [](const OwnerShare& other, ConsumerNumber key) { return other.owner < key; });
  if (share == owners_.end() || share->owner != owner) {
    CHECK(change > 0);
    owners_.insert(share, {owner, 1});
    return;
  }
  share->count += static_cast<uint32_t>(change);
  if (share->count == 0) {
    owners_.erase(share);
  }
}

// ---- Records ----

StreamId PendingPage::first_id() const {
  CHECK(!empty());
  return slots_[head_].id();
}

StreamId PendingPage::last_id() const {
  CHECK(!empty());
  return slots_.back().id();
}

bool PendingPage::Contains(StreamId id) const { return FindLive(id) != slots_.size(); }

std::optional<PendingRecord> PendingPage::Find(StreamId id) const {
  const size_t index = FindLive(id);
  if (index == slots_.size()) {
    return std::nullopt;
  }
  return Unpack(slots_[index]);
}

bool PendingPage::Insert(const PendingRecord& record) {
  CHECK(!full());
  if (!slots_.empty() && record.id <= slots_.back().id() && Contains(record.id)) {
    return false;
  }
  Place(MakeSlot(record.id), record);
  return true;
}

bool PendingPage::Update(const PendingRecord& record) {
  const size_t index = FindLive(record.id);
  if (index == slots_.size()) {
    return false;
  }
  Clear(index);
  Place(index, record);
  return true;
}

std::optional<PendingRecord> PendingPage::Erase(StreamId id) {
  const size_t index = FindLive(id);
  if (index == slots_.size()) {
    return std::nullopt;
  }
  PendingRecord record = Clear(index);
  if (empty()) {
    *this = PendingPage();
    return record;
  }
  while (IsDead(head_)) {
    ++head_;
  }
  while (IsDead(slots_.size() - 1)) {
    slots_.pop_back();
  }
  if (slots_.size() >= kMinRepackSlots && live_count_ < slots_.size() / 4) {
    Repack(2 * live_count_);
  }
  return record;
}

PendingPage PendingPage::Split() {
  CHECK(live_count_ >= 2);
  Repack(live_count_);
  const size_t kept = slots_.size() / 2;
  PendingPage upper;
  upper.slots_.reserve(kMaxPendingRecords);
  for (size_t i = kept; i < slots_.size(); ++i) {
    upper.Insert(Unpack(slots_[i]));
  }
  for (size_t i = kept; i < slots_.size(); ++i) {
    Clear(i);
  }
  slots_.resize(kept);
  return upper;
}

uint32_t PendingPage::OwnedBy(ConsumerNumber owner) const {
  for (const OwnerShare& share : owners_) {
    if (share.owner == owner) {
      return share.count;
    }
  }
  return 0;
}

DeliveryKey PendingPage::OldestKey() const {
  CHECK(!empty());
  DeliveryKey oldest = DeliveryKey::Of(Unpack(slots_[head_]));
  for (size_t i = head_ + 1; i < slots_.size(); ++i) {
    if (!IsDead(i)) {
      oldest = std::min(oldest, DeliveryKey::Of(Unpack(slots_[i])));
    }
  }
  return oldest;
}

PageTimes PendingPage::Times() const {
  PageTimes times;
  for (Iterator at = Begin(); at.valid(); at.Next()) {
    times.Add(at.record());
  }
  return times;
}

size_t PendingPage::memory_bytes() const {
  return sizeof(*this) + slots_.capacity() * sizeof(Slot) +
         wide_.capacity() * sizeof(PendingRecord) + reason_bytes_ +
         owners_.capacity() * sizeof(OwnerShare);
}

// ---- Iteration ----

PendingPage::Iterator PendingPage::Begin() const {
  return empty() ? Iterator() : Iterator(this, head_);
}

PendingPage::Iterator PendingPage::Last() const {
  return empty() ? Iterator() : Iterator(this, slots_.size() - 1);
}

PendingPage::Iterator PendingPage::Seek(StreamId id) const {
  size_t index = LowerBound(id);
  while (index < slots_.size() && IsDead(index)) {
    ++index;
  }
  return index == slots_.size() ? Iterator() : Iterator(this, index);
}

PendingPage::Iterator PendingPage::SeekAtOrBefore(StreamId id) const {
  const size_t index = FindLive(id);
  if (index != slots_.size()) {
    return Iterator(this, index);
  }
  Iterator iterator(this, LowerBound(id));
  iterator.Prev();
  return iterator;
}

StreamId PendingPage::Iterator::id() const { return page_->slots_[index_].id(); }

ConsumerNumber PendingPage::Iterator::owner() const {
  const Slot& slot = page_->slots_[index_];
  return slot.Has(kReleased) ? kNoConsumer : slot.owner;
}

PendingRecord PendingPage::Iterator::record() const { return page_->Unpack(page_->slots_[index_]); }

void PendingPage::Iterator::Next() {
  do {
    ++index_;
  } while (index_ < page_->slots_.size() && page_->IsDead(index_));
  if (index_ == page_->slots_.size()) {
    page_ = nullptr;
  }
}

void PendingPage::Iterator::Prev() {
  while (index_ > page_->head_) {
    --index_;
    if (!page_->IsDead(index_)) {
      return;
    }
  }
  page_ = nullptr;
}

}  // namespace engine
