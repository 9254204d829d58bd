// Checkpoints: which units have changed, and how their state after one turn gets into the store.
//
// Freezing swaps the list of dirty units. Frozen units are encoded in slices between turns, and in
// any case before they change again, so the batch shows the state after exactly one turn although
// the engine goes on. One checkpoint at a time. Owner: Core. Thread: loop; Work() of the batch in
// flight runs on the checkpoint thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/slack.h"
#include "engine/store.h"
#include "engine/stream.h"
#include "engine/types.h"
#include "engine/unit.h"

namespace engine {

class Checkpoint {
 public:
  // Call before a unit changes. `bytes` is what the change is about to add to the next checkpoint.
  void Touch(Unit& unit, size_t bytes) {
    if (unit.frozen) [[unlikely]] {
      EncodeNow(unit);
    }
    if (!unit.dirty()) {
      unit.dirty_index = static_cast<uint32_t>(dirty_.size());
      dirty_.push_back(&unit);
      bytes += kUnitBytes;
    }
    dirty_bytes_ += bytes;
  }

  // Call before a unit is destroyed because its object ceases to exist: its frozen state still
  // reaches the running checkpoint, and the record under `key` is deleted by the next one.
  void BeforeDestroy(Unit& unit, Family family, const std::string& key);
  // Call before a clean unit leaves memory.
  void Forget(Unit& unit);
  void DeleteLater(Family family, std::string key) {
    DeleteRangeLater(family, std::move(key), std::string());
  }
  void DeleteRangeLater(Family family, std::string begin, std::string end) {
    if (!deletes_muted_) {
      dirty_bytes_ += kUnitBytes + begin.size() + end.size();
      deletes_.push_back({family, std::move(begin), std::move(end)});
    }
  }
  // While muted, deletes are not queued: the records go with a range that is queued already.
  void set_deletes_muted(bool muted) { deletes_muted_ = muted; }
  // Units of a flushed database are not written by later checkpoints.
  void AddDeadDatabase(uint32_t physical_db) { dead_databases_.push_back(physical_db); }
  void RemoveDeadDatabase(uint32_t physical_db) { std::erase(dead_databases_, physical_db); }

  uint64_t dirty_bytes() const { return dirty_bytes_; }
  uint64_t unsaved_bytes() const { return dirty_bytes_ + frozen_bytes_; }
  // Gives back room that is not needed any more (engine/slack.h).
  void Trim() {
    TrimVector(&dirty_);
    TrimVector(&frozen_);
  }
  bool anything_dirty() const { return !dirty_.empty() || !deletes_.empty(); }
  // Of the running checkpoint, or of the next one when none runs; counts up from 1.
  uint64_t number() const { return number_; }
  bool running() const { return phase_ != Phase::kIdle; }
  // Of the checkpoint that will carry a delete queued now.
  uint64_t next_number() const { return running() ? number_ + 1 : number_; }

  enum class Phase : uint8_t { kIdle, kEncoding, kWriting, kConfirming };
  Phase phase() const { return phase_; }
  Turn turn() const { return turn_; }

  // The state after `turn` is what the checkpoint will hold.
  void Freeze(Turn turn);
  // Encodes frozen units up to about `max_bytes`, each counted with something for the work it is;
  // true when none is left.
  bool EncodeSlice(size_t max_bytes);
  // Precondition: all encoded. The batch, to be written by another thread.
  Batch TakeBatch();
  // Adds one more record to the batch (kEncoding only).
  void Put(Family family, const std::string& key, std::string_view value) {
    batch_.Put(family, key, value);
  }

  void Delete(Family family, const std::string& key) { batch_.Delete(family, key); }
  void DeleteRange(Family family, const std::string& begin, const std::string& end) {
    batch_.DeleteRange(family, begin, end);
  }

  // Units, names and places that one turn makes clean: the pause that the end of a checkpoint may
  // add to one turn.
  static constexpr size_t kConfirmSliceUnits = 1024;
  // The batch is durable: its units become clean, in slices. Until the last one the checkpoint is
  // running.
  void BeginConfirm();
  // Takes what it has done from `*max_units`; true when all is.
  bool ConfirmSlice(size_t* max_units);
  // The batch has failed: its units count as dirty again.
  void Revert();
  // Frees some of what units let go when they were stored; bounded, since it may be much.
  void FreeDiscarded(size_t max_entries);

 private:
  struct PendingDelete {
    Family family;
    std::string begin;
    std::string end;  // Empty: the key `begin` alone.
  };
  static constexpr size_t kUnitBytes = 64;
  // Encoding a small unit takes as long as copying about so many bytes.
  static constexpr size_t kUnitWorkBytes = 512;

  void MarkFrozen();
  void EncodeDelete(const PendingDelete& gone);
  bool IsDead(Unit& unit) const;
  void EncodeNow(Unit& unit);
  void EncodeBlock(BlockUnit& unit);
  bool EncodeSchedule(Schedule& schedule, size_t max_bytes);
  void RemoveFrom(std::vector<Unit*>* list, uint32_t index);

  std::vector<Unit*> dirty_;   // Null where a unit was destroyed.
  std::vector<Unit*> frozen_;  // Frozen, then in flight. Null where a unit was destroyed.
  std::vector<PendingDelete> deletes_;
  std::vector<PendingDelete> frozen_deletes_;
  size_t next_delete_ = 0;
  size_t next_to_encode_ = 0;
  size_t next_to_confirm_ = 0;
  Batch batch_;
  std::string scratch_;
  std::vector<Schedule::UnsavedMap> discarded_;
  std::vector<uint32_t> dead_databases_;
  bool deletes_muted_ = false;
  uint64_t dirty_bytes_ = 0;
  uint64_t frozen_bytes_ = 0;
  uint64_t number_ = 1;
  Turn turn_ = 0;
  Phase phase_ = Phase::kIdle;
};

}  // namespace engine
