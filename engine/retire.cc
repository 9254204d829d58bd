#include "engine/retire.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "engine/acked_trim.h"
#include "engine/apply.h"
#include "engine/check.h"
#include "engine/entry_cursor.h"
#include "engine/limits.h"
#include "engine/references.h"
#include "engine/require.h"
#include "engine/trim.h"

namespace engine {
namespace {

// The oldest live entry above `id`; 0-0: there is none. The blocks that tell are in memory.
StreamId FirstLiveAbove(const Stream& stream, StreamId id) {
  const auto next = id.Next();
  if (!next.has_value()) {
    return {};
  }
  const StreamId from = std::max(*next, stream.first_id);
  for (auto at = stream.directory.FindAtOrAfter(from); at.has_value();
       at = stream.directory.Next(*at)) {
    const BlockSlot& slot = stream.directory.At(*at);
    if (slot.last_id < from) {
      continue;
    }
    if (slot.WhollyLive() && from <= slot.first_id) {
      return slot.first_id;
    }
    CHECK(slot.unit != nullptr && slot.unit->block.complete());
    if (const auto found = slot.unit->block.FirstLiveAtOrAfter(from)) {
      return *found;
    }
  }
  return {};
}

// Removes live entries as a trim does. The oldest ones of the stream go by moving its first live
// id, so that a consumer which keeps up marks nothing.
void RemoveRanges(Core& core, Stream& stream, std::span<const IdRange> ranges) {
  const uint64_t length_before = stream.length;
  size_t at_front = 0;
  StreamId first = stream.first_id;
  while (at_front < ranges.size() && !first.IsZero() && ranges[at_front].first <= first &&
         first <= ranges[at_front].last) {
    first = FirstLiveAbove(stream, ranges[at_front].last);
    ++at_front;
  }
  if (at_front > 0) {
    Emit(core, stream, Trimmed{first});
  }
  if (at_front < ranges.size()) {
    Emit(core, stream, RangesTrimmed{ranges.subspan(at_front)});
  }
  Emit(core, stream, StreamCounted{{.retired = length_before - stream.length}});
  core.Tell(StreamEvent::Kind::kTrimmed, stream);
}

void SetState(Core& core, Stream& stream, Retirement state, StreamId from = {}) {
  if (stream.retirement != state || stream.sweep_from != from) {
    Emit(core, stream, RetirementSet{state, from});
  }
}

// Where a step of the sweep ends that begins at `from`: in front of this id.
std::optional<StreamId> EndOfStep(const Stream& stream, StreamId from) {
  std::optional<Directory::Place> at;
  if (!stream.directory.empty()) {
    at = stream.directory.FindAtOrAfter(from);
  }
  for (size_t blocks = 0; at.has_value() && blocks < kSweptBlocksPerStep; ++blocks) {
    at = stream.directory.Next(*at);
  }
  return at.has_value() ? std::optional<StreamId>(stream.directory.At(*at).first_id) : std::nullopt;
}

}  // namespace

void RequireForRetiring(Core& core, Op& op, Stream& stream, std::span<const StreamId> ids) {
  RequireForDelete(core, op, stream, ids);
  RequireReferences(core, op, stream, ids);
}

Status PrepareRetiring(Core& core, Op& op, Stream& stream, std::vector<StreamId> ids) {
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return LoadInRounds(core, op, [&] { RequireForRetiring(core, op, stream, ids); });
}

void RetireUnreferenced(Core& core, const Op& op, Stream& stream, std::span<const StreamId> ids) {
  if (!Retires(core, stream)) {
    SetState(core, stream, Retirement::kOff);
    return;
  }
  if (stream.retirement == Retirement::kOff) {
    BeginSweep(core, op, stream, stream.first_id);
  }
  std::vector<IdRange> unneeded;
  for (const StreamId id : ids) {
    if (!stream.positions.empty() && !IsUnread(stream, id) && FindLiveEntry(stream, id) &&
        !IsPending(stream, id, nullptr)) {
      unneeded.push_back({id, id});
    }
  }
  if (!unneeded.empty()) {
    RemoveRanges(core, stream, unneeded);
  }
}

void NoteGroupsChanged(Core& core, const Op& op, Stream& stream) {
  if (!MayRetire(core, stream)) {
    return;
  }
  if (Retires(core, stream)) {
    BeginSweep(core, op, stream, stream.first_id);
  } else {
    SetState(core, stream, Retirement::kOff);
  }
}

void BeginSweep(Core& core, const Op& op, Stream& stream, StreamId from) {
  if (stream.retirement == Retirement::kSweeping) {
    from = std::min(from, stream.sweep_from);
  }
  SetState(core, stream, Retirement::kSweeping, from);
  core.steward->Expect(stream, op.now.store_ms);
}

Result<TaskResult> SweepUnreferenced(Core& core, Op& op, Stream& stream) {
  if (stream.retirement != Retirement::kSweeping) {
    return TaskResult();
  }
  if (!Retires(core, stream)) {
    SetState(core, stream, Retirement::kOff);
    return TaskResult();
  }
  if (stream.positions.empty()) {
    SetState(core, stream, Retirement::kDone);  // A first group begins anew.
    return TaskResult();
  }
  const StreamId from = std::max(stream.sweep_from, stream.first_id);
  const auto end = EndOfStep(stream, from);
  TrimArgs args;
  args.strategy = TrimArgs::Strategy::kMinId;
  args.min_id = end.value_or(StreamId::Max());
  args.references = References::kRespect;
  std::vector<IdRange> ranges;
  RETURN_IF_ERROR(LoadInRounds(core, op, [&] {
    ranges = AckedTrim(core, op, stream, args, {.first_id = from}).Plan();
    if (op.needs.empty()) {
      RequireForRanges(core, op, stream, ranges);
    }
  }));
  if (!ranges.empty()) {
    RemoveRanges(core, stream, ranges);
  }
  if (!end.has_value() || *end > stream.positions.Lowest()) {
    SetState(core, stream, Retirement::kDone);
    return TaskResult();
  }
  SetState(core, stream, Retirement::kSweeping, *end);
  return TaskResult{op.now.store_ms + 1};  // In another turn: this one has had its part.
}

}  // namespace engine
