// The engine call that tells what became of a group's dead entries.
#include "engine/engine.h"
#include "engine/exhaustion.h"
#include "engine/group_ops.h"
#include "engine/letter_box.h"
#include "engine/limits.h"
#include "engine/require.h"

namespace engine {
namespace {

bool IsDue(const GroupPolicy& policy, const Op& op, const PendingRecord& record) {
  const int64_t now_ms = op.now.store_ms;
  if (record.parked) {
    return false;
  }
  if (record.due_ms != 0) {
    return record.due_ms <= now_ms;
  }
  if (policy.ack_wait_ms == 0) {
    return false;
  }
  const int64_t backoff_ms = policy.backoff.After(record.count);
  return record.is_released()
             ? record.released_ms + backoff_ms <= now_ms
             : record.delivery_ms + std::max(policy.ack_wait_ms, backoff_ms) <= now_ms;
}

// Pages that can have nothing due are not looked at.
Status CountDue(Core& core, Op& op, Group& group, int64_t* due) {
  const GroupPolicy& policy = PolicyInForce(core, group);
  if (policy.paused) {
    return OkStatus();
  }
  return WalkLoaded(core, op, [&] {
    *due = 0;
    for (PageSlot& slot : group.pages) {
      const bool may_be_due = policy.ack_wait_ms > 0
                                  ? slot.oldest.delivery_ms <= op.now.store_ms - policy.ack_wait_ms
                                  : slot.OwnedBy(kNoConsumer) > 0;
      if (!may_be_due || op.needs.size() >= kObjectsPerLoad) {
        continue;
      }
      const PendingPage* page = core.NeedPage(op, group, slot);
      if (page == nullptr) {
        continue;
      }
      for (auto at = page->Begin(); at.valid(); at.Next()) {
        *due += IsDue(policy, op, at.record()) ? 1 : 0;
      }
    }
  });
}

DeadLetterInfo::Held HeldBy(const GroupPolicy& policy, const Group& group) {
  if (policy.paused) {
    return DeadLetterInfo::Held::kPaused;
  }
  return policy.max_pending > 0 && group.pending_count - group.parked_count >= policy.max_pending
             ? DeadLetterInfo::Held::kMaxPending
             : DeadLetterInfo::Held::kNo;
}

}  // namespace

Result<DeadLetterInfo> Engine::InspectDeadLetters(Op& op, Stream& stream, Group& group) {
  Core::Saw(op, stream);
  const GroupPolicy& policy = PolicyInForce(*core_, group);
  DeadLetterInfo info;
  info.counters = group.counters;
  info.parked = group.parked_count;
  info.held = HeldBy(policy, group);
  info.key = DeadLetterKeyOf(policy, stream, group);
  RETURN_IF_ERROR(CountDue(*core_, op, group, &info.due));
  if (info.key.empty()) {
    return info;
  }
  const Result<Stream*> letters = core_->FindStream(op, info.key);
  if (letters.ok()) {
    info.length = (*letters)->length;
    if ((*letters)->length > 0) {
      info.oldest_letter = (*letters)->first_id;
    }
  } else if (letters.code() != Code::kNotFound && letters.code() != Code::kWrongType) {
    return letters.status();
  }
  return info;
}

}  // namespace engine
