#include "engine/exhaustion.h"

#include <algorithm>
#include <vector>

#include "engine/apply.h"
#include "engine/group_ops.h"

namespace engine {
namespace {

void Drop(Core& core, Stream& stream, Group& group, std::span<const PendingRecord> records) {
  std::vector<StreamId> ids;
  for (const PendingRecord& record : records) {
    ids.push_back(record.id);
  }
  std::sort(ids.begin(), ids.end());
  if (!ids.empty()) {
    Emit(core, stream, Acknowledged{group.number, ids});
  }
}

}  // namespace

bool IsExhausted(const GroupPolicy* policy, const PendingRecord& record) {
  return policy != nullptr && policy->max_deliveries > 0 &&
         record.count >= static_cast<uint64_t>(policy->max_deliveries);
}

bool LeaseIsValid(const GroupPolicy* policy, const Op& op, const PendingRecord& record) {
  return policy != nullptr && policy->ack_wait_ms > 0 && !record.is_released() &&
         IdleMs(op, record) < policy->ack_wait_ms;
}

Status RequireForExhaustion(Core&, Op&, Stream&, Group&, std::span<const PendingRecord>) {
  return OkStatus();
}

void Exhaust(Core& core, Op&, Stream& stream, Group& group,
             std::span<const PendingRecord> records) {
  Drop(core, stream, group, records);
}

void SettleGone(Core& core, Op&, Stream& stream, Group& group,
                std::span<const PendingRecord> records) {
  Drop(core, stream, group, records);
}

}  // namespace engine
