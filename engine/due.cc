#include "engine/due.h"

#include <algorithm>
#include <utility>

#include "engine/check.h"
#include "engine/entry_cursor.h"
#include "engine/exhaustion.h"
#include "engine/limits.h"

namespace engine {
namespace {

PageSlot& SlotAt(Group& group, StreamId first_id) {
  PageSlot& slot = group.pages[group.FindPage(first_id)];
  CHECK(slot.first_id == first_id);
  return slot;
}

// The last moment of the grace after the start, within which no owned record is due.
int64_t GraceEnd(const Core& core, int64_t ack_wait_ms) {
  return core.started_ms + std::min(core.options.restart_grace_ms, ack_wait_ms);
}

void Rebuild(Group& group, const DueRules& rules) {
  auto index = std::make_unique<DueIndex>(rules);
  for (PageSlot& slot : group.pages) {
    const int64_t due_ms = rules.EarliestDue(slot.times);
    slot.due = PageDue();
    index->Move(slot.first_id, &slot.due, {due_ms, due_ms});
  }
  group.due = std::move(index);
}

// Notes when the earliest record of a page in memory is due, which is returned.
int64_t TightenDue(DueIndex& index, PageSlot& slot, int64_t now_ms) {
  int64_t due_ms = kNeverDue;
  for (auto at = slot.unit->page.Begin(); at.valid(); at.Next()) {
    due_ms = std::min(due_ms, index.rules().DueAt(at.record()));
  }
  index.Move(slot.first_id, &slot.due, {due_ms, due_ms > now_ms ? due_ms : slot.due.look_ms});
  return due_ms;
}

}  // namespace

int64_t DueAt(const GroupPolicy* policy, const PendingRecord& record) {
  return DueRules::Of(policy).DueAt(record);
}

int64_t HeldUntil(const GroupPolicy* policy, const PendingRecord& record) {
  if (record.due_ms != 0) {
    return record.due_ms;
  }
  if (policy == nullptr || policy->backoff.max_ms == 0) {
    return INT64_MIN;
  }
  const int64_t from_ms = record.is_released() ? record.released_ms : record.delivery_ms;
  const int64_t backoff_ms = policy->backoff.After(record.count);
  return from_ms > INT64_MAX - backoff_ms ? INT64_MAX : from_ms + backoff_ms;
}

bool HeldBack(const GroupPolicy* policy, const Op& op, const PendingRecord& record) {
  return HeldUntil(policy, record) > op.now.store_ms;
}

bool GoesAlone(const GroupPolicy* policy, uint64_t count) {
  return policy != nullptr && policy->isolate_last && policy->max_deliveries > 0 &&
         count + 1 == static_cast<uint64_t>(policy->max_deliveries);
}

int64_t RoomForNew(const GroupPolicy* policy, const Group& group, int64_t settled) {
  if (policy == nullptr || policy->max_pending == 0) {
    return INT64_MAX;
  }
  const int64_t pending = group.pending_count - group.parked_count - settled;
  return std::max<int64_t>(policy->max_pending - pending, 0);
}

// ---- The index ----

void RefreshDue(Core& core, Group& group) {
  DueRules rules = DueRules::Of(group.policy.get());
  if (rules.ack_wait_ms == 0 && group.delayed_count == 0) {
    if (group.due != nullptr) {
      for (PageSlot& slot : group.pages) {
        slot.due = PageDue();
      }
      group.due.reset();
    }
    return;
  }
  if (rules.ack_wait_ms > 0) {
    const int64_t grace_end_ms = GraceEnd(core, rules.ack_wait_ms);
    rules.owned_from_ms =
        grace_end_ms > core.time_line.last_store_ms() ? grace_end_ms : DueRules::kNoGrace;
  }
  if (group.due == nullptr || group.due->rules() != rules) {
    Rebuild(group, rules);
  }
}

void ExpectDue(Core& core, Now now, Stream& stream, Group& group) {
  const DueIndex* index = DueIndexOf(core, now, group);
  if (index != nullptr) {
    core.steward->Expect(stream, index->first_look_ms());
  }
}

DueIndex* DueIndexOf(Core& core, Now now, Group& group) {
  core.PolicyOf(group);
  if (group.due == nullptr) {
    return nullptr;
  }
  // Once the grace is over records are due in the order of when they would have been without it.
  DueRules rules = group.due->rules();
  if (rules.owned_from_ms != DueRules::kNoGrace && rules.owned_from_ms <= now.store_ms) {
    rules.owned_from_ms = DueRules::kNoGrace;
    Rebuild(group, rules);
  }
  return group.due.get();
}

// ---- The walk ----

DueWalk::DueWalk(Core& core, Op& op, Group& group, DueIndex& index, int64_t wanted)
    : core_(core), op_(op), group_(group), index_(index), wanted_(wanted) {}

bool DueWalk::ComesLater(const Due& a, const Due& b) {
  return std::pair(a.due_ms, DeliveryKey::Of(a.record)) >
         std::pair(b.due_ms, DeliveryKey::Of(b.record));
}

bool DueWalk::RestComesLater(const Rest& a, const Rest& b) {
  return ComesLater(a.back(), b.back());
}

const DueIndex::Place* DueWalk::NextPage() const {
  const auto& places = index_.by_due();
  const auto next =
      newest_opened_.has_value() ? places.upper_bound(*newest_opened_) : places.begin();
  return next == places.end() || next->at_ms > op_.now.store_ms ? nullptr : &*next;
}

std::optional<PendingRecord> DueWalk::Next() {
  for (;;) {
    const DueIndex::Place* page = NextPage();
    // A page with the same time may have the one that was delivered first.
    if (page != nullptr && (opened_.empty() || page->at_ms <= opened_.front().back().due_ms)) {
      if (!Open(*page)) {
        return std::nullopt;
      }
      continue;
    }
    if (opened_.empty()) {
      return std::nullopt;
    }
    std::pop_heap(opened_.begin(), opened_.end(), RestComesLater);
    PendingRecord record = std::move(opened_.back().back().record);
    opened_.back().pop_back();
    if (opened_.back().empty()) {
      opened_.pop_back();
    } else {
      std::push_heap(opened_.begin(), opened_.end(), RestComesLater);
    }
    return record;
  }
}

bool DueWalk::Open(DueIndex::Place place) {
  PageSlot& slot = SlotAt(group_, place.first_id);
  const PendingPage* page = core_.NeedPage(op_, group_, slot);
  if (page == nullptr) {
    NoteMissing(place);
    return false;
  }
  const int64_t now_ms = op_.now.store_ms;
  if (TightenDue(index_, slot, now_ms) != place.at_ms) {
    return true;  // It has its turn later.
  }
  newest_opened_ = place;
  Rest records;
  for (auto at = page->Begin(); at.valid(); at.Next()) {
    PendingRecord record = at.record();
    const int64_t due_ms = index_.rules().DueAt(record);
    if (due_ms <= now_ms) {
      records.push_back({due_ms, std::move(record)});
    }
  }
  std::sort(records.begin(), records.end(), ComesLater);
  opened_.push_back(std::move(records));
  std::push_heap(opened_.begin(), opened_.end(), RestComesLater);
  return true;
}

void DueWalk::NoteMissing(const DueIndex::Place& from) {
  const auto& places = index_.by_due();
  int64_t left = wanted_ - SlotAt(group_, from.first_id).count;
  for (auto at = places.upper_bound(from);
       at != places.end() && left > 0 && op_.needs.size() < kObjectsPerLoad &&
       at->at_ms <= op_.now.store_ms;
       ++at) {
    PageSlot& slot = SlotAt(group_, at->first_id);
    core_.NeedPage(op_, group_, slot);
    left -= slot.Count();
  }
}

ClaimPlan PlanDue(Core& core, Op& op, Stream& stream, Group& group, const ClaimLimits& limits,
                  bool follows_others) {
  ClaimPlan plan;
  DueIndex* index = DueIndexOf(core, op.now, group);
  if (index == nullptr || index->first_due_ms() > op.now.store_ms) {
    return plan;
  }
  const GroupPolicy* policy = group.policy.get();
  DueWalk walk(core, op, group, *index, limits.count > 0 ? limits.count : INT64_MAX);
  while (plan.HasRoom(limits) && plan.exhausted.size() + plan.gone.size() < kSettledPerRead &&
         op.needs.size() < kObjectsPerLoad) {
    const std::optional<PendingRecord> record = walk.Next();
    if (!record.has_value()) {
      break;
    }
    const std::optional<bool> exists = EntryExists(core, op, stream, record->id);
    if (!exists.has_value()) {
      continue;
    }
    if (!*exists) {
      plan.gone.push_back(*record);
    } else if (IsExhausted(policy, *record)) {
      plan.exhausted.push_back(*record);
    } else if (!plan.Take(core, op, stream, policy, *record, follows_others)) {
      break;
    }
  }
  return plan;
}

// ---- The clock ----

namespace {

// What the steward finds in a page at whose moment it has come.
struct DuePage {
  bool has_deliverable = false;
  std::vector<PendingRecord> exhausted;
  std::vector<PendingRecord> gone;
  PageDue due;
};

DuePage LookInto(Core& core, Op& op, Stream& stream, const Group& group, const PendingPage& page) {
  DuePage found;
  const int64_t now_ms = op.now.store_ms;
  for (auto at = page.Begin(); at.valid(); at.Next()) {
    PendingRecord record = at.record();
    const int64_t due_ms = group.due->rules().DueAt(record);
    found.due.due_ms = std::min(found.due.due_ms, due_ms);
    if (due_ms > now_ms) {
      found.due.look_ms = std::min(found.due.look_ms, due_ms);
      continue;
    }
    const std::optional<bool> exists = EntryExists(core, op, stream, record.id);
    if (!exists.value_or(true)) {
      found.gone.push_back(std::move(record));
    } else if (exists.has_value() && IsExhausted(group.policy.get(), record)) {
      found.exhausted.push_back(std::move(record));
    } else {
      found.has_deliverable = true;
    }
  }
  return found;
}

// The page whose moment has come first, or null, when it and those to come next are noted in
// op.needs.
const PendingPage* NeedFirstPage(Core& core, Op& op, Group& group) {
  int count = 0;
  for (const DueIndex::Place& place : group.due->by_look()) {
    if (place.at_ms > op.now.store_ms || count++ == kDuePagesPerStep) {
      break;
    }
    const PendingPage* page = core.NeedPage(op, group, SlotAt(group, place.first_id));
    if (count == 1 && page != nullptr) {
      return page;
    }
  }
  return nullptr;
}

// Looks at the first page whose moment has come. kNotLoaded, and op.needs, when something of it
// must be fetched; nothing has changed then.
Status AttendFirstPage(Core& core, Op& op, Stream& stream, Group& group, bool* has_deliverable) {
  const PendingPage* page = NeedFirstPage(core, op, group);
  if (page == nullptr) {
    return Status(Code::kNotLoaded);
  }
  const DuePage found = LookInto(core, op, stream, group, *page);
  RETURN_IF_ERROR(core.CheckLoaded(op));
  RETURN_IF_ERROR(RequireForExhaustion(core, op, stream, group, found.exhausted));
  RETURN_IF_ERROR(RequireForExhaustion(core, op, stream, group, found.gone));
  PageSlot& slot = SlotAt(group, group.due->by_look().begin()->first_id);
  group.due->Move(slot.first_id, &slot.due, found.due);
  Exhaust(core, op, stream, group, found.exhausted);
  SettleGone(core, op, stream, group, found.gone);
  *has_deliverable = *has_deliverable || found.has_deliverable;
  return OkStatus();
}

}  // namespace

Result<TaskResult> Redeliver(Core& core, Op& op, Stream& stream) {
  TaskResult result;
  int looks = 0;
  for (Group* group : stream.groups_by_number) {
    bool has_deliverable = false;
    for (;;) {
      DueIndex* index = DueIndexOf(core, op.now, *group);
      if (index == nullptr || index->first_look_ms() > op.now.store_ms ||
          looks >= kDuePagesPerStep) {
        break;
      }
      ++looks;
      const Status status = AttendFirstPage(core, op, stream, *group, &has_deliverable);
      if (status.code() == Code::kNotLoaded) {
        break;
      }
      RETURN_IF_ERROR(status);
    }
    if (has_deliverable) {
      core.Tell(StreamEvent::Kind::kReady, stream, group->name);
    }
    if (group->due != nullptr) {
      result.next_ms = std::min(result.next_ms, group->due->first_look_ms());
    }
  }
  if (!op.needs.empty()) {
    return Status(Code::kNotLoaded);
  }
  return result;
}

}  // namespace engine
