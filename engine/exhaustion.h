// What becomes of pending records whose deliveries are used up, or whose entry is gone.
// Thread: loop.
#pragma once

#include <span>

#include "engine/core.h"

namespace engine {

bool IsExhausted(const GroupPolicy* policy, const PendingRecord& record);
bool LeaseIsValid(const GroupPolicy* policy, const Op& op, const PendingRecord& record);
Status RequireForExhaustion(Core& core, Op& op, Stream& stream, Group& group,
                            std::span<const PendingRecord> records);
void Exhaust(Core& core, Op& op, Stream& stream, Group& group,
             std::span<const PendingRecord> records);
void SettleGone(Core& core, Op& op, Stream& stream, Group& group,
                std::span<const PendingRecord> records);

}  // namespace engine
