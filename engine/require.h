// What must be in memory before effects are applied: the counterpart of engine/apply.h.
//
// Each function notes missing objects in op.needs; the caller ends with Core::CheckLoaded(). They
// read only what is in memory, and ask for whole objects by key. Thread: loop.
#pragma once

#include <cstdint>
#include <span>

#include "engine/core.h"
#include "engine/effects.h"

namespace engine {

// For needs that only show when others are met: runs `require`, which notes what is missing, until
// nothing is.
template <typename Require>
Status LoadInRounds(Core& core, Op& op, Require require) {
  for (;;) {
    require();
    if (op.needs.empty()) {
      return OkStatus();
    }
    RETURN_IF_ERROR(core.CheckLoaded(op));
  }
}

// For EntriesDeleted of any of `ids` (ascending; those that are no entries are passed over): the
// blocks that hold them and the neighbours that tell the new first and last entry and open node.
void RequireForDelete(Core& core, Op& op, Stream& stream, std::span<const StreamId> ids);
// For Trimmed at `first_id`.
void RequireForTrim(Core& core, Op& op, Stream& stream, StreamId first_id);
// For RangesTrimmed.
void RequireForRanges(Core& core, Op& op, Stream& stream, std::span<const IdRange> ranges);
// For pending records of these ids, present or about to be made.
void RequirePending(Core& core, Op& op, Group& group, std::span<const StreamId> ids);
// For ConsumerDeleted, history and the like: all pages with a record of this owner.
void RequireOwnedPages(Core& core, Op& op, Group& group, ConsumerNumber owner);

// Runs a walk that notes what it misses until it misses nothing: more than once only where misses
// are read at once. kNotLoaded otherwise.
template <typename Walk>
Status WalkLoaded(Core& core, Op& op, Walk walk) {
  for (;;) {
    walk();
    if (op.needs.empty()) {
      return OkStatus();
    }
    RETURN_IF_ERROR(core.CheckLoaded(op));
  }
}

}  // namespace engine
