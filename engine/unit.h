// Unit: anything that is stored under one key, changes in memory, and is written by checkpoints.
//
// A unit is clean, or dirty (changed since the last freeze), or frozen (waits to be encoded for the
// running checkpoint), or in flight (encoded, not yet known durable); dirty goes with the last two.
// Owner: the object it is part of. Thread: loop.
#pragma once

#include <cstdint>

namespace engine {

enum class UnitKind : uint8_t {
  kStream,
  kString,
  kMissingKey,
  kDamagedKey,
  kDirectoryPage,
  kBlock,
  kGroup,
  kPendingPage,
  kProducerPage,
  kSchedule,
};

struct Unit {
  static constexpr uint32_t kNowhere = UINT32_MAX;

  explicit Unit(UnitKind unit_kind) : kind(unit_kind) {}
  virtual ~Unit() = default;
  Unit(const Unit&) = delete;
  Unit& operator=(const Unit&) = delete;

  const UnitKind kind;
  bool frozen = false;
  bool in_flight = false;
  // The store holds a record under the unit's key, or will once the running checkpoint is through:
  // destroying the unit then calls for a delete.
  bool on_disk = false;
  bool referenced = false;  // Looked at since the cache's hand last passed.
  uint32_t dirty_index = kNowhere;
  uint32_t frozen_index = kNowhere;
  uint32_t cache_index = kNowhere;
  uint32_t charge = 0;  // Bytes taken from the cache's budget.
  uint32_t pins =
      0;  // Parked commands that had it fetched: it stays in memory until they are through.

  bool dirty() const { return dirty_index != kNowhere; }
  // Nothing of it would be lost if it left memory.
  bool clean() const { return !dirty() && !frozen && !in_flight; }
};

}  // namespace engine
