#include "engine/due_index.h"

#include <algorithm>

#include "engine/check.h"

namespace engine {
namespace {

// Times come from clients (XCLAIM TIME, DELAY), so a sum may be anything.
int64_t Later(int64_t time_ms, int64_t by_ms) {
  return time_ms > kNeverDue - by_ms ? kNeverDue : time_ms + by_ms;
}

}  // namespace

DueRules DueRules::Of(const GroupPolicy* policy) {
  DueRules rules;
  if (policy != nullptr) {
    rules.ack_wait_ms = policy->ack_wait_ms;
    rules.max_deliveries = policy->max_deliveries;
    rules.backoff = policy->backoff;
    rules.paused = policy->paused;
  }
  return rules;
}

int64_t DueRules::DueAt(const PendingRecord& record) const {
  if (paused || record.parked) {
    return kNeverDue;
  }
  if (record.due_ms != 0) {
    return record.due_ms;
  }
  if (ack_wait_ms == 0) {
    return kNeverDue;
  }
  const int64_t backoff_ms = backoff.After(record.count);
  if (record.is_released()) {
    return Later(record.released_ms, backoff_ms);
  }
  return std::max(Later(record.delivery_ms, std::max(ack_wait_ms, backoff_ms)), owned_from_ms);
}

int64_t DueRules::EarliestDue(const PageTimes& times) const {
  if (paused) {
    return kNeverDue;
  }
  int64_t due_ms = times.own_due_ms;
  if (ack_wait_ms > 0) {
    due_ms = std::min(due_ms, times.released_ms);
    if (times.owned_ms != PageTimes::kNone) {
      due_ms = std::min(due_ms, std::max(Later(times.owned_ms, ack_wait_ms), owned_from_ms));
    }
  }
  return due_ms;
}

bool DueRules::operator==(const DueRules& other) const {
  return ack_wait_ms == other.ack_wait_ms && max_deliveries == other.max_deliveries &&
         backoff.min_ms == other.backoff.min_ms && backoff.max_ms == other.backoff.max_ms &&
         backoff.factor_hundredths == other.backoff.factor_hundredths && paused == other.paused &&
         owned_from_ms == other.owned_from_ms;
}

void DueIndex::Move(StreamId first_id, PageDue* place, const PageDue& to) {
  Move(&by_due_, first_id, place->due_ms, to.due_ms);
  Move(&by_look_, first_id, place->look_ms, to.look_ms);
  *place = to;
}

void DueIndex::Move(absl::btree_set<Place>* places, StreamId first_id, int64_t from, int64_t to) {
  if (from == to) {
    return;
  }
  if (from != kNeverDue) {
    CHECK(places->erase({from, first_id}) == 1);
  }
  if (to != kNeverDue) {
    places->insert({to, first_id});
  }
}

}  // namespace engine
