// The engine call that tells what became of a group's dead entries.
#include "engine/due.h"
#include "engine/engine.h"
#include "engine/exhaustion.h"
#include "engine/letter_box.h"
#include "engine/require.h"

namespace engine {
namespace {

// Opens only pages that may have something due.
Status CountDue(Core& core, Op& op, Group& group, int64_t* due) {
  DueIndex* const index = DueIndexOf(core, op.now, group);
  if (index == nullptr || PolicyInForce(core, group).paused) {
    return OkStatus();
  }
  return WalkLoaded(core, op, [&] {
    *due = 0;
    DueWalk walk(core, op, group, *index, INT64_MAX);
    while (walk.Next().has_value()) {
      ++*due;
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
