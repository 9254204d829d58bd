// Engine calls on pending records: look at them, claim them.
#include <algorithm>

#include "engine/apply.h"
#include "engine/check.h"
#include "engine/delivery_order.h"
#include "engine/due.h"
#include "engine/engine.h"
#include "engine/entry_cursor.h"
#include "engine/exhaustion.h"
#include "engine/fault_point.h"
#include "engine/group_ops.h"
#include "engine/limits.h"
#include "engine/parked.h"
#include "engine/require.h"

namespace engine {
namespace {

// Visits records with start <= id <= end until `visit` returns false. Pages for which `passes`
// says so are passed over. A page that must be loaded is noted, and the walk then only notes
// further ones, at most kObjectsPerLoad.
template <typename Passes, typename Visit>
void WalkPending(Core& core, Op& op, Group& group, StreamId start, StreamId end, int64_t* wanted,
                 Passes passes, Visit visit) {
  for (size_t i = group.FindPageAtOrAfter(start); i < group.pages.size(); ++i) {
    PageSlot& slot = group.pages[i];
    if (slot.first_id > end || op.needs.size() >= kObjectsPerLoad) {
      return;
    }
    if ((slot.unit == nullptr && slot.last_id < start) || passes(slot)) {
      continue;
    }
    const PendingPage* page = core.NeedPage(op, group, slot);
    if (page == nullptr || !op.needs.empty()) {
      *wanted -= slot.Count();
      if (*wanted <= 0) {
        return;
      }
      continue;
    }
    for (auto at = page->Seek(start); at.valid(); at.Next()) {
      if (at.id() > end || !visit(at.record())) {
        return;
      }
    }
  }
}

// Whether no record of the page was delivered at or before `latest_ms`. What is known of a page on
// disk may be too old; it is then looked at in vain.
bool AllLaterThan(Group& group, PageSlot& slot, int64_t latest_ms) {
  if (latest_ms == INT64_MAX) {
    return false;
  }
  if (slot.oldest.delivery_ms <= latest_ms) {
    group.Tighten(slot);
  }
  return slot.oldest.delivery_ms > latest_ms;
}

// Claims and removals of one command, given out as effects in batches that keep their order.
class ClaimBatch {
 public:
  ClaimBatch(Core& core, Op& op, Stream& stream, Group& group, ConsumerNumber consumer,
             int64_t delivery_ms)
      : core_(core),
        op_(op),
        stream_(stream),
        group_(group),
        consumer_(consumer),
        delivery_ms_(delivery_ms) {}

  // Before a record is looked at: an id that is not above all earlier ones may have been changed by
  // this very command.
  void Approach(StreamId id) {
    if (any_ && id <= newest_) {
      Flush();
    }
    any_ = true;
    newest_ = id;
  }
  void Claim(StreamId id, uint64_t count) { claimed_.push_back({id, count}); }
  void Remove(const PendingRecord& record) { removed_.push_back(record); }
  void Exhaust(const PendingRecord& record) { exhausted_.push_back(record); }
  void Flush() {
    SettleGone(core_, op_, stream_, group_, removed_);
    removed_.clear();
    engine::Exhaust(core_, op_, stream_, group_, exhausted_);
    exhausted_.clear();
    if (!claimed_.empty()) {
      Emit(core_, stream_,
           Claimed{group_.number, consumer_, delivery_ms_, group_.next_sequence, claimed_});
      claimed_.clear();
    }
  }

