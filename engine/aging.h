// Aging: what nobody has used for a while leaves memory although there would be room for it.
//
// A pass goes over all that is in the cache, in bounded parts. What belongs to a key that was used
// lately stays as long as there is room (engine/cache.h); of the others, what the store has goes,
// unless the steward wants to look at the stream soon. When the key was used last is remembered
// (OBJECT IDLETIME). Owner: Core. Thread: loop.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/idle_times.h"
#include "engine/key_holder.h"
#include "engine/limits.h"
#include "engine/unit.h"

namespace engine {

class Core;

class Aging {
 public:
  explicit Aging(Core* core) : core_(*core) {}

  // The next part of the pass that is under way or due; true when another should follow soon.
  bool Run(int64_t store_ms);

  // The value is about to leave memory, or has come back.
  void NoteLeft(const ValueHolder& value);
  void NoteBack(ValueHolder* value);

 private:
  bool IsOld(const ValueHolder& value, int64_t store_ms) const;
  bool DropIfOld(Unit* unit, int64_t store_ms);

  Core& core_;
  int64_t pass_begin_ms_ = 0;
  size_t left_of_pass_ = 0;
  IdleTimes idle_times_{kIdleTimesKept};
};

}  // namespace engine
