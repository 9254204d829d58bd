// The one memory budget: what is charged to it, and which clean unit leaves when it is exceeded.
//
// Second-chance eviction: a hand passes over the units in a ring; one that was looked at since the
// last pass stays. Owner: Core. Thread: loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "engine/slack.h"
#include "engine/unit.h"

namespace engine {

class Cache {
 public:
  // Puts a unit under the budget.
  void Add(Unit* unit, size_t bytes);
  void Remove(Unit* unit);
  bool Holds(const Unit& unit) const { return unit.cache_index != Unit::kNowhere; }

  void Grow(Unit* unit, size_t bytes) {
    unit->charge += static_cast<uint32_t>(bytes);
    bytes_ += bytes;
  }
  void SetCharge(Unit* unit, size_t bytes);
  uint64_t bytes() const { return bytes_; }
  size_t unit_count() const { return ring_.size(); }

  // Passes the hand over at most `max_steps` units or until bytes() <= budget. `evict` drops the
  // unit if it may go (it then calls Remove, perhaps for units inside it, too) and says whether it
  // is gone; it may also just make it smaller.
  void Shrink(uint64_t budget, size_t max_steps, absl::FunctionRef<bool(Unit*)> evict);

  // Passes another hand over at most `max_steps` units, or until `max_gone` of them are gone,
  // however much room there is. Returns the number of steps.
  size_t Sweep(size_t max_steps, size_t max_gone, absl::FunctionRef<bool(Unit*)> evict);
  // Gives back room that is not needed any more (engine/slack.h).
  void Trim() { TrimVector(&ring_); }

 private:
  std::vector<Unit*> ring_;
  size_t hand_ = 0;
  size_t sweeping_hand_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace engine