 private:
  Core& core_;
  Op& op_;
  Stream& stream_;
  Group& group_;
  const ConsumerNumber consumer_;
  const int64_t delivery_ms_;
  bool any_ = false;
  StreamId newest_;
  std::vector<ClaimedRecord> claimed_;
  std::vector<PendingRecord> removed_;
  std::vector<PendingRecord> exhausted_;
};

// A time that would be below 0 or in the future counts as now.
int64_t ClaimTime(const Core& core, const Op& op, const ClaimArgs& args) {
  const int64_t now_ms = op.now.store_ms;
  const int64_t now_unix_ms = core.time_line.ToUnixMs(now_ms);
  int64_t back_ms = 0;
  if (args.idle_ms.has_value()) {
    back_ms = *args.idle_ms;
  } else if (args.delivery_unix_ms.has_value() && *args.delivery_unix_ms >= 0) {
    back_ms = now_unix_ms - *args.delivery_unix_ms;
  }
  return back_ms < 0 || back_ms > now_unix_ms ? now_ms : now_ms - back_ms;
}

bool IdleEnough(const Op& op, const PendingRecord& record, int64_t min_idle_ms) {
  return record.owner == kNoConsumer || min_idle_ms <= 0 || IdleMs(op, record) >= min_idle_ms ||
         PLANTED_BUG("young_claim");
}

// What XAUTOCLAIM will do, found without changing anything.
struct AutoClaimPlan {
  std::vector<ClaimedRecord> claimed;
  std::vector<PendingRecord> gone;
  std::vector<PendingRecord> exhausted;
  AutoClaimResult result;
};

class AutoClaimPlanner {
 public:
  AutoClaimPlanner(Core& core, Op& op, Stream& stream, Group& group, const AutoClaimArgs& args)
      : core_(core),
        op_(op),
        stream_(stream),
        group_(group),
        args_(args),
        policy_(core.PolicyOf(group)) {}

  AutoClaimPlan Make() {
    plan_ = {};
    budget_ = {};
    left_ = args_.count;
    looks_ = args_.count > INT64_MAX / kAutoClaimLookFactor ? INT64_MAX
                                                            : args_.count * kAutoClaimLookFactor;
    WalkPending(
        core_, op_, group_, args_.start, StreamId::Max(), &looks_,
        [this](PageSlot& slot) { return PassOver(slot); },
        [this](const PendingRecord& record) { return Visit(record); });
    return std::move(plan_);
  }

 private:
  // A page in which each record would be looked at and left alone. They count as looked at, so it
  // has to be opened where the looks end within it.
  bool PassOver(PageSlot& slot) {
    if (left_ == 0 || slot.Count() > looks_ || slot.First() < args_.start ||
        !stream_.WhollyLiveFrom(slot.First()) ||
        !AllLaterThan(group_, slot, LatestIdle(op_, args_.min_idle_ms))) {
      return false;
    }
    looks_ -= slot.Count();
    return true;
  }

  bool Visit(const PendingRecord& record) {
    if (left_ == 0 || looks_ == 0 || budget_.spent()) {
      plan_.result.cursor = record.id;
      return false;
    }
    --looks_;
    const std::optional<bool> exists = EntryExists(core_, op_, stream_, record.id);
    if (!exists.has_value()) {
      return op_.needs.size() < kObjectsPerLoad;
    }
    if (!*exists && record.parked && MovesParked(core_, group_)) {
      return true;  // Its letter is being tried.
    }
    if (!*exists) {
      plan_.result.deleted.push_back(record.id);
      plan_.gone.push_back(record);
      --left_;
      return true;
    }
    if (!IdleEnough(op_, record, args_.min_idle_ms) || HeldBack(policy_, op_, record)) {
      return true;
    }
    const Fate fate =
        args_.just_id && !record.parked ? Fate::kHandOut : FateOf(policy_, op_, record);
    if (fate == Fate::kExhaust) {
      budget_.Take(stream_, record.id);
      plan_.exhausted.push_back(record);
      RequireEntry(core_, op_, stream_, record.id);
    } else if (fate == Fate::kHandOut) {
      const bool alone = !args_.just_id && GoesAlone(policy_, record.count);
      if (alone && !plan_.claimed.empty()) {
        plan_.result.cursor = record.id;
        return false;
      }
      plan_.claimed.push_back(
          {record.id, args_.just_id ? record.count : NextDeliveryCount(record.count)});
      if (!args_.just_id) {
        RequireEntry(core_, op_, stream_, record.id);
      }
      left_ = alone ? 0 : left_ - 1;
    }
    return true;
  }

