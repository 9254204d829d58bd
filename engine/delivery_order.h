// A group's pending records in delivery order (streams specification 4.4), and what a read with
// CLAIM will take of them.
//
// The order is never sorted as a whole. Group::order has the pages by the oldest record each may
// hold; the walk opens a page when no record of the pages opened so far comes before that, sorts
// its records, and merges. Taking k records costs O(log P) for P pages plus what the pages they lie
// in hold; pages in which nothing is wanted are not loaded. Owner: the running call. Thread: loop.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/core.h"

namespace engine {

class DeliveryWalk {
 public:
  // Ends before the first record that was delivered after `latest_ms`, or is parked. `wanted` is
  // about how many the caller will take: so many are loaded at a time. Nothing may change the group
  // meanwhile.
  DeliveryWalk(Core& core, Op& op, Group& group, int64_t latest_ms, int64_t wanted);

  // The next record. Nothing at the end, or when a page is missing, which op.needs tells then.
  std::optional<PendingRecord> Next();
  // At the end: no record that was not given out was delivered before this; INT64_MAX when all
  // were given out.
  int64_t later_ms() const { return later_ms_; }

 private:
  // Records of a page that are yet to come, the next one last.
  using Rest = std::vector<PendingRecord>;

  // The first page, in order, that has not been opened; null at the end.
  const PageOrder* NextPage() const;
  PageSlot& SlotOf(const PageOrder& place) const;
  // False when it is missing.
  bool Open(PageOrder place);
  void NoteMissing(const PageOrder& from);

  Core& core_;
  Op& op_;
  Group& group_;
  const int64_t latest_ms_;
  const int64_t wanted_;
  int64_t later_ms_ = INT64_MAX;
  std::optional<PageOrder> newest_opened_;
  std::vector<Rest> opened_;  // A heap: the front has the next record.
};

struct PlannedClaim {
  StreamId id;
  uint64_t count = 0;   // Deliveries so far.
  int64_t idle_ms = 0;  // As the reply shows it.
};

struct ClaimLimits {
  int64_t min_idle_ms = 0;
  int64_t count = 0;       // 0 = all.
  uint64_t max_bytes = 0;  // 0 = no bound.
};

struct ClaimPlan {
  std::vector<PlannedClaim> claims;
  std::vector<PendingRecord> exhausted;  // Met on the way; not claimed.
  std::vector<PendingRecord> gone;       // Likewise: their entries are gone.
  uint64_t bytes = 0;                    // What they take of the caller's `max_bytes`.
  int64_t later_ms = INT64_MAX;  // As DeliveryWalk::later_ms(), unless count or bytes ended it.
  int64_t held_until_ms = INT64_MAX;  // The first end of a BACKOFF or DELAY that held one back.
  bool ends_reply = false;            // No more may follow in the whole reply: ISOLATE-LAST.

  bool HasRoom(const ClaimLimits& limits) const;
  // Claims the record, whose entry exists. False when nothing may follow: it goes alone, or, when
  // there is something before it, would have to and is left out. `follows_others`: the reply has
  // entries already.
  bool Take(Core& core, Op& op, Stream& stream, const GroupPolicy* policy,
            const PendingRecord& record, bool follows_others);
};

// Records idle for min_idle_ms whose entries exist, in delivery order. Changes nothing. What is
// missing is in op.needs; the plan is whole when that is empty, and all its entries are in memory.
// `follows_others` as in Take().
ClaimPlan PlanClaim(Core& core, Op& op, Stream& stream, Group& group, const ClaimLimits& limits,
                    bool follows_others);

// The newest delivery that is `min_idle_ms` ago: whatever was delivered later is not idle enough.
int64_t LatestIdle(const Op& op, int64_t min_idle_ms);

}  // namespace engine
