#include "engine/exhaustion.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "engine/apply.h"
#include "engine/entry_cursor.h"
#include "engine/fault_point.h"
#include "engine/group_ops.h"
#include "engine/letter.h"
#include "engine/letter_box.h"
#include "engine/parked.h"
#include "engine/require.h"
#include "engine/retire.h"

namespace engine {
namespace {

bool IsSet(const GroupPolicy& policy, GroupOption option) {
  return policy.source(option) != PolicySource::kDefault;
}

bool IsFatal(const PendingRecord& record) {
  return record.fatal || record.count == kMaxDeliveryCount;
}

// Records on their way out of the group, or into its parking place, and what is to be told of them.
class Settlement {
 public:
  Settlement(Core& core, Op& op, Stream& stream, Group& group)
      : core_(core),
        op_(op),
        stream_(stream),
        group_(group),
        policy_(PolicyInForce(core, group)),
        box_(core, op, stream, group, policy_) {}

  void Exhaust(const PendingRecord& record) {
    const std::optional<EntryView> entry = FindLiveEntry(stream_, record.id);
    if (!entry.has_value()) {
      return Settle(record);
    }
    switch (policy_.on_exhaust) {
      case OnExhaust::kDeadLetter:
        return DeadLetter(record, *entry);
      case OnExhaust::kPark:
        return Park(record);
      case OnExhaust::kDrop:
        ++counters_.dropped;
        return Remove(record);
    }
  }

  // One whose letter cannot be written now is parked: the letter tells that something is lost.
  void Settle(const PendingRecord& record) {
    const bool wants_letter =
        policy_.max_deliveries > 0 && policy_.on_exhaust == OnExhaust::kDeadLetter;
    const bool is_written = wants_letter && box_.refusal().empty() &&
                            box_.Put(BuildLetter(nullptr, Note(record, LetterReason::kTrimmed)));
    counters_.letters += is_written ? 1 : 0;
    if (SettlesGone(&policy_) && !record.parked) {
      ++counters_.trimmed;
    }
    if (!wants_letter || is_written) {
      removed_.push_back(record.id);
    } else if (!record.parked) {
      PutAside(record);
    }
  }

  void Finish() {
    box_.Finish();
    if (!removed_.empty()) {
      Emit(core_, stream_, Acknowledged{group_.number, removed_});
      if (MayRetire(core_, stream_)) {
        std::sort(removed_.begin(), removed_.end());
        RetireUnreferenced(core_, op_, stream_, removed_);
      }
    }
    if (!parked_.empty()) {
      Emit(core_, stream_,
           HandedBack{group_.number, op_.now.store_ms, group_.next_sequence, parked_});
    }
    for (const HandedBackRecord& record : parked_) {
      core_.Tell(StreamEvent::Kind::kParked, stream_, group_.name, record.id);
    }
    if (counters_ != GroupCounters()) {
      Emit(core_, stream_, GroupCounted{group_.number, counters_});
    }
    if (!box_.refusal().empty()) {
      box_.LogRefusal();
    }
    ExpectParked(core_, op_, stream_);
    Core::Saw(op_, stream_);
  }

 private:
  LetterNote Note(const PendingRecord& record, LetterReason reason) const {
    LetterNote note;
    note.key = stream_.key;
    note.group = group_.name;
    note.id = record.id;
    note.consumer = group_.OwnerName(record.is_released() ? record.last_owner : record.owner);
    note.deliveries = record.count;
    note.reason = reason;
    note.error = record.reason;
    // Of one that was never delivered only its id has a time.
    const auto id_ms = static_cast<int64_t>(record.id.ms);
    const bool delivered = record.was_delivered();
    note.first_ms = delivered ? core_.time_line.ToUnixMs(record.first_delivery_ms) : id_ms;
    note.last_ms = delivered ? core_.time_line.ToUnixMs(record.delivery_ms) : id_ms;
    note.time_ms = core_.time_line.ToUnixMs(op_.now.store_ms);
    note.hops = uint64_t{record.hops} + 1;
    return note;
  }

  void DeadLetter(const PendingRecord& record, const EntryView& entry) {
    const LetterReason reason =
        IsFatal(record) ? LetterReason::kFatal : LetterReason::kMaxDeliveries;
    if (!box_.refusal().empty() || !box_.Put(BuildLetter(&entry, Note(record, reason)))) {
      return Park(record);
    }
    if (PLANTED_BUG("double_letter")) {
      box_.Put(BuildLetter(&entry, Note(record, reason)));
    }
    ++counters_.letters;
    Remove(record);
  }

  void Park(const PendingRecord& record) {
    if (record.parked) {
      return;  // Counted and told of already.
    }
    Count(record);
    PutAside(record);
  }

