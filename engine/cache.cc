#include "engine/cache.h"

#include "engine/check.h"

namespace engine {

void Cache::Add(Unit* unit, size_t bytes) {
  CHECK(!Holds(*unit));
  unit->cache_index = static_cast<uint32_t>(ring_.size());
  unit->referenced = true;
  unit->charge = static_cast<uint32_t>(bytes);
  bytes_ += bytes;
  ring_.push_back(unit);
}

void Cache::Remove(Unit* unit) {
  if (!Holds(*unit)) {
    return;
  }
  const uint32_t index = unit->cache_index;
  ring_[index] = ring_.back();
  ring_[index]->cache_index = index;
  ring_.pop_back();
  unit->cache_index = Unit::kNowhere;
  bytes_ -= unit->charge;
  unit->charge = 0;
}

void Cache::SetCharge(Unit* unit, size_t bytes) {
  bytes_ += bytes;
  bytes_ -= unit->charge;
  unit->charge = static_cast<uint32_t>(bytes);
}

void Cache::Shrink(uint64_t budget, size_t max_steps, absl::FunctionRef<bool(Unit*)> evict) {
  for (size_t step = 0; step < max_steps && bytes_ > budget && !ring_.empty(); ++step) {
    if (hand_ >= ring_.size()) {
      hand_ = 0;
    }
    Unit* unit = ring_[hand_];
    if (unit->referenced) {
      unit->referenced = false;
      ++hand_;
    } else if (!evict(unit)) {
      ++hand_;
    }
    // After an eviction another unit has taken the place under the hand.
  }
}

size_t Cache::Sweep(size_t max_steps, size_t max_gone, absl::FunctionRef<bool(Unit*)> evict) {
  size_t steps = 0;
  for (size_t gone = 0; steps < max_steps && gone < max_gone && !ring_.empty(); ++steps) {
    if (sweeping_hand_ >= ring_.size()) {
      sweeping_hand_ = 0;
    }
    if (evict(ring_[sweeping_hand_])) {
      ++gone;
    } else {
      ++sweeping_hand_;
    }
  }
  return steps;
}

}  // namespace engine
