// What every effect on a value, or on a group of a stream, does before all else: the object goes
// into the next checkpoint, and replies that have looked at it wait for this turn. For
// engine/apply_*.cc alone. Thread: loop.
#pragma once

#include <cstddef>

#include "engine/check.h"
#include "engine/core.h"

namespace engine {

// `bytes`: about what the change adds to the next checkpoint.
inline void Change(Core& core, ValueHolder& value, size_t bytes) {
  core.checkpoint.Touch(value, bytes);
  value.changed_turn = core.turn;
  ++core.changes_since_checkpoint;
}

// Precondition: there is such a group.
inline Group& ChangeGroup(Core& core, Stream& stream, GroupNumber number) {
  Group* group = stream.GroupByNumber(number);
  CHECK(group != nullptr);
  core.checkpoint.Touch(*group, 0);
  stream.changed_turn = core.turn;
  ++core.changes_since_checkpoint;
  return *group;
}

}  // namespace engine
