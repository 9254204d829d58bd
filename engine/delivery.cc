// Engine calls that hand entries to consumers: new ones, and a consumer's own pending ones.
#include <algorithm>

#include "engine/apply.h"
#include "engine/check.h"
#include "engine/counting.h"
#include "engine/delivery_order.h"
#include "engine/due.h"
#include "engine/engine.h"
#include "engine/entry_cursor.h"
#include "engine/exhaustion.h"
#include "engine/fault_point.h"
#include "engine/group_ops.h"
#include "engine/history_plan.h"
#include "engine/limits.h"
#include "engine/require.h"
#include "engine/retire.h"

namespace engine {
namespace {

using Direction = EntryCursor::Direction;

// Whether each new entry has but one delivery, and goes alone.
bool NewGoAlone(const GroupPolicy* policy, const ReadNewArgs& args) {
  return !args.no_ack && GoesAlone(policy, 0);
}

// What is left of the limits when `plan` has been claimed; count 0: nothing. `settled`: pending
// records that go before new ones come.
EntryExtent NewEntries(const GroupPolicy* policy, const Group& group, const ReadNewArgs& args,
                       const ClaimPlan& plan, size_t settled) {
  EntryExtent extent;
  const auto start = group.last_id.Next();
  extent.start = start.value_or(StreamId::Max());
  extent.end = StreamId::Max();
  extent.count = args.count > 0 ? args.count - static_cast<int64_t>(plan.claims.size()) : -1;
  extent.max_bytes = args.max_bytes;
  if (args.max_bytes > 0 && plan.bytes >= args.max_bytes) {
    extent.count = 0;
  } else if (args.max_bytes > 0) {
    extent.max_bytes -= plan.bytes;
  }
  if (policy != nullptr) {
    int64_t most =
        args.no_ack ? INT64_MAX : RoomForNew(policy, group, static_cast<int64_t>(settled));
    if (NewGoAlone(policy, args)) {
      most = std::min<int64_t>(most, args.follows_others || !plan.claims.empty() ? 0 : 1);
    }
    if (plan.ends_reply || most == 0) {
      extent.count = 0;
    } else if (most != INT64_MAX) {
      extent.count = extent.count < 0 ? most : std::min(extent.count, most);
    }
  }
  return extent;
}

// Ids of the entries that the read will deliver; their blocks are in memory.
std::vector<StreamId> CollectIds(Stream& stream, const EntryExtent& extent) {
  std::vector<StreamId> ids;
  uint64_t bytes = 0;
  for (EntryCursor at(stream, extent.start, Direction::kForward);
       at.valid() && static_cast<int64_t>(ids.size()) != extent.count; at.Next()) {
    ids.push_back(at.entry().id);
    bytes += at.entry().payload.size() + kEntryReplyOverhead;
    if (extent.max_bytes > 0 && bytes >= extent.max_bytes) {
      break;
    }
  }
  return ids;
}

// Whether ids above the group's position may have pending records already: XGROUP SETID went back.
bool MayBePending(const Group& group) {
  return !group.pages.empty() && group.pages.back().Last() > group.last_id;
}

void RequireLastPage(Core& core, Op& op, Group& group) {
  if (!group.pages.empty() && group.pages.back().Count() < kMaxPendingRecords) {
    core.NeedPage(op, group, group.pages.back());
  }
}

// Records that a history read looks at: COUNT, and no more than its bound of bytes has room for.
int64_t HistoryCount(const HistoryArgs& args) {
  int64_t count = args.count > 0 ? args.count : INT64_MAX;
  if (args.max_bytes > 0) {
    count = std::min(count, static_cast<int64_t>(args.max_bytes / kEntryReplyOverhead) + 1);
  }
  return count;
}

// A consumer's pending ids above `after`, from pages in memory.
std::vector<StreamId> HistoryIds(const Group& group, ConsumerNumber owner,
                                 const HistoryArgs& args) {
  std::vector<StreamId> ids;
  const int64_t most = HistoryCount(args);
  const auto start = args.after.Next();
  if (!start.has_value()) {
    return ids;
  }
  for (size_t i = group.FindPageAtOrAfter(*start); i < group.pages.size(); ++i) {
    const PageSlot& slot = group.pages[i];
    if (slot.OwnedBy(owner) == 0) {
      continue;
    }
    CHECK(slot.unit != nullptr);
    for (auto at = slot.unit->page.Seek(*start); at.valid(); at.Next()) {
      if (at.owner() != owner) {
        continue;
      }
      ids.push_back(at.id());
      if (static_cast<int64_t>(ids.size()) == most) {
        return ids;
      }
    }
  }
  return ids;
}

void RequireHistoryPages(Core& core, Op& op, Group& group, ConsumerNumber owner,
                         const HistoryArgs& args) {
  int64_t count = 0;
  for (size_t i = group.FindPageAtOrAfter(args.after); i < group.pages.size(); ++i) {
    PageSlot& slot = group.pages[i];
    const uint32_t owned = slot.OwnedBy(owner);
    if (owned == 0) {
      continue;
    }
    core.NeedPage(op, group, slot);
    count += slot.first_id > args.after ? owned : 0;
    if (count >= HistoryCount(args)) {
      return;
    }
  }
}

}  // namespace

bool Engine::HasNew(const Stream& stream, const Group& group) const {
  return stream.length > 0 && stream.last_live_id > group.last_id;
}

namespace {

// Pending records that the read will take; nothing of a group whose policy and records make nothing
// due. All that this needs is in memory.
Status PlanPending(Core& core, Op& op, Stream& stream, Group& group, const ReadNewArgs& args,
                   ClaimPlan* plan) {
  const ClaimLimits limits{args.claim_min_idle_ms.value_or(0), args.count, args.max_bytes};
  if (args.claim_min_idle_ms.has_value()) {
    RETURN_IF_ERROR(WalkLoaded(core, op, [&] {
      *plan = PlanClaim(core, op, stream, group, limits, args.follows_others);
    }));
  } else if (group.due != nullptr && !args.no_ack) {
    RETURN_IF_ERROR(WalkLoaded(
        core, op, [&] { *plan = PlanDue(core, op, stream, group, limits, args.follows_others); }));
  }
  RETURN_IF_ERROR(RequireForExhaustion(core, op, stream, group, plan->exhausted));
  return RequireForExhaustion(core, op, stream, group, plan->gone);
}

// Finds what will be taken of the pending records, and checks that this and the new entries are in
// memory.
Status Prepare(Core& core, Op& op, Stream& stream, Group& group, const ReadNewArgs& args,
               bool has_new, ClaimPlan* plan) {
  Core::Saw(op, stream);
  const GroupPolicy* policy = core.PolicyOf(group);
  if (policy != nullptr && policy->paused) {
    return OkStatus();
  }
  if (args.claim_min_idle_ms.has_value() || group.due != nullptr) {
    RETURN_IF_ERROR(PlanPending(core, op, stream, group, args, plan));
  }
  const EntryExtent extent =
      NewEntries(policy, group, args, *plan, plan->exhausted.size() + plan->gone.size());
  if (!has_new || extent.count == 0) {
    return OkStatus();
  }
  RequireEntries(core, op, stream, extent);
  if (!args.no_ack) {
    RequireLastPage(core, op, group);
  }
  RETURN_IF_ERROR(core.CheckLoaded(op));
  if (args.no_ack) {
    return Retires(core, stream) ? PrepareRetiring(core, op, stream, CollectIds(stream, extent))
                                 : OkStatus();
  }
  if (MayBePending(group)) {
    RequirePending(core, op, group, CollectIds(stream, extent));
  }
  return core.CheckLoaded(op);
}

// Hands out what the plan names until the sink has enough; false then.
bool ClaimPlanned(Core& core, const Op& op, Stream& stream, const Group& group,
                  ConsumerNumber consumer, const ClaimPlan& plan, DeliverySink sink,
                  int64_t* count) {
  std::vector<ClaimedRecord> claimed;
  bool wants_more = true;
  for (const PlannedClaim& each : plan.claims) {
    const auto entry = FindLiveEntry(stream, each.id);
    CHECK(entry.has_value());
    claimed.push_back({each.id, NextDeliveryCount(each.count)});
    wants_more = sink(*entry, {each.idle_ms, each.count});
    if (!wants_more) {
      break;
    }
  }
  if (!claimed.empty()) {
    Emit(core, stream,
         Claimed{group.number, consumer, op.now.store_ms, group.next_sequence, claimed});
  }
  *count = static_cast<int64_t>(claimed.size());
  return wants_more;
}

// Delivers at least one entry.
int64_t DeliverNew(Core& core, const Op& op, Stream& stream, Group& group, ConsumerNumber consumer,
                   bool no_ack, const EntryExtent& extent, DeliverySink sink) {
  PositionCounter position(stream, group);
  std::vector<StreamId>& ids = core.id_scratch;
  ids.clear();
  uint64_t bytes = 0;
  for (EntryCursor at(stream, extent.start, Direction::kForward);
       at.valid() && static_cast<int64_t>(ids.size()) != extent.count; at.Next()) {
    const EntryView& entry = at.entry();
    position.Pass(entry.id);
    ids.push_back(entry.id);
    bytes += entry.payload.size() + kEntryReplyOverhead;
    if (PLANTED_BUG("neighbours_payload") && ids.size() > 1) {
      EntryView wrong = *FindLiveEntry(stream, ids.front());
      wrong.id = entry.id;
      sink(wrong, PriorDelivery());
      continue;
    }
    if (!sink(entry, PriorDelivery()) || (extent.max_bytes > 0 && bytes >= extent.max_bytes)) {
      break;
    }
  }
  const StreamId last_id = PLANTED_BUG("delivered_twice") ? group.last_id : position.last_id();
  Emit(core, stream, GroupMoved{group.number, last_id, position.entries_read()});
  if (!no_ack || PLANTED_BUG("noack_leaves_pending")) {
    const Delivered effect{group.number, consumer, op.now.store_ms, group.next_sequence, ids};
    PLANTED_BUG("unrecorded_delivery") ? Apply(core, stream, effect) : Emit(core, stream, effect);
  } else if (MayRetire(core, stream)) [[unlikely]] {
    RetireUnreferenced(core, op, stream, ids);
  }
  return static_cast<int64_t>(ids.size());
}

// How long until a record may have been idle for `min_idle_ms`, when none has been by now. One that
// is not pending yet takes all of that, but is noticed by looking again.
int64_t ClaimWait(const Op& op, int64_t min_idle_ms, const ClaimPlan& plan) {
  const int64_t now_ms = op.now.store_ms;
  const int64_t idle_ms =
      plan.later_ms == INT64_MAX ? 0 : std::max<int64_t>(now_ms - plan.later_ms, 0);
  int64_t wait_ms = min_idle_ms - std::min(idle_ms, min_idle_ms);
  if (plan.held_until_ms != INT64_MAX) {
    wait_ms = std::min(wait_ms, plan.held_until_ms - now_ms);
  }
  return std::max(wait_ms, kMinClaimWaitMs);
}

// What a history read shows; all of it is in memory. What has no delivery left goes.
std::vector<StreamId> TakeHistory(Core& core, Op& op, Stream& stream, Group& group,
                                  ConsumerNumber consumer, const HistoryArgs& args) {
  if (!FatalCounts(core.PolicyOf(group))) {
    return HistoryIds(group, consumer, args);
  }
  HistoryPlan plan = PlanHistory(core, op, stream, group, consumer, args, HistoryCount(args));
  CHECK(op.needs.empty());
  Exhaust(core, op, stream, group, plan.exhausted);
  return std::move(plan.ids);
}

}  // namespace

Status Engine::PrepareReadNew(Op& op, Stream& stream, Group& group, const ReadNewArgs& args) {
  ClaimPlan plan;
  return Prepare(*core_, op, stream, group, args, HasNew(stream, group), &plan);
}

Result<bool> Engine::GoesFirstAndAlone(Op& op, Stream& stream, Group& group,
                                       const ReadNewArgs& args) {
  const GroupPolicy* policy = core_->PolicyOf(group);
  if (policy == nullptr || !policy->isolate_last || policy->paused) {
    return false;
  }
  ReadNewArgs first = args;
  first.count = 1;
  first.follows_others = false;
  ClaimPlan plan;
  RETURN_IF_ERROR(PlanPending(*core_, op, stream, group, first, &plan));
  return plan.ends_reply;
}

Result<bool> Engine::GoesFirstAndAlone(Op& op, Stream& stream, Group& group,
                                       const HistoryArgs& args) {
  const GroupPolicy* policy = core_->PolicyOf(group);
  const Consumer* consumer = group.FindConsumer(args.consumer);
  if (policy == nullptr || !policy->isolate_last || consumer == nullptr) {
    return false;
  }
  RETURN_IF_ERROR(PrepareReadHistory(op, stream, group, args));
  const HistoryPlan plan = PlanHistory(*core_, op, stream, group, consumer->number, args, 1);
  if (plan.ids.empty()) {
    return false;
  }
  const StreamId first = plan.ids.front();
  return FindLiveEntry(stream, first).has_value() &&
         GoesAlone(policy, FindRecord(group, first)->count);
}

Result<ReadNewResult> Engine::ReadNew(Op& op, Stream& stream, Group& group, const ReadNewArgs& args,
                                      DeliverySink sink) {
  Core& core = *core_;
  ClaimPlan plan;
  RETURN_IF_ERROR(Prepare(core, op, stream, group, args, HasNew(stream, group), &plan));
  const ConsumerNumber consumer = EnsureConsumer(core, op, stream, group, args.consumer);
  ReadNewResult result;
  if (!plan.exhausted.empty() || !plan.gone.empty()) {
    Exhaust(core, op, stream, group, plan.exhausted);
    SettleGone(core, op, stream, group, plan.gone);
  }
  const GroupPolicy* policy = core.PolicyOf(group);
  const bool paused = policy != nullptr && policy->paused;
  const bool wants_more =
      ClaimPlanned(core, op, stream, group, consumer, plan, sink, &result.count);
  const EntryExtent extent = NewEntries(policy, group, args, plan, 0);
  const bool may_deliver = wants_more && !paused && HasNew(stream, group);
  const bool delivers = may_deliver && extent.count != 0;
  // New entries that go alone end the reply, whether one is all of it or none has a place in it.
  result.ends_reply = plan.ends_reply || (may_deliver && NewGoAlone(policy, args) &&
                                          (delivers || args.follows_others || result.count > 0));
  if (result.count > 0) {
    NoteActive(core, op, stream, group, consumer);
  } else if (args.no_ack || !delivers) {
    NoteSeen(core, op, stream, group, consumer);
  }
  if (args.claim_min_idle_ms.has_value()) {
    result.claim_wait_ms =
        paused ? kPausedClaimWaitMs : ClaimWait(op, *args.claim_min_idle_ms, plan);
  }
  if (delivers) {
    result.count += DeliverNew(core, op, stream, group, consumer, args.no_ack, extent, sink);
  }
  if (group.due != nullptr) {
    ExpectDue(core, op.now, stream, group);
  }
  Core::Saw(op, stream);
  return result;
}

Status Engine::PrepareReadHistory(Op& op, Stream& stream, Group& group, const HistoryArgs& args) {
  Core::Saw(op, stream);
  const Consumer* consumer = group.FindConsumer(args.consumer);
  if (consumer == nullptr || consumer->pending_count == 0) {
    return OkStatus();
  }
  if (FatalCounts(core_->PolicyOf(group))) {
    HistoryPlan plan;
    RETURN_IF_ERROR(WalkLoaded(*core_, op, [&] {
      plan = PlanHistory(*core_, op, stream, group, consumer->number, args, HistoryCount(args));
    }));
    return RequireForExhaustion(*core_, op, stream, group, plan.exhausted);
  }
  RequireHistoryPages(*core_, op, group, consumer->number, args);
  RETURN_IF_ERROR(core_->CheckLoaded(op));
  for (const StreamId id : HistoryIds(group, consumer->number, args)) {
    RequireEntry(*core_, op, stream, id);
  }
  return core_->CheckLoaded(op);
}

Result<HistoryResult> Engine::ReadHistory(Op& op, Stream& stream, Group& group,
                                          const HistoryArgs& args, HistorySink sink) {
  RETURN_IF_ERROR(PrepareReadHistory(op, stream, group, args));
  const ConsumerNumber consumer = EnsureConsumer(*core_, op, stream, group, args.consumer);
  NoteSeen(*core_, op, stream, group, consumer);
  const GroupPolicy* policy = core_->PolicyOf(group);
  std::vector<ClaimedRecord> redelivered;
  HistoryResult result;
  uint64_t bytes = 0;
  for (const StreamId id : TakeHistory(*core_, op, stream, group, consumer, args)) {
    const auto entry = FindLiveEntry(stream, id);
    const uint64_t count = entry.has_value() ? FindRecord(group, id)->count : 0;
    result.ends_reply = entry.has_value() && GoesAlone(policy, count);
    if (result.ends_reply && (args.follows_others || result.count > 0)) {
      break;
    }
    const bool wants_more = sink(id, entry.has_value() ? &*entry : nullptr);
    ++result.count;
    if (entry.has_value()) {
      redelivered.push_back({id, NextDeliveryCount(count)});
      bytes += entry->payload.size();
    }
    bytes += kEntryReplyOverhead;
    if (!wants_more || result.ends_reply || (args.max_bytes > 0 && bytes >= args.max_bytes)) {
      break;
    }
  }
  if (!redelivered.empty()) {
    Emit(*core_, stream,
         Claimed{group.number, consumer, op.now.store_ms, group.next_sequence, redelivered});
  }
  Core::Saw(op, stream);
  return result;
}

Result<int64_t> Engine::Acknowledge(Op& op, Stream& stream, Group& group,
                                    std::span<const StreamId> ids) {
  RequirePending(*core_, op, group, ids);
  RETURN_IF_ERROR(core_->CheckLoaded(op));
  if (Retires(*core_, stream)) [[unlikely]] {
    RETURN_IF_ERROR(PrepareRetiring(*core_, op, stream, {ids.begin(), ids.end()}));
  }
  std::vector<StreamId>& present = core_->id_scratch;
  present.clear();
  bool ascending = true;
  for (const StreamId id : ids) {
    if (FindRecord(group, id).has_value()) {
      ascending = ascending && (present.empty() || present.back() < id);
      present.push_back(id);
    }
  }
  if (!ascending) {
    // A repeated id counts once.
    std::sort(present.begin(), present.end());
    present.erase(std::unique(present.begin(), present.end()), present.end());
  }
  if (!present.empty()) {
    Emit(*core_, stream, Acknowledged{group.number, present});
    if (MayRetire(*core_, stream)) [[unlikely]] {
      RetireUnreferenced(*core_, op, stream, present);
    }
  }
  Core::Saw(op, stream);
  return static_cast<int64_t>(present.size());
}

}  // namespace engine
