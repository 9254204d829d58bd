#include "engine/aging.h"

#include <algorithm>

#include "engine/core.h"
#include "engine/group.h"
#include "engine/schema.h"
#include "engine/unit_value.h"

namespace engine {
namespace {

// Passes begin at least so far apart, and there are so many in the time after which keys go.
constexpr int64_t kPassMs = 10'000;
constexpr int64_t kPasses = 6;
// A stream that is to be looked at within this time would only have to be fetched again.
constexpr int64_t kSoonMs = 300'000;

uint64_t HashOf(const ValueHolder& value) {
  constexpr uint64_t kOdd = 0x9e3779b97f4a7c15;
  return ScanHash(value.key) + value.physical_db * kOdd;
}

// Records that are due and that nobody takes are counted in memory alone (TopGroups::due).
bool HasDue(const Stream& stream) {
  return std::ranges::any_of(stream.groups_by_number, [](const Group* group) {
    return group->due != nullptr && group->pending_count > 0;
  });
}

}  // namespace

bool Aging::IsOld(const ValueHolder& value, int64_t store_ms) const {
  if (store_ms - core_.LastUse(value) < core_.options.idle_limit_ms) {
    return false;
  }
  return value.kind != UnitKind::kStream ||
         static_cast<const Stream&>(value).expected_ms - store_ms > kSoonMs;
}

bool Aging::DropIfOld(Unit* unit, int64_t store_ms) {
  ValueHolder* const value = ValueOf(*unit);
  if (value == nullptr || !unit->clean() || !IsOld(*value, store_ms)) {
    return false;
  }
  auto* const stream = value->kind == UnitKind::kStream ? static_cast<Stream*>(value) : nullptr;
  if (unit == value) {
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
    if (store_ms - pass_begin_ms_ < std::max(kPassMs, core_.options.idle_limit_ms / kPasses)) {
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
  idle_times_.Note(HashOf(value), core_.LastUse(value));
}

void Aging::NoteBack(ValueHolder* value) {
  value->used_ms = idle_times_.Take(HashOf(*value)).value_or(core_.time_line.last_store_ms());
}

}  // namespace engine
