#include "engine/delivery_order.h"

#include <algorithm>
#include <utility>

#include "engine/check.h"
#include "engine/due.h"
#include "engine/entry_cursor.h"
#include "engine/exhaustion.h"
#include "engine/group_ops.h"
#include "engine/limits.h"

namespace engine {
namespace {

bool ComesLater(const std::vector<PendingRecord>& a, const std::vector<PendingRecord>& b) {
  return DeliveryKey::Of(a.back()) > DeliveryKey::Of(b.back());
}

}  // namespace

DeliveryWalk::DeliveryWalk(Core& core, Op& op, Group& group, int64_t latest_ms, int64_t wanted)
    : core_(core),
      op_(op),
      group_(group),
      latest_ms_(std::min(latest_ms, DeliveryKey::kParked - 1)),
      wanted_(wanted) {}

const PageOrder* DeliveryWalk::NextPage() const {
  const auto next =
      newest_opened_.has_value() ? group_.order.upper_bound(*newest_opened_) : group_.order.begin();
  return next == group_.order.end() ? nullptr : &*next;
}

PageSlot& DeliveryWalk::SlotOf(const PageOrder& place) const {
  PageSlot& slot = group_.pages[group_.FindPage(place.first_id)];
  CHECK(slot.first_id == place.first_id);
  return slot;
}

std::optional<PendingRecord> DeliveryWalk::Next() {
  for (;;) {
    const PageOrder* page = NextPage();
    if (page != nullptr &&
        (opened_.empty() || page->oldest < DeliveryKey::Of(opened_.front().back()))) {
      if (page->oldest.delivery_ms > latest_ms_) {
        // Nor does any page opened have one that is wanted: it would come first.
        later_ms_ = std::min(later_ms_, page->oldest.delivery_ms);
        return std::nullopt;
      }
      if (!Open(*page)) {
        return std::nullopt;
      }
      continue;
    }
    if (opened_.empty()) {
      return std::nullopt;
    }
    std::pop_heap(opened_.begin(), opened_.end(), ComesLater);
    const PendingRecord record = opened_.back().back();
    opened_.back().pop_back();
    if (opened_.back().empty()) {
      opened_.pop_back();
    } else {
      std::push_heap(opened_.begin(), opened_.end(), ComesLater);
    }
    return record;
  }
}

bool DeliveryWalk::Open(PageOrder place) {
  PageSlot& slot = SlotOf(place);
  const PendingPage* page = core_.NeedPage(op_, group_, slot);
  if (page == nullptr) {
    NoteMissing(place);
    return false;
  }
  group_.Tighten(slot);
  if (slot.oldest != place.oldest) {
    return true;  // It has its turn later.
  }
  newest_opened_ = place;
  Rest records;
  for (auto at = page->Begin(); at.valid(); at.Next()) {
    const PendingRecord record = at.record();
    const int64_t delivery_ms = DeliveryKey::Of(record).delivery_ms;
    if (delivery_ms <= latest_ms_) {
      records.push_back(record);
    } else {
      later_ms_ = std::min(later_ms_, delivery_ms);
    }
  }
  std::sort(records.begin(), records.end(), [](const PendingRecord& a, const PendingRecord& b) {
    return DeliveryKey::Of(a) > DeliveryKey::Of(b);
  });
  opened_.push_back(std::move(records));
  std::push_heap(opened_.begin(), opened_.end(), ComesLater);
  return true;
}

void DeliveryWalk::NoteMissing(const PageOrder& from) {
  int64_t left = wanted_ - SlotOf(from).count;
  for (auto at = group_.order.upper_bound(from);
       at != group_.order.end() && left > 0 && op_.needs.size() < kObjectsPerLoad &&
       at->oldest.delivery_ms <= latest_ms_;
       ++at) {
    PageSlot& slot = SlotOf(*at);
    core_.NeedPage(op_, group_, slot);
    left -= slot.Count();
  }
}

int64_t LatestIdle(const Op& op, int64_t min_idle_ms) {
  return min_idle_ms <= 0 ? INT64_MAX : op.now.store_ms - min_idle_ms;
}

bool ClaimPlan::HasRoom(const ClaimLimits& limits) const {
  return (limits.count <= 0 || static_cast<int64_t>(claims.size()) < limits.count) &&
         (limits.max_bytes == 0 || bytes < limits.max_bytes);
}

bool ClaimPlan::Take(Core& core, Op& op, Stream& stream, const GroupPolicy* policy,
                     const PendingRecord& record, bool follows_others) {
  ends_reply = GoesAlone(policy, record.count);
  if (ends_reply && (follows_others || !claims.empty())) {
    return false;
  }
  RequireEntry(core, op, stream, record.id);
  if (op.needs.empty()) {
    bytes += FindLiveEntry(stream, record.id)->payload.size();
  }
  bytes += kEntryReplyOverhead;
  claims.push_back(
      {record.id, record.count,
       record.is_released() ? core.time_line.ToUnixMs(op.now.store_ms) : IdleMs(op, record)});
  return !ends_reply;
}

ClaimPlan PlanClaim(Core& core, Op& op, Stream& stream, Group& group, const ClaimLimits& limits,
                    bool follows_others) {
  ClaimPlan plan;
  const GroupPolicy* policy = core.PolicyOf(group);
  ExhaustBudget budget;
  DeliveryWalk walk(core, op, group, LatestIdle(op, limits.min_idle_ms),
                    limits.count > 0 ? limits.count : INT64_MAX);
  while (plan.HasRoom(limits) && op.needs.size() < kObjectsPerLoad) {
    if (budget.spent()) {
      plan.later_ms = 0;  // There may be more to claim at once.
      break;
    }
    const std::optional<PendingRecord> record = walk.Next();
    if (!record.has_value()) {
      plan.later_ms = walk.later_ms();
      break;
    }
    const std::optional<bool> exists = EntryExists(core, op, stream, record->id);
    if (!exists.value_or(false)) {
      if (exists.has_value() && SettlesGone(policy)) {
        budget.Take(stream, record->id);
        plan.gone.push_back(*record);
      }
      continue;
    }
    const int64_t held_until_ms = HeldUntil(policy, *record);
    if (held_until_ms > op.now.store_ms) {
      plan.held_until_ms = std::min(plan.held_until_ms, held_until_ms);
      continue;
    }
    const Fate fate = FateOf(policy, op, *record);
    if (fate == Fate::kExhaust) {
      budget.Take(stream, record->id);
      RequireEntry(core, op, stream, record->id);
      plan.exhausted.push_back(*record);
    }
    if (fate == Fate::kHandOut && !plan.Take(core, op, stream, policy, *record, follows_others)) {
      break;
    }
  }
  return plan;
}

}  // namespace engine
