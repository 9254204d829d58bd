// Engine calls that hand entries to consumers: new ones, and a consumer's own pending ones.
#include <algorithm>

#include "engine/apply.h"
#include "engine/check.h"
#include "engine/counting.h"
#include "engine/delivery_order.h"
#include "engine/engine.h"
#include "engine/entry_cursor.h"
#include "engine/group_ops.h"
#include "engine/limits.h"
#include "engine/require.h"
#include "engine/retire.h"

namespace engine {
namespace {

using Direction = EntryCursor::Direction;

// What is left of the limits when `plan` has been claimed; count 0: nothing.
EntryExtent NewEntries(const Group& group, const ReadNewArgs& args, const ClaimPlan& plan) {
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

// Finds what will be claimed, and checks that this and the new entries are in memory.
Status Prepare(Core& core, Op& op, Stream& stream, Group& group, const ReadNewArgs& args,
               bool has_new, ClaimPlan* plan) {
  Core::Saw(op, stream);
  if (args.claim_min_idle_ms.has_value()) {
    const ClaimLimits limits{*args.claim_min_idle_ms, args.count, args.max_bytes};
    RETURN_IF_ERROR(
        WalkLoaded(core, op, [&] { *plan = PlanClaim(core, op, stream, group, limits); }));
  }
  const EntryExtent extent = NewEntries(group, args, *plan);
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
    if (!sink(entry, PriorDelivery()) || (extent.max_bytes > 0 && bytes >= extent.max_bytes)) {
      break;
    }
  }
  Emit(core, stream, GroupMoved{group.number, position.last_id(), position.entries_read()});
  if (!no_ack) {
    Emit(core, stream,
         Delivered{group.number, consumer, op.now.store_ms, group.next_sequence, ids});
  } else if (MayRetire(core, stream)) [[unlikely]] {
    RetireUnreferenced(core, op, stream, ids);
  }
  return static_cast<int64_t>(ids.size());
}

// How long until a record may have been idle for `min_idle_ms`, when none has been by now. One that
// is not pending yet takes all of that, but is noticed by looking again.
int64_t ClaimWait(const Op& op, int64_t min_idle_ms, int64_t later_ms) {
  const int64_t now_ms = op.now.store_ms;
  const int64_t idle_ms = later_ms == INT64_MAX ? 0 : std::max<int64_t>(now_ms - later_ms, 0);
  return std::max(min_idle_ms - std::min(idle_ms, min_idle_ms), kMinClaimWaitMs);
}

}  // namespace

Status Engine::PrepareReadNew(Op& op, Stream& stream, Group& group, const ReadNewArgs& args) {
  ClaimPlan plan;
  return Prepare(*core_, op, stream, group, args, HasNew(stream, group), &plan);
}

Result<ReadNewResult> Engine::ReadNew(Op& op, Stream& stream, Group& group, const ReadNewArgs& args,
                                      DeliverySink sink) {
  ClaimPlan plan;
  RETURN_IF_ERROR(Prepare(*core_, op, stream, group, args, HasNew(stream, group), &plan));
  const ConsumerNumber consumer = EnsureConsumer(*core_, op, stream, group, args.consumer);
  ReadNewResult result;
  const bool wants_more =
      ClaimPlanned(*core_, op, stream, group, consumer, plan, sink, &result.count);
  const EntryExtent extent = NewEntries(group, args, plan);
  const bool delivers = wants_more && HasNew(stream, group) && extent.count != 0;
  if (result.count > 0) {
    NoteActive(*core_, op, stream, group, consumer);
  } else if (args.no_ack || !delivers) {
    NoteSeen(*core_, op, stream, group, consumer);
  }
  if (args.claim_min_idle_ms.has_value()) {
    result.claim_wait_ms = ClaimWait(op, *args.claim_min_idle_ms, plan.later_ms);
  }
  if (delivers) {
    result.count += DeliverNew(*core_, op, stream, group, consumer, args.no_ack, extent, sink);
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
  RequireHistoryPages(*core_, op, group, consumer->number, args);
  RETURN_IF_ERROR(core_->CheckLoaded(op));
  for (const StreamId id : HistoryIds(group, consumer->number, args)) {
    RequireEntry(*core_, op, stream, id);
  }
  return core_->CheckLoaded(op);
}

Result<int64_t> Engine::ReadHistory(Op& op, Stream& stream, Group& group, const HistoryArgs& args,
                                    HistorySink sink) {
  RETURN_IF_ERROR(PrepareReadHistory(op, stream, group, args));
  const ConsumerNumber consumer = EnsureConsumer(*core_, op, stream, group, args.consumer);
  NoteSeen(*core_, op, stream, group, consumer);
  std::vector<ClaimedRecord> redelivered;
  int64_t count = 0;
  uint64_t bytes = 0;
  for (const StreamId id : HistoryIds(group, consumer, args)) {
    const auto entry = FindLiveEntry(stream, id);
    const bool wants_more = sink(id, entry.has_value() ? &*entry : nullptr);
    ++count;
    if (entry.has_value()) {
      redelivered.push_back({id, NextDeliveryCount(FindRecord(group, id)->count)});
      bytes += entry->payload.size();
    }
    bytes += kEntryReplyOverhead;
    if (!wants_more || (args.max_bytes > 0 && bytes >= args.max_bytes)) {
      break;
    }
  }
  if (!redelivered.empty()) {
    Emit(*core_, stream,
         Claimed{group.number, consumer, op.now.store_ms, group.next_sequence, redelivered});
  }
  Core::Saw(op, stream);
  return count;
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
