// When pending records of a group are due again, and which of its pages have one that may be
// (delivery specification, section 4).
//
// Due times are never stored: they follow from the times in a record and from the policy. Of each
// page there is a lower bound of them, from its PageTimes until it is looked at, exact from then
// until something arrives or the rules change. Owner: Group. Thread: loop.
#pragma once

#include <compare>
#include <cstdint>

#include "absl/container/btree_set.h"
#include "engine/pending_page.h"
#include "engine/policy.h"
#include "engine/stream_id.h"

namespace engine {

inline constexpr int64_t kNeverDue = INT64_MAX;

// What of a policy decides when a record is due.
struct DueRules {
  static constexpr int64_t kNoGrace = INT64_MIN;

  int64_t ack_wait_ms = 0;  // 0 = only records with a due time of their own are ever due.
  int64_t max_deliveries = 0;
  Backoff backoff;
  bool paused = false;
  // Store time before which no owned record is due: the grace after a start.
  int64_t owned_from_ms = kNoGrace;

  // `policy` may be null: that of a group for which everything has its default.
  static DueRules Of(const GroupPolicy* policy);

  // Store time; kNeverDue = not by itself.
  int64_t DueAt(const PendingRecord& record) const;
  // Not after any record with these times, or later ones, is due.
  int64_t EarliestDue(const PageTimes& times) const;

  bool operator==(const DueRules& other) const;
};

// The two moments at which a page counts: when its earliest record is due, for who reads; and when
// the next one falls due of those that were not when the page was looked at last, for the clock.
// Neither is later than it says.
struct PageDue {
  int64_t due_ms = kNeverDue;
  int64_t look_ms = kNeverDue;
  bool operator==(const PageDue&) const = default;
};

class DueIndex {
 public:
  struct Place {
    int64_t at_ms = 0;
    StreamId first_id;  // Of the page.
    auto operator<=>(const Place&) const = default;
  };

  explicit DueIndex(const DueRules& rules) : rules_(rules) {}

  const DueRules& rules() const { return rules_; }
  // Pages by each of their moments; those that have none are not there.
  const absl::btree_set<Place>& by_due() const { return by_due_; }
  const absl::btree_set<Place>& by_look() const { return by_look_; }
  // kNeverDue when there is no page.
  int64_t first_due_ms() const { return by_due_.empty() ? kNeverDue : by_due_.begin()->at_ms; }
  int64_t first_look_ms() const { return by_look_.empty() ? kNeverDue : by_look_.begin()->at_ms; }

  // What a page's moments are now; `place` is what they were, and becomes `to`.
  void Move(StreamId first_id, PageDue* place, const PageDue& to);

 private:
  static void Move(absl::btree_set<Place>* places, StreamId first_id, int64_t from, int64_t to);

  const DueRules rules_;
  absl::btree_set<Place> by_due_;
  absl::btree_set<Place> by_look_;
};

}  // namespace engine
