#include "engine/aging.h"

#include <algorithm>

#include "engine/core.h"
#include "engine/group.h"
#include "engine/limits.h"
#include "engine/producer_table.h"
#include "engine/schema.h"

namespace engine {
namespace {

constexpr int64_t kMsPerSecond = 1000;
// Passes begin at least so far apart.
constexpr int64_t kPassMs = 10'000;
// A stream that is to be looked at within this time would only have to be fetched again.
constexpr int64_t kSoonMs = 300'000;

// The key that the unit is or belongs to; null for what belongs to none.
ValueHolder* OwnerOf(Unit& unit) {
  switch (unit.kind) {
    case UnitKind::kStream:
    case UnitKind::kString:
      return static_cast<ValueHolder*>(&unit);
    case UnitKind::kBlock:
      return static_cast<BlockUnit&>(unit).stream;
    case UnitKind::kPendingPage:
      return static_cast<PageUnit&>(unit).group->stream;
    case UnitKind::kProducerPage:
      return static_cast<ProducerPageUnit&>(unit).stream;
    default:
      return nullptr;
  }
}

// Keys with one hash share what is remembered: it is a time, and not more.
uint64_t HashOf(const ValueHolder& value) {
  constexpr uint64_t kOdd = 0x9e3779b97f4a7c15;
  return ScanHash(value.key) + value.physical_db * kOdd;
}

// Records that are due and that nobody takes are counted in memory alone (INFO, weir_due).
bool HasDue(const Stream& stream) {
  return std::ranges::any_of(stream.groups_by_number, [](const Group* group) {
    return group->due != nullptr && group->pending_count > 0;
  });
}

}  // namespace

bool Aging::IsOld(const ValueHolder& owner, int64_t store_ms) const {
  if (store_ms - core_.LastUse(owner) < core_.options.idle_limit_ms) {
    return false;
  }
  return owner.kind != UnitKind::kStream ||
         static_cast<const Stream&>(owner).expected_ms - store_ms > kSoonMs;
}

bool Aging::DropIfOld(Unit* unit, int64_t store_ms) {
  ValueHolder* const owner = OwnerOf(*unit);
  if (owner == nullptr || !unit->clean() || !IsOld(*owner, store_ms)) {
    return false;
  }
  auto* const stream = owner->kind == UnitKind::kStream ? static_cast<Stream*>(owner) : nullptr;
  if (unit == owner) {
    return (stream == nullptr || !HasDue(*stream)) && core_.Evict(unit);
  }
  if (!core_.Evict(unit)) {
    return false;
  }
  // With its last block a stream goes as well. A long one is left to the pass: to see whether any
  // block of it is in memory takes a while.
  if (stream->directory.pages().size() == 1 && !HasDue(*stream)) {
    core_.Evict(stream);
  }
  return true;
}

bool Aging::Run(int64_t store_ms) {
  if (core_.options.idle_limit_ms == 0) {
    return false;
  }
  if (left_of_pass_ == 0) {
    if (store_ms - pass_begin_ms_ < kPassMs) {
      return false;
    }
    pass_begin_ms_ = store_ms;
    left_of_pass_ = core_.cache.unit_count();
  }
  left_of_pass_ -=
      core_.cache.Sweep(std::min(kAgedLooksPerTurn, left_of_pass_), kAgedPerTurn,
                        [this, store_ms](Unit* unit) { return DropIfOld(unit, store_ms); });
  // One that goes may take others along: there is less to look at than there was.
  left_of_pass_ = std::min(left_of_pass_, core_.cache.unit_count());
  if (left_of_pass_ > 0) {
    return true;
  }
  core_.keyspace.Trim();
  core_.cache.Trim();
  core_.checkpoint.Trim();
  return false;
}

void Aging::NoteLeft(const ValueHolder& value) {
  if (used_s_.size() >= kIdleTimesKept) {
    used_s_.clear();
  }
  used_s_[HashOf(value)] = static_cast<uint32_t>(core_.LastUse(value) / kMsPerSecond);
}

void Aging::NoteBack(ValueHolder* value) {
  const auto found = used_s_.find(HashOf(*value));
  if (found == used_s_.end()) {
    value->used_ms = core_.time_line.last_store_ms();
    return;
  }
  value->used_ms = int64_t{found->second} * kMsPerSecond;
  used_s_.erase(found);
}

}  // namespace engine
