#include "engine/time_index.h"

#include <utility>

#include "engine/check.h"
#include "engine/checksum.h"
#include "engine/codec.h"
#include "engine/limits.h"
#include "engine/schema.h"

namespace engine {
namespace {

constexpr uint8_t kPlaceVersion = 1;
constexpr size_t kPlaceHeadBytes = 1 + 8 + 4;
// Encoding a place takes as long as copying about so many bytes.
constexpr size_t kPlaceWorkBytes = 256;

}  // namespace

std::string TimeIndex::StoreKey(const TimePlace& place) const {
  std::string out;
  out.reserve(kPlaceHeadBytes + place.key.size());
  out.push_back(tag_);
  PutU64(&out, static_cast<uint64_t>(place.due_ms));
  PutU32(&out, place.physical_db);
  out.append(place.key);
  return out;
}

std::optional<TimePlace> TimeIndex::ParseStoreKey(std::string_view stored) const {
  if (stored.size() < kPlaceHeadBytes || stored.front() != tag_) {
    return std::nullopt;
  }
  TimePlace place;
  place.due_ms = static_cast<int64_t>(LoadU64(stored.data() + 1));
  place.physical_db = LoadU32(stored.data() + 9);
  place.key = stored.substr(kPlaceHeadBytes);
  return place.due_ms > 0 ? std::optional(std::move(place)) : std::nullopt;
}

std::string TimeIndex::StoreEnd() const { return PrefixEnd({&tag_, 1}); }

std::string TimeIndex::StoreValue() {
  std::string out;
  PutU8(&out, kPlaceVersion);
  SealRecord(&out, 0);
  return out;
}

void TimeIndex::Add(const TimePlace& place) {
  const auto [it, is_new] = changes_.try_emplace(place);
  it->second.exists = true;
  it->second.is_fresh = is_new && !frozen_.contains(place);
  if (InWindow(place)) {
    PutIntoWindow(place);
  }
}

void TimeIndex::Remove(const TimePlace& place) {
  window_.erase(place);
  const auto it = changes_.find(place);
  if (it != changes_.end() && it->second.is_fresh) {
    changes_.erase(it);
  } else {
    changes_.insert_or_assign(place, Change{});
  }
}

const TimePlace* TimeIndex::EarliestFrom(const TimePlace& from) const {
  const auto it = window_.lower_bound(from);
  return it == window_.end() ? nullptr : &*it;
}

bool TimeIndex::WantsPage() const { return !is_complete_ && window_.size() < kTimeWindowKeys / 4; }

LoadItem TimeIndex::PageWanted() const {
  LoadItem item;
  item.kind = LoadItem::Kind::kPlaces;
  item.index_tag = tag_;
  item.due_ms = end_.due_ms;
  item.physical_db = end_.physical_db;
  item.key = end_.key;
  item.scan_count = static_cast<int64_t>(kTimeWindowKeys / 2);
  return item;
}

void TimeIndex::PutIntoWindow(const TimePlace& place) {
  window_.insert(place);
  if (window_.size() > kTimeWindowKeys) {
    const auto last = std::prev(window_.end());
    end_ = *last;
    is_complete_ = false;
    window_.erase(last);
  }
}

void TimeIndex::PutIntoWindow(const Changes& changes, const TimePlace& from) {
  for (auto it = changes.lower_bound(from); it != changes.end() && InWindow(it->first); ++it) {
    if (it->second.exists && Knows(it->first).value_or(false)) {
      PutIntoWindow(it->first);
    }
  }
}

void TimeIndex::InstallPage(const TimePage& page) {
  if (is_complete_ || page.from != end_) {
    return;
  }
  is_complete_ = !page.next.has_value();
  end_ = page.next.value_or(TimePlace());
  for (const TimePlace& place : page.places) {
    if (!InWindow(place)) {
      break;
    }
    if (Knows(place).value_or(true)) {
      PutIntoWindow(place);
    }
  }
  PutIntoWindow(frozen_, page.from);
  PutIntoWindow(changes_, page.from);
}

void TimeIndex::Freeze() {
  CHECK(frozen_.empty());
  frozen_.swap(changes_);
  changes_.clear();
  next_to_encode_ = frozen_.begin();
}

bool TimeIndex::EncodeSlice(Checkpoint* checkpoint, size_t max_bytes) {
  const std::string value = StoreValue();
  size_t bytes = 0;
  for (; next_to_encode_ != frozen_.end(); ++next_to_encode_) {
    if (bytes >= max_bytes) {
      return false;
    }
    const std::string key = StoreKey(next_to_encode_->first);
    bytes += kPlaceWorkBytes + key.size() + value.size();
    if (next_to_encode_->second.exists) {
      checkpoint->Put(Family::kSystem, key, value);
    } else {
      checkpoint->Delete(Family::kSystem, key);
    }
  }
  return true;
}

bool TimeIndex::ConfirmSlice(size_t* max_places) {
  auto end = frozen_.begin();
  for (; end != frozen_.end() && *max_places > 0; ++end) {
    --*max_places;
  }
  frozen_.erase(frozen_.begin(), end);
  return frozen_.empty();
}

void TimeIndex::Revert() {
  // The failed checkpoint may be in the store all the same: nothing is fresh.
  for (auto& [place, change] : frozen_) {
    changes_.try_emplace(place, Change{change.exists, false});
  }
  frozen_.clear();
}

std::optional<bool> TimeIndex::Knows(const TimePlace& place) const {
  for (const Changes* changes : {&changes_, &frozen_}) {
    if (const auto it = changes->find(place); it != changes->end()) {
      return it->second.exists;
    }
  }
  return std::nullopt;
}

std::vector<TimePlace> TimeIndex::Added() const {
  std::vector<TimePlace> added;
  for (const auto& [place, change] : frozen_) {
    if (change.exists && !changes_.contains(place)) {
      added.push_back(place);
    }
  }
  for (const auto& [place, change] : changes_) {
    if (change.exists) {
      added.push_back(place);
    }
  }
  return added;
}

}  // namespace engine
