// RETAIN UNACKED: entries go once every group has read and acknowledged them (delivery
// specification, section 1).
//
// A call after which entries may be unneeded says which ones, and they go within it; where it
// cannot say, after a change of the groups, a sweep goes through the stream in the background
// (engine/retirement.h). What goes counts as trimmed. Thread: loop.
#pragma once

#include <span>
#include <vector>

#include "engine/core.h"
#include "engine/op.h"
#include "engine/steward.h"
#include "engine/stream.h"

namespace engine {

// Whether the stream has the option.
inline bool Retires(Core& core, Stream& stream) {
  const StreamPolicy* policy = core.PolicyOf(stream);
  return policy != nullptr && policy->retain == Retain::kUnacked;
}
// Whether the calls below have anything to do.
inline bool MayRetire(Core& core, Stream& stream) {
  return core.PolicyOf(stream) != nullptr || stream.retirement != Retirement::kOff;
}

// Sees to it that all is in memory that RetireUnreferenced() needs for any of these ids, which may
// be in any order (kNotLoaded otherwise). The stream has the option.
Status PrepareRetiring(Core& core, Op& op, Stream& stream, std::vector<StreamId> ids);
// The same for ascending ids, in calls that have more to load: notes a round of it.
void RequireForRetiring(Core& core, Op& op, Stream& stream, std::span<const StreamId> ids);
// After the effects of a call by which groups have parted with these ids, ascending: those that are
// entries which no group needs any more go. All that the call above notes is in memory.
void RetireUnreferenced(Core& core, const Op& op, Stream& stream, std::span<const StreamId> ids);

// A group came, went or moved, or the policy is another one: any entry may be unneeded now.
void NoteGroupsChanged(Core& core, const Op& op, Stream& stream);
// Unneeded entries may be from this id on.
void BeginSweep(Core& core, const Op& op, Stream& stream, StreamId from);

// Tasks of the steward.
Result<TaskResult> SweepUnreferenced(Core& core, Op& op, Stream& stream);
Result<TaskResult> TrimAged(Core& core, Op& op, Stream& stream);  // engine/bounds.cc

}  // namespace engine