  Core& core_;
  Op& op_;
  Stream& stream_;
  Group& group_;
  const AutoClaimArgs& args_;
  const GroupPolicy* const policy_;
  AutoClaimPlan plan_;
  ExhaustBudget budget_;
  int64_t left_ = 0;
  int64_t looks_ = 0;
};

}  // namespace

Result<PendingSummary> Engine::SummarizePending(Op& op, Stream& stream, Group& group) {
  Core::Saw(op, stream);
  PendingSummary summary;
  summary.total = group.pending_count;
  if (group.pages.empty()) {
    return summary;
  }
  summary.lowest = group.pages.front().First();
  summary.highest = group.pages.back().Last();
  for (const auto& [name, consumer] : group.consumers) {
    if (consumer->pending_count > 0) {
      summary.consumers.emplace_back(name, consumer->pending_count);
    }
  }
  return summary;
}

namespace {

// The records that ListPending() and DescribePending() show.
Status FindPending(Core& core, Op& op, Group& group, const PendingRangeArgs& args,
                   std::vector<PendingRecord>* rows) {
  if (args.count <= 0 || args.start > args.end) {
    return OkStatus();
  }
  std::optional<ConsumerNumber> owner;
  if (args.consumer.has_value()) {
    const Consumer* consumer = group.FindConsumer(*args.consumer);
    if (consumer == nullptr || consumer->pending_count == 0) {
      return OkStatus();
    }
    owner = consumer->number;
  }
  const bool filters = owner.has_value() || args.min_idle_ms > 0;
  return WalkLoaded(core, op, [&] {
    rows->clear();
    const auto passes = [&](PageSlot& slot) {
      // Parked records have been idle for ever, too, but no page's place says where they are.
      const bool may_pass = owner.has_value() || group.parked_count == 0;
      return (owner.has_value() && slot.OwnedBy(*owner) == 0) ||
             (may_pass && AllLaterThan(group, slot, LatestIdle(op, args.min_idle_ms)));
    };
    const auto visit = [&](const PendingRecord& record) {
      if ((!owner.has_value() || record.owner == *owner) &&
          IdleEnough(op, record, args.min_idle_ms)) {
        rows->push_back(record);
      }
      return static_cast<int64_t>(rows->size()) < args.count;
    };
    int64_t wanted = filters ? INT64_MAX : args.count;
    WalkPending(core, op, group, args.start, args.end, &wanted, passes, visit);
  });
}

PendingDetails::State StateOf(const PendingRecord& record) {
  if (!record.is_released()) {
    return PendingDetails::State::kOwned;
  }
  return record.parked ? PendingDetails::State::kParked : PendingDetails::State::kReleased;
}

}  // namespace

Status Engine::ListPending(Op& op, Stream& stream, Group& group, const PendingRangeArgs& args,
                           PendingSink sink) {
  Core::Saw(op, stream);
  std::vector<PendingRecord> rows;
  RETURN_IF_ERROR(FindPending(*core_, op, group, args, &rows));
  for (const PendingRecord& record : rows) {
    PendingRow row;
    row.id = record.id;
    row.consumer = group.OwnerName(record.owner);
    row.delivery_count = record.count;
    row.idle_ms = record.owner == kNoConsumer ? -1 : IdleMs(op, record);
    row.delivery_unix_ms =
        record.owner == kNoConsumer ? 0 : core_->time_line.ToUnixMs(record.delivery_ms);
    sink(row);
  }
  return OkStatus();
}

Status Engine::DescribePending(Op& op, Stream& stream, Group& group, const PendingRangeArgs& args,
                               PendingDetailsSink sink) {
  Core::Saw(op, stream);
  std::vector<PendingRecord> rows;
  RETURN_IF_ERROR(FindPending(*core_, op, group, args, &rows));
  const DueIndex* index = DueIndexOf(*core_, op.now, group);
  for (const PendingRecord& record : rows) {
    PendingDetails details;
    details.id = record.id;
    details.consumer = group.OwnerName(record.owner);
    details.state = StateOf(record);
    details.delivery_count = record.count;
    if (record.was_delivered()) {
      details.first_unix_ms = core_->time_line.ToUnixMs(record.first_delivery_ms);
      details.last_unix_ms = core_->time_line.ToUnixMs(record.delivery_ms);
    }
    const int64_t due_ms = index == nullptr ? kNeverDue : index->rules().DueAt(record);
    if (due_ms != kNeverDue) {
      details.due_unix_ms = core_->time_line.ToUnixMs(due_ms);
    }
    details.reason = record.reason;
    sink(details);
  }
  return OkStatus();
}

Status Engine::Claim(Op& op, Stream& stream, Group& group, const ClaimArgs& args,
                     std::span<const StreamId> ids, ClaimSink sink) {
  RequirePending(*core_, op, group, ids);
  for (const StreamId id : ids) {
    RequireEntry(*core_, op, stream, id);
  }
  if (FatalCounts(core_->PolicyOf(group))) {
    RETURN_IF_ERROR(RequireForExhaustion(*core_, op, stream, group, ids));
  }
  RETURN_IF_ERROR(core_->CheckLoaded(op));
  if (args.last_id.has_value() && *args.last_id > group.last_id) {
    Emit(*core_, stream, GroupMoved{group.number, *args.last_id, group.entries_read});
  }
  const ConsumerNumber consumer = EnsureConsumer(*core_, op, stream, group, args.consumer);
  NoteSeen(*core_, op, stream, group, consumer);
  ClaimBatch batch(*core_, op, stream, group, consumer, ClaimTime(*core_, op, args));
  const GroupPolicy* policy = core_->PolicyOf(group);
  const bool sets_count = args.retry_count.has_value() && *args.retry_count >= 0;
  bool any = false;
  for (const StreamId id : ids) {
    batch.Approach(id);
    const auto entry = FindLiveEntry(stream, id);
    const auto record = FindRecord(group, id);
    if (!entry.has_value()) {
      if (record.has_value()) {
        batch.Remove(*record);
      }
      continue;
    }
    if (!record.has_value() ? !args.force : !IdleEnough(op, *record, args.min_idle_ms)) {
      continue;
    }
    // Who sets the count always claims; ids alone are no delivery.
    if (record.has_value() && !sets_count) {
      if (record->parked || (args.min_idle_ms > 0 && HeldBack(policy, op, *record))) {
        continue;
      }
      const Fate fate = args.just_id ? Fate::kHandOut : FateOf(policy, op, *record);
      if (fate == Fate::kExhaust) {
        batch.Exhaust(*record);
      }
      if (fate != Fate::kHandOut) {
        continue;
      }
    }
    uint64_t count = record.has_value() ? record->count : 1;
    if (sets_count) {
      count = static_cast<uint64_t>(*args.retry_count);
    } else if (!args.just_id) {
      count = NextDeliveryCount(count);
    }
    batch.Claim(id, count);
    any = true;
    sink(id, args.just_id ? nullptr : &*entry);
  }
  batch.Flush();
  if (any) {
    NoteActive(*core_, op, stream, group, consumer);
  }
  ExpectDue(*core_, op.now, stream, group);
  Core::Saw(op, stream);
  return OkStatus();
}

Result<AutoClaimResult> Engine::AutoClaim(Op& op, Stream& stream, Group& group,
                                          const AutoClaimArgs& args, ClaimSink sink) {
  AutoClaimPlanner planner(*core_, op, stream, group, args);
  AutoClaimPlan plan;
  RETURN_IF_ERROR(WalkLoaded(*core_, op, [&] { plan = planner.Make(); }));
  RETURN_IF_ERROR(RequireForExhaustion(*core_, op, stream, group, plan.exhausted));
  if (SettlesGone(core_->PolicyOf(group))) {
    RETURN_IF_ERROR(RequireForExhaustion(*core_, op, stream, group, plan.gone));
  }
  const ConsumerNumber consumer = EnsureConsumer(*core_, op, stream, group, args.consumer);
  NoteSeen(*core_, op, stream, group, consumer);
  for (const ClaimedRecord& claimed : plan.claimed) {
    if (args.just_id) {
      sink(claimed.id, nullptr);
    } else {
      const auto entry = FindLiveEntry(stream, claimed.id);
      CHECK(entry.has_value());
      sink(claimed.id, &*entry);
    }
  }
  SettleGone(*core_, op, stream, group, plan.gone);
  Exhaust(*core_, op, stream, group, plan.exhausted);
  if (!plan.claimed.empty()) {
    Emit(*core_, stream,
         Claimed{group.number, consumer, op.now.store_ms, group.next_sequence, plan.claimed});
    NoteActive(*core_, op, stream, group, consumer);
    ExpectDue(*core_, op.now, stream, group);
  }
  Core::Saw(op, stream);
  return plan.result;
}

}  // namespace engine
