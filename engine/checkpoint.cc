#include "engine/checkpoint.h"

#include <algorithm>
#include <utility>

#include "engine/check.h"
#include "engine/schema.h"
#include "engine/string_value.h"
#include "engine/unit_value.h"

namespace engine {
void Checkpoint::RemoveFrom(std::vector<Unit*>* list, uint32_t index) {
  if (index != Unit::kNowhere) {
    (*list)[index] = nullptr;
  }
}

void Checkpoint::FreeDiscarded(size_t max_entries) {
  while (max_entries > 0 && !discarded_.empty()) {
    Schedule::UnsavedMap& entries = discarded_.back();
    auto end = entries.begin();
    for (; max_entries > 0 && end != entries.end(); ++end) {
      --max_entries;
    }
    entries.erase(entries.begin(), end);
    if (entries.empty()) {
      discarded_.pop_back();
    }
  }
}

void Checkpoint::BeforeDestroy(Unit& unit, Family family, const std::string& key) {
  if (unit.frozen) {
    EncodeNow(unit);
  }
  if (unit.on_disk) {
    DeleteLater(family, key);
  }
  Forget(unit);
}

void Checkpoint::Forget(Unit& unit) {
  RemoveFrom(&dirty_, unit.dirty_index);
  RemoveFrom(&frozen_, unit.frozen_index);
  unit.dirty_index = Unit::kNowhere;
  unit.frozen_index = Unit::kNowhere;
  unit.frozen = false;
  unit.in_flight = false;
}

void Checkpoint::Freeze(Turn turn) {
  CHECK(phase_ == Phase::kIdle);
  phase_ = Phase::kEncoding;
  turn_ = turn;
  frozen_.clear();
  frozen_.swap(dirty_);
  frozen_deletes_.clear();
  frozen_deletes_.swap(deletes_);
  frozen_bytes_ = std::exchange(dirty_bytes_, 0);
  next_delete_ = 0;
  next_to_encode_ = 0;
  batch_.Clear();
  batch_.Reserve(frozen_bytes_ + frozen_bytes_ / 8);
  MarkFrozen();
}

void Checkpoint::MarkFrozen() {
  // The one step that goes over all units at once: it is their way to memory that takes the time.
  constexpr size_t kAhead = 16;
  for (size_t i = 0; i < frozen_.size(); ++i) {
    if (i + kAhead < frozen_.size()) {
      __builtin_prefetch(frozen_[i + kAhead], 1);
    }
    Unit* const unit = frozen_[i];
    if (unit == nullptr) {
      continue;
    }
    unit->dirty_index = Unit::kNowhere;
    if (!dead_databases_.empty() && IsDead(*unit)) {
      frozen_[i] = nullptr;
    } else {
      unit->frozen_index = static_cast<uint32_t>(i);
      unit->frozen = true;
      if (unit->kind == UnitKind::kSchedule) {
        static_cast<Schedule*>(unit)->Freeze();
      }
    }
  }
}

bool Checkpoint::IsDead(Unit& unit) const {
  const ValueHolder* const value = ValueOf(unit);
  return value != nullptr && std::find(dead_databases_.begin(), dead_databases_.end(),
                                       value->physical_db) != dead_databases_.end();
}

bool Checkpoint::EncodeSlice(size_t max_bytes) {
  const size_t begin = batch_.byte_size();
  size_t units = 0;
  const auto is_done = [&] {
    return batch_.byte_size() - begin + units * kUnitWorkBytes >= max_bytes;
  };
  for (; next_delete_ < frozen_deletes_.size(); ++units) {
    if (is_done()) {
      return false;
    }
    EncodeDelete(frozen_deletes_[next_delete_++]);
  }
  while (next_to_encode_ < frozen_.size()) {
    if (is_done()) {
      return false;
    }
    Unit* unit = frozen_[next_to_encode_];
    if (unit != nullptr && unit->frozen && unit->kind == UnitKind::kSchedule) {
      if (!EncodeSchedule(static_cast<Schedule&>(*unit), max_bytes)) {
        return false;
      }
    } else if (unit != nullptr && unit->frozen) {
      EncodeNow(*unit);
      ++units;
    }
    ++next_to_encode_;
  }
  return true;
}

// Deletes go before all else: a key that was deleted may have come back, and its record may have
// been encoded already.
void Checkpoint::EncodeDelete(const PendingDelete& gone) {
  if (gone.end.empty()) {
    batch_.DeleteFirst(gone.family, gone.begin);
  } else {
    batch_.DeleteRangeFirst(gone.family, gone.begin, gone.end);
  }
}

bool Checkpoint::EncodeSchedule(Schedule& schedule, size_t max_bytes) {
  if (!schedule.EncodeSlice(this, max_bytes)) {
    return false;
  }
  schedule.frozen = false;
  schedule.in_flight = true;
  return true;
}

void Checkpoint::EncodeBlock(BlockUnit& unit) {
  if (!unit.block.HasUnsaved()) {
    return;
  }
  const Stream& stream = *unit.stream;
  const std::string key = BlockKey(stream.physical_db, stream.uid, unit.block.first_id());
  batch_.Append(Family::kBlocks, key, [&unit](std::string* out) {
    const bool is_put = unit.block.EncodeUnsaved(out) == Block::WriteAs::kPut;
    return is_put ? Batch::As::kPut : Batch::As::kMerge;
  });
  const auto place = stream.directory.Find(unit.block.first_id());
  unit.stream->directory.At(*place).on_disk = true;
}

void Checkpoint::EncodeNow(Unit& unit) {
  CHECK(unit.frozen && phase_ == Phase::kEncoding);
  if (unit.kind == UnitKind::kSchedule) {
    return;  // What is frozen of it does not change.
  }
  unit.frozen = false;
  unit.in_flight = true;
  scratch_.clear();
  switch (unit.kind) {
    case UnitKind::kStream: {
      const auto& stream = static_cast<const Stream&>(unit);
      EncodeStream(stream, &scratch_);
      batch_.Put(Family::kKeys, KeyRecordKey(stream.physical_db, stream.key), scratch_);
      break;
    }
    case UnitKind::kString: {
      const auto& value = static_cast<const StringValue&>(unit);
      EncodeString(value, &scratch_);
      batch_.Put(Family::kKeys, KeyRecordKey(value.physical_db, value.key), scratch_);
      break;
    }
    case UnitKind::kDirectoryPage: {
      const auto& page = static_cast<const DirectoryPage&>(unit);
      const Stream& stream = *page.stream;
      if (stream.directory.IsOpenPage(page)) {
        return;  // It became the open page again and is in the stream record.
      }
      EncodeClosedPage(page, &scratch_);
      batch_.Put(Family::kBlocks, DirectoryPageKey(stream.physical_db, stream.uid, page.number),
                 scratch_);
      break;
    }
    case UnitKind::kBlock:
      EncodeBlock(static_cast<BlockUnit&>(unit));
      break;
    case UnitKind::kGroup: {
      auto& group = static_cast<Group&>(unit);
      EncodeGroup(group, &scratch_);
      batch_.Put(Family::kGroups,
                 GroupHeaderKey(group.stream->physical_db, group.stream->uid, group.number),
                 scratch_);
      break;
    }
    case UnitKind::kPendingPage: {
      const auto& page = static_cast<const PageUnit&>(unit);
      const Stream& stream = *page.group->stream;
      page.page.Encode(&scratch_);
      batch_.Put(Family::kGroups,
                 PendingPageKey(stream.physical_db, stream.uid, page.group->number, page.number),
                 scratch_);
      break;
    }
    case UnitKind::kProducerPage: {
      const auto& page = static_cast<const ProducerPageUnit&>(unit);
      page.page.Encode(&scratch_);
      batch_.Put(Family::kSide,
                 ProducerPageKey(page.stream->physical_db, page.stream->uid, page.number),
                 scratch_);
      break;
    }
    case UnitKind::kSchedule:
    case UnitKind::kMissingKey:
    case UnitKind::kDamagedKey:
      CHECK(false);
  }
  unit.on_disk = true;
}

Batch Checkpoint::TakeBatch() {
  CHECK(phase_ == Phase::kEncoding && next_delete_ == frozen_deletes_.size() &&
        next_to_encode_ == frozen_.size());
  phase_ = Phase::kWriting;
  return std::exchange(batch_, Batch());
}

void Checkpoint::BeginConfirm() {
  CHECK(phase_ == Phase::kWriting);
  phase_ = Phase::kConfirming;
  frozen_bytes_ = 0;
  next_to_confirm_ = 0;
}

bool Checkpoint::ConfirmSlice(size_t* max_units) {
  CHECK(phase_ == Phase::kConfirming);
  for (; next_to_confirm_ < frozen_.size(); ++next_to_confirm_) {
    if (*max_units == 0) {
      return false;
    }
    --*max_units;
    Unit* const unit = frozen_[next_to_confirm_];
    if (unit == nullptr) {
      continue;
    }
    unit->frozen_index = Unit::kNowhere;
    unit->in_flight = false;
    if (unit->kind == UnitKind::kBlock) {
      Block& block = static_cast<BlockUnit*>(unit)->block;
      if (block.InFlight()) {
        block.ConfirmSaved();
      }
    } else if (unit->kind == UnitKind::kSchedule) {
      static_cast<Schedule*>(unit)->Confirm(&discarded_);
    }
  }
  for (; !frozen_deletes_.empty(); frozen_deletes_.pop_back()) {
    if (*max_units == 0) {
      return false;
    }
    --*max_units;
  }
  frozen_.clear();
  ++number_;
  phase_ = Phase::kIdle;
  return true;
}

void Checkpoint::Revert() {
  for (Unit* unit : frozen_) {
    if (unit == nullptr) {
      continue;
    }
    unit->frozen_index = Unit::kNowhere;
    unit->frozen = false;
    unit->in_flight = false;
    if (unit->kind == UnitKind::kBlock) {
      Block& block = static_cast<BlockUnit*>(unit)->block;
      if (block.InFlight()) {
        block.RevertSaved();
      }
    } else if (unit->kind == UnitKind::kSchedule) {
      static_cast<Schedule*>(unit)->Revert();
    }
    if (!unit->dirty()) {
      unit->dirty_index = static_cast<uint32_t>(dirty_.size());
      dirty_.push_back(unit);
    }
  }
  frozen_.clear();
  // What the failed batch deleted is deleted by the next one, before what that one deletes itself.
  deletes_.insert(deletes_.begin(), std::make_move_iterator(frozen_deletes_.begin()),
                  std::make_move_iterator(frozen_deletes_.end()));
  frozen_deletes_.clear();
  dirty_bytes_ += std::exchange(frozen_bytes_, 0);
  ++number_;
  phase_ = Phase::kIdle;
}

}  // namespace engine
