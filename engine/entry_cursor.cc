#include "engine/entry_cursor.h"

#include <algorithm>

#include "engine/check.h"
#include "engine/limits.h"

namespace engine {

EntryCursor::EntryCursor(Stream& stream, StreamId start, Direction direction)
    : stream_(stream), direction_(direction) {
  if (stream.directory.empty()) {
    return;
  }
  const bool forward = direction == Direction::kForward;
  const StreamId from = forward ? std::max(start, stream.first_id) : start;
  const auto place = forward ? stream.directory.FindAtOrAfter(from) : stream.directory.Find(from);
  if (place.has_value()) {
    Enter(*place, from);
    Settle();
  }
}

void EntryCursor::Enter(Directory::Place place, StreamId start) {
  place_ = place;
  const BlockSlot& slot = stream_.directory.At(place);
  // A block that was not required lies outside of the caller's bounds: nothing of it is wanted.
  if (slot.unit == nullptr || (direction_ == Direction::kForward && slot.last_id < start)) {
    at_ = Block::Cursor();
    return;
  }
  const Block& block = slot.unit->block;
  at_ =
      direction_ == Direction::kForward ? block.SeekAtOrAfter(start) : block.SeekAtOrBefore(start);
}

void EntryCursor::Settle() {
  for (;;) {
    while (at_.valid() && !IsLive()) {
      if (direction_ == Direction::kForward) {
        at_.Next();
      } else {
        at_.Prev();
      }
    }
    if (at_.valid()) {
      return;
    }
    const auto next = direction_ == Direction::kForward ? stream_.directory.Next(place_)
                                                        : stream_.directory.Previous(place_);
    if (!next.has_value()) {
      return;
    }
    const BlockSlot& slot = stream_.directory.At(*next);
    if (slot.unit == nullptr) {
      return;  // Beyond what was required: the caller's bounds end before it.
    }
    Enter(*next, direction_ == Direction::kForward ? StreamId::Min() : StreamId::Max());
  }
}

void EntryCursor::Next() {
  if (direction_ == Direction::kForward) {
    at_.Next();
  } else {
    at_.Prev();
  }
  Settle();
}

namespace {

// A reader that takes so many entries at a time will most often come for those behind them.
constexpr int64_t kLikelyToGoOn = 16;

// Live entries of a block that lie within the extent, as far as the directory tells: never too
// many.
uint32_t SureCount(const BlockSlot& slot, const EntryExtent& extent) {
  return slot.first_id >= extent.start && slot.last_id <= extent.end ? slot.live_count : 0;
}

}  // namespace

void RequireEntries(Core& core, Op& op, Stream& stream, const EntryExtent& extent) {
  Directory& directory = stream.directory;
  if (directory.empty() || extent.start > extent.end || extent.count == 0) {
    return;
  }
  const bool forward = extent.direction == EntryCursor::Direction::kForward;
  const StreamId start = std::max(extent.start, stream.first_id);
  auto at = forward ? directory.FindAtOrAfter(start) : directory.Find(extent.end);
  uint64_t count = 0;
  uint64_t bytes = 0;
  bool enough = false;
  while (at.has_value() && !enough) {
    BlockSlot& slot = directory.At(*at);
    if (forward ? slot.first_id > extent.end : slot.last_id < start) {
      return;
    }
    if (slot.last_id >= start) {
      core.NeedBlock(op, stream, slot, forward ? start : StreamId::Min());
    }
    const uint32_t sure = SureCount(slot, extent);
    count += sure;
    bytes += sure > 0 ? slot.live_data_bytes + uint64_t{sure} * kEntryReplyOverhead : 0;
    enough = (extent.count > 0 && count >= static_cast<uint64_t>(extent.count)) ||
             (extent.max_bytes > 0 && bytes >= extent.max_bytes);
    at = forward ? directory.Next(*at) : directory.Previous(*at);
  }
  if (forward && at.has_value() && extent.count >= kLikelyToGoOn && op.needs.empty() &&
      directory.At(*at).first_id <= extent.end) {
    core.Prefetch(stream, *at);
  }
}

std::optional<EntryView> FindLiveEntry(const Stream& stream, StreamId id) {
  if (id < stream.first_id || stream.length == 0) {
    return std::nullopt;
  }
  const auto place = stream.directory.Find(id);
  if (!place.has_value()) {
    return std::nullopt;
  }
  const BlockSlot& slot = stream.directory.At(*place);
  if (id > slot.last_id) {
    return std::nullopt;
  }
  CHECK(slot.unit != nullptr);
  const auto entry = slot.unit->block.Find(id);
  return entry.has_value() && !entry->deleted ? entry : std::nullopt;
}

std::optional<bool> EntryExists(Core& core, Op& op, Stream& stream, StreamId id) {
  if (id < stream.first_id || stream.length == 0) {
    return false;
  }
  const auto place = stream.directory.Find(id);
  if (!place.has_value() || id > stream.directory.At(*place).last_id) {
    return false;
  }
  BlockSlot& slot = stream.directory.At(*place);
  if (slot.WhollyLive() && !stream.ids_went_back) {
    return true;
  }
  const Block* block = core.NeedBlock(op, stream, slot, id);
  if (block == nullptr) {
    return std::nullopt;
  }
  const auto entry = block->Find(id);
  return entry.has_value() && !entry->deleted;
}

void RequireEntry(Core& core, Op& op, Stream& stream, StreamId id) {
  if (id < stream.first_id || stream.length == 0) {
    return;
  }
  const auto place = stream.directory.Find(id);
  if (place.has_value() && id <= stream.directory.At(*place).last_id) {
    core.NeedBlock(op, stream, stream.directory.At(*place), id);
  }
}

}  // namespace engine
