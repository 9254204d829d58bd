#include "engine/reaper.h"

#include <algorithm>
#include <utility>

#include "engine/apply.h"
#include "engine/check.h"
#include "engine/limits.h"
#include "engine/loader.h"
#include "engine/persistence.h"

namespace engine {
namespace {

// Pause after a refusal: no room for unsaved bytes, or the store is away.
constexpr int64_t kRetryMs = 100;

TimePlace JustAfter(TimePlace place) {
  place.key.push_back('\0');
  return place;
}

}  // namespace

int64_t Reaper::next_due_ms() const {
  if (is_fetching_) {
    return kNever;
  }
  if (core_.expiry_index.WantsPage()) {
    return retry_ms_;
  }
  const TimePlace* place = core_.expiry_index.Earliest();
  return place == nullptr ? kNever : std::max(place->due_ms, retry_ms_);
}

void Reaper::Run(Now now) {
  now_ms_ = now.unix_ms;
  if (next_due_ms() > now.unix_ms) {
    return;
  }
  if (!core_.persistence->CanWrite().ok()) {
    retry_ms_ = now.unix_ms + kRetryMs;
    return;
  }
  // Without reader threads a fetch has ended when it returns, and the next round has its result.
  constexpr int kRounds = 4;
  size_t left = kReapedKeysPerTurn;
  for (int round = 0; round < kRounds && !is_fetching_ && left > 0; ++round) {
    std::vector<LoadItem> items;
    if (core_.expiry_index.WantsPage()) {
      items.push_back(core_.expiry_index.PageWanted());
    } else {
      ReapLoaded(now, &left, &items);
    }
    if (items.empty()) {
      break;
    }
    Fetch(std::move(items));
  }
  if (!is_fetching_) {
    core_.loader->Release(&pins_);
  }
}

void Reaper::ReapLoaded(Now now, size_t* left, std::vector<LoadItem>* missing) {
  TimePlace at;
  while (*left > 0 && core_.recorder.bytes().size() < kTurnEffectBytes) {
    const TimePlace* next = core_.expiry_index.EarliestFrom(at);
    if (next == nullptr || next->due_ms > now.unix_ms) {
      return;
    }
    const TimePlace place = *next;
    at = JustAfter(place);
    Database* database = core_.keyspace.ByPhysical(place.physical_db);
    if (database != nullptr && Keyspace::Find(*database, place.key) == nullptr) {
      LoadItem item;
      item.physical_db = place.physical_db;
      item.key = place.key;
      missing->push_back(std::move(item));
      if (missing->size() >= fetch_size_) {
        return;
      }
      continue;
    }
    --*left;
    if (!ReapPlace(place)) {
      core_.expiry_index.Remove(place);
    }
  }
}

bool Reaper::ReapPlace(const TimePlace& place) {
  Database* database = core_.keyspace.ByPhysical(place.physical_db);
  if (database == nullptr) {
    return false;  // It was flushed.
  }
  KeyHolder* holder = Keyspace::Find(*database, place.key);
  if (AsDamaged(holder) != nullptr) {
    core_.Log(LogLevel::kError, "an expired key cannot be deleted, it is damaged key=" + place.key);
    core_.expiry_index.PassOver(place);
    return true;
  }
  ValueHolder* value = AsValue(holder);
  if (value == nullptr || value->expire_ms != place.due_ms) {
    core_.Log(LogLevel::kWarning, "the expiry index has a place that no key has");
    return false;
  }
  EmitKeyDeleted(core_, *value);
  if (core_.on_expired) {
    core_.on_expired(core_.keyspace.LogicalOf(*database), place.key);
  }
  return true;
}

void Reaper::Fetch(std::vector<LoadItem> items) {
  is_fetching_ = true;
  std::vector<LoadItem> wanted = items;
  core_.loader->Start(std::move(wanted), &pins_, [this, items = std::move(items)](Status status) {
    OnFetched(items, status);
  });
}

void Reaper::OnFetched(const std::vector<LoadItem>& items, const Status& status) {
  is_fetching_ = false;
  if (status.ok()) {
    fetch_size_ = kReapLoads;
    return;
  }
  // One by one it shows which of them it is; a damaged one must not keep the others.
  if (items.size() == 1 && items[0].kind == LoadItem::Kind::kKey &&
      status.code() == Code::kCorruption) {
    const TimePlace* place = core_.expiry_index.Earliest();
    while (place != nullptr && place->due_ms <= now_ms_ && place->key != items[0].key) {
      place = core_.expiry_index.EarliestFrom(JustAfter(*place));
    }
    if (place != nullptr) {
      core_.expiry_index.PassOver(TimePlace(*place));
    }
    core_.Log(LogLevel::kError, "an expired key cannot be deleted error=" + status.message());
  } else {
    retry_ms_ = now_ms_ + kRetryMs;
  }
  fetch_size_ = 1;
}

}  // namespace engine
