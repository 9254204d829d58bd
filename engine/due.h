// What is due, and what is done about it: `>` reads look for records that are due, blocked readers
// are woken when one falls due, and what may not be handed out again goes then, reader or not
// (delivery specification, section 4).
//
// A group finds its due pages through its DueIndex; only those are ever looked at, and loaded.
// Owner: the running call. Thread: loop.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/core.h"
#include "engine/delivery_order.h"
#include "engine/op.h"
#include "engine/steward.h"

namespace engine {

// Store time at which the record is due under the policy, which may be null; kNeverDue = not by
// itself. Knows of no grace after a start.
int64_t DueAt(const GroupPolicy* policy, const PendingRecord& record);
// Store time until which claims pass over the record: the end of its BACKOFF or DELAY. INT64_MIN
// when there is none.
int64_t HeldUntil(const GroupPolicy* policy, const PendingRecord& record);
bool HeldBack(const GroupPolicy* policy, const Op& op, const PendingRecord& record);
// Whether the next delivery of a record that was delivered `count` times is its last one, and goes
// alone.
bool GoesAlone(const GroupPolicy* policy, uint64_t count);
// New records that MAX-PENDING leaves room for when `settled` of the present ones go;
// INT64_MAX = any number.
int64_t RoomForNew(const GroupPolicy* policy, const Group& group, int64_t settled);

// Makes Group::due what the effective policy says. For Core::MakePolicy().
void RefreshDue(Core& core, Group& group);
// The group's index, up to date; null when nothing of it is ever due.
DueIndex* DueIndexOf(Core& core, Now now, Group& group);
// Has the stream attended to when the next record of the group falls due. For whoever has given the
// group a record, or another policy; may have an effect.
void ExpectDue(Core& core, Now now, Stream& stream, Group& group);

// Records that are due, the earliest first.
class DueWalk {
 public:
  // `wanted` is about how many the caller will take: so many are loaded at a time. Nothing may
  // change the group meanwhile.
  DueWalk(Core& core, Op& op, Group& group, DueIndex& index, int64_t wanted);

  // The next record. Nothing at the end, or when a page is missing, which op.needs tells then.
  std::optional<PendingRecord> Next();

 private:
  struct Due {
    int64_t due_ms = 0;
    PendingRecord record;
  };
  // Records of a page that are yet to come, the next one last.
  using Rest = std::vector<Due>;

  static bool ComesLater(const Due& a, const Due& b);
  static bool RestComesLater(const Rest& a, const Rest& b);
  // Null at the end.
  const DueIndex::Place* NextPage() const;
  // False when it is missing.
  bool Open(DueIndex::Place place);
  void NoteMissing(const DueIndex::Place& from);

  Core& core_;
  Op& op_;
  Group& group_;
  DueIndex& index_;
  const int64_t wanted_;
  std::optional<DueIndex::Place> newest_opened_;
  std::vector<Rest> opened_;  // A heap: the front has the next record.
};

// What a `>` read takes of the records that are due. As PlanClaim(); `follows_others`: the reply
// has entries already.
ClaimPlan PlanDue(Core& core, Op& op, Stream& stream, Group& group, const ClaimLimits& limits,
                  bool follows_others);

// The steward's task: tells of groups in which something has fallen due, and does away with what
// has fallen due but may not be handed out again.
Result<TaskResult> Redeliver(Core& core, Op& op, Stream& stream);

}  // namespace engine
