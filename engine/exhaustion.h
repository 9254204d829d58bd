// What becomes of pending records whose deliveries are used up, or whose entry is gone (delivery
// specification, section 3): a dead letter, parked, or dropped, as the group's policy says.
//
// All of it is effects of the running turn, and so one commit. Whoever hands out pending records
// asks FateOf() first. Thread: loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "engine/core.h"
#include "engine/limits.h"

namespace engine {

// The group's effective policy, also when all of it is default.
const GroupPolicy& PolicyInForce(Core& core, Group& group);

// `policy` is the group's effective one, null when all of it is default.

// The record has had all the deliveries that it may have, or was called fatal where that counts.
bool IsExhausted(const GroupPolicy* policy, const PendingRecord& record);
// Its owner may still be at work: it has one, ACK-WAIT is on, and the record is not idle so long.
bool LeaseIsValid(const GroupPolicy* policy, const Op& op, const PendingRecord& record);
// XNACK FATAL exhausts an entry at once.
bool FatalCounts(const GroupPolicy* policy);
// Records whose entry is gone are settled when a claim or a timer meets them.
bool SettlesGone(const GroupPolicy* policy);

// What a read or claim that would hand the record out does with it; its entry exists.
enum class Fate : uint8_t { kHandOut, kPassOver, kExhaust };
Fate FateOf(const GroupPolicy* policy, const Op& op, const PendingRecord& record);

// How much one call may exhaust, so that its turn does not get long.
class ExhaustBudget {
 public:
  bool spent() const { return records_ >= kExhaustedPerCall || bytes_ >= kExhaustedBytesPerCall; }
  void Take(const Stream& stream, StreamId id);

 private:
  size_t records_ = 0;
  uint64_t bytes_ = 0;
};

// All that Exhaust() and SettleGone() will look at is in memory, the dead-letter stream included.
// kNotLoaded, and op.needs, otherwise.
Status RequireForExhaustion(Core& core, Op& op, Stream& stream, Group& group,
                            std::span<const StreamId> ids);
Status RequireForExhaustion(Core& core, Op& op, Stream& stream, Group& group,
                            std::span<const PendingRecord> records);

// Each record is exhausted: it is pending, and its count, reason and whether it is fatal are as
// they are to be told. A record whose entry is gone is settled. Effects and events.
void Exhaust(Core& core, Op& op, Stream& stream, Group& group,
             std::span<const PendingRecord> records);
// The entries of these records are gone from the stream: the records go, whatever their count, and
// with a cap and DEADLETTER a letter tells of each.
void SettleGone(Core& core, Op& op, Stream& stream, Group& group,
                std::span<const PendingRecord> records);

}  // namespace engine
