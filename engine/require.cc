#include "engine/require.h"

#include <algorithm>
#include <map>

namespace engine {

void RequireForDelete(Core& core, Op& op, Stream& stream, std::span<const StreamId> ids) {
  Directory& directory = stream.directory;
  std::map<Directory::Place, uint32_t> doomed;  // Place -> ids that may lie in it.
  for (const StreamId id : ids) {
    if (id < stream.first_id) {
      continue;
    }
    const auto place = directory.Find(id);
    if (place.has_value() && id <= directory.At(*place).last_id) {
      ++doomed[*place];
    }
  }
  for (const auto& [place, count] : doomed) {
    core.NeedBlock(op, stream, directory.At(place));
  }
  const auto may_vanish = [&](Directory::Place place) {
    const auto it = doomed.find(place);
    return it != doomed.end() && it->second >= directory.At(place).live_count;
  };
  if (doomed.empty()) {
    return;
  }
  // When the oldest entry goes, the first block that stays has the one that is oldest then.
  if (std::binary_search(ids.begin(), ids.end(), stream.first_id)) {
    std::optional<Directory::Place> at = doomed.begin()->first;
    while (at.has_value() && may_vanish(*at)) {
      at = directory.Next(*at);
    }
    if (at.has_value() && !directory.At(*at).WhollyLive()) {
      core.NeedBlock(op, stream, directory.At(*at));
    }
  }
  // With the newest one likewise, and its node may be the open one then.
  if (std::binary_search(ids.begin(), ids.end(), stream.last_live_id)) {
    std::optional<Directory::Place> at = doomed.rbegin()->first;
    while (at.has_value() && may_vanish(*at)) {
      at = directory.Previous(*at);
    }
    if (at.has_value()) {
      core.NeedBlock(op, stream, directory.At(*at));
    }
  }
}

void RequireForTrim(Core& core, Op& op, Stream& stream, StreamId first_id) {
  const auto place = stream.directory.Find(first_id);
  if (first_id.IsZero() || !place.has_value()) {
    return;
  }
  BlockSlot& slot = stream.directory.At(*place);
  if (slot.first_id < first_id && first_id <= slot.last_id) {
    core.NeedBlock(op, stream, slot);
  }
}

namespace {

enum class Overlap : uint8_t { kNone, kPart, kWhole };

// How much of a block the ranges cover, as far as its ids tell.
Overlap OverlapOf(const BlockSlot& slot, std::span<const IdRange> ranges) {
  const auto range =
      std::lower_bound(ranges.begin(), ranges.end(), slot.first_id,
                       [](const IdRange& r, StreamId first_id) { return r.last < first_id; });
  if (range == ranges.end() || range->first > slot.last_id) {
    return Overlap::kNone;
  }
  return range->first <= slot.first_id && slot.last_id <= range->last ? Overlap::kWhole
                                                                      : Overlap::kPart;
}

}  // namespace

void RequireForRanges(Core& core, Op& op, Stream& stream, std::span<const IdRange> ranges) {
  Directory& directory = stream.directory;
  for (const IdRange& range : ranges) {
    for (auto at = directory.FindAtOrAfter(range.first);
         at.has_value() && directory.At(*at).first_id <= range.last; at = directory.Next(*at)) {
      if (OverlapOf(directory.At(*at), ranges) == Overlap::kPart) {
        core.NeedBlock(op, stream, directory.At(*at));
      }
    }
  }
  if (ranges.empty() || directory.empty()) {
    return;
  }
  // When the oldest or the newest entry goes, the first block from there that keeps all it has
  // tells the one that is it then; those before it are needed anyhow, or go whole.
  if (ranges.front().first <= stream.first_id && stream.first_id <= ranges.front().last) {
    std::optional<Directory::Place> at = directory.First();
    while (at.has_value() && OverlapOf(directory.At(*at), ranges) != Overlap::kNone) {
      at = directory.Next(*at);
    }
    if (at.has_value() && !directory.At(*at).WhollyLive()) {
      core.NeedBlock(op, stream, directory.At(*at));
    }
  }
  if (ranges.back().first <= stream.last_live_id && stream.last_live_id <= ranges.back().last) {
    std::optional<Directory::Place> at = directory.Last();
    while (at.has_value() && OverlapOf(directory.At(*at), ranges) != Overlap::kNone) {
      at = directory.Previous(*at);
    }
    if (at.has_value()) {
      core.NeedBlock(op, stream, directory.At(*at));
    }
  }
}

void RequirePending(Core& core, Op& op, Group& group, std::span<const StreamId> ids) {
  if (group.pages.empty()) {
    return;
  }
  size_t previous = group.pages.size();
  for (const StreamId id : ids) {
    const size_t index = group.FindPageAtOrAfter(id);
    if (index != previous) {
      core.NeedPage(op, group, group.pages[index]);
      previous = index;
    }
  }
}

void RequireOwnedPages(Core& core, Op& op, Group& group, ConsumerNumber owner) {
  for (PageSlot& slot : group.pages) {
    if (slot.OwnedBy(owner) > 0) {
      core.NeedPage(op, group, slot);
    }
  }
}

}  // namespace engine