  void PutAside(const PendingRecord& record) {
    HandedBackRecord parked;
    parked.id = record.id;
    parked.count = record.count;
    parked.hops = record.hops;
    parked.parked = true;
    parked.fatal = record.fatal;
    parked.reason = record.reason;
    parked_.push_back(parked);
  }

  void Remove(const PendingRecord& record) {
    if (!record.parked) {
      Count(record);
    }
    if (!PLANTED_BUG("letter_stays_pending")) {
      removed_.push_back(record.id);
    }
  }

  void Count(const PendingRecord& record) {
    ++(IsFatal(record) ? counters_.fatal : counters_.exhausted);
  }

  Core& core_;
  Op& op_;
  Stream& stream_;
  Group& group_;
  const GroupPolicy& policy_;
  LetterBox box_;
  std::vector<StreamId> removed_;
  std::vector<HandedBackRecord> parked_;
  GroupCounters counters_;
};

}  // namespace

const GroupPolicy& PolicyInForce(Core& core, Group& group) {
  static const GroupPolicy kDefault;
  const GroupPolicy* policy = core.PolicyOf(group);
  return policy == nullptr ? kDefault : *policy;
}

bool IsExhausted(const GroupPolicy* policy, const PendingRecord& record) {
  if (policy == nullptr) {
    return false;
  }
  const uint64_t count = record.count + (PLANTED_BUG("early_letter") ? 1 : 0);
  if (policy->max_deliveries > 0 && count >= static_cast<uint64_t>(policy->max_deliveries)) {
    return true;
  }
  return record.count == kMaxDeliveryCount && FatalCounts(policy);
}

bool LeaseIsValid(const GroupPolicy* policy, const Op& op, const PendingRecord& record) {
  return policy != nullptr && policy->ack_wait_ms > 0 && !record.is_released() &&
         IdleMs(op, record) < policy->ack_wait_ms;
}

bool FatalCounts(const GroupPolicy* policy) {
  return policy != nullptr &&
         (policy->max_deliveries > 0 || policy->ack_wait_ms > 0 ||
          IsSet(*policy, GroupOption::kOnExhaust) || IsSet(*policy, GroupOption::kDeadLetterKey));
}

bool SettlesGone(const GroupPolicy* policy) {
  return policy != nullptr && (policy->max_deliveries > 0 || policy->ack_wait_ms > 0);
}

Fate FateOf(const GroupPolicy* policy, const Op& op, const PendingRecord& record) {
  if (record.parked) {
    return Fate::kPassOver;
  }
  if (!IsExhausted(policy, record)) {
    return Fate::kHandOut;
  }
  return LeaseIsValid(policy, op, record) ? Fate::kPassOver : Fate::kExhaust;
}

void ExhaustBudget::Take(const Stream& stream, StreamId id) {
  ++records_;
  const auto place = stream.directory.Find(id);
  if (place.has_value()) {
    // About as large as those around it; so nothing need be in memory to know.
    const BlockSlot& slot = stream.directory.At(*place);
    bytes_ += slot.byte_size / std::max<uint32_t>(slot.entry_count, 1);
  }
}

Status RequireForExhaustion(Core& core, Op& op, Stream& stream, Group& group,
                            std::span<const StreamId> ids) {
  if (ids.empty()) {
    return OkStatus();
  }
  RequirePending(core, op, group, ids);
  for (const StreamId id : ids) {
    RequireEntry(core, op, stream, id);
  }
  if (MayRetire(core, stream)) {
    RETURN_IF_ERROR(PrepareRetiring(core, op, stream, {ids.begin(), ids.end()}));
  }
  const GroupPolicy& policy = PolicyInForce(core, group);
  if (policy.on_exhaust == OnExhaust::kDeadLetter) {
    const Status required = LetterBox(core, op, stream, group, policy).Require(ids.size());
    if (!required.ok() && required.code() != Code::kNotLoaded) {
      return required;
    }
  }
  return core.CheckLoaded(op);
}

Status RequireForExhaustion(Core& core, Op& op, Stream& stream, Group& group,
                            std::span<const PendingRecord> records) {
  std::vector<StreamId> ids;
  ids.reserve(records.size());
  for (const PendingRecord& record : records) {
    ids.push_back(record.id);
  }
  return RequireForExhaustion(core, op, stream, group, ids);
}

void Exhaust(Core& core, Op& op, Stream& stream, Group& group,
             std::span<const PendingRecord> records) {
  if (records.empty()) {
    return;
  }
  Settlement settlement(core, op, stream, group);
  for (const PendingRecord& record : records) {
    settlement.Exhaust(record);
  }
  settlement.Finish();
}

void SettleGone(Core& core, Op& op, Stream& stream, Group& group,
                std::span<const PendingRecord> records) {
  if (records.empty()) {
    return;
  }
  Settlement settlement(core, op, stream, group);
  for (const PendingRecord& record : records) {
    settlement.Settle(record);
  }
  settlement.Finish();
}

}  // namespace engine
