#include "engine/parked.h"

#include <algorithm>
#include <vector>

#include "engine/check.h"
#include "engine/exhaustion.h"
#include "engine/letter_box.h"
#include "engine/limits.h"

namespace engine {
namespace {

// Those with the lowest ids, as many as one step takes. Missing pages are noted; the answer is
// incomplete then.
std::vector<PendingRecord> OldestParked(Core& core, Op& op, const Stream& stream, Group& group) {
  std::vector<PendingRecord> oldest;
  ExhaustBudget budget;
  size_t wanted = kParkedPerStep;
  for (const StreamId first_id : group.parked_pages) {
    PageSlot& slot = group.pages[group.FindPage(first_id)];
    CHECK(slot.first_id == first_id);
    const PendingPage* page = core.NeedPage(op, group, slot);
    if (page == nullptr) {
      const size_t share = slot.OwnedBy(kParkedShare);
      if (share >= wanted) {
        break;
      }
      wanted -= share;
      continue;
    }
    for (auto at = page->Begin(); at.valid(); at.Next()) {
      PendingRecord record = at.record();
      if (!record.parked) {
        continue;
      }
      if (wanted == 0 || budget.spent()) {
        return oldest;
      }
      budget.Take(stream, record.id);
      oldest.push_back(std::move(record));
      --wanted;
    }
  }
  return oldest;
}

}  // namespace

bool MovesParked(Core& core, Group& group) {
  return group.parked_count > 0 && PolicyInForce(core, group).on_exhaust == OnExhaust::kDeadLetter;
}

void ExpectParked(Core& core, const Op& op, Stream& stream) {
  const bool any = std::any_of(stream.groups_by_number.begin(), stream.groups_by_number.end(),
                               [&](Group* group) { return MovesParked(core, *group); });
  if (any) {
    core.steward->Expect(stream, op.now.store_ms + kMoveParkedEveryMs);
  }
}

Result<TaskResult> MoveParked(Core& core, Op& op, Stream& stream) {
  TaskResult result;
  for (Group* group : stream.groups_by_number) {
    if (!MovesParked(core, *group)) {
      continue;
    }
    LetterBox box(core, op, stream, *group, PolicyInForce(core, *group));
    RETURN_IF_ERROR(box.Require(1));
    if (!box.Look()) {
      box.LogRefusal();
      result.next_ms = std::min(result.next_ms, op.now.store_ms + kMoveParkedEveryMs);
      continue;
    }
    const std::vector<PendingRecord> oldest = OldestParked(core, op, stream, *group);
    RETURN_IF_ERROR(core.CheckLoaded(op));
    RETURN_IF_ERROR(RequireForExhaustion(core, op, stream, *group, oldest));
    const int64_t parked_before = group->parked_count;
    Exhaust(core, op, stream, *group, oldest);
    const int64_t moved = parked_before - group->parked_count;
    const bool all_moved = moved == static_cast<int64_t>(oldest.size());
    if (group->parked_count > 0) {
      result.next_ms =
          std::min(result.next_ms, op.now.store_ms + (all_moved ? 0 : kMoveParkedEveryMs));
    }
    if (moved > 0) {
      // The other groups have their turn at once: what is missing for them must be found out before
      // the first effect of a step.
      result.next_ms = op.now.store_ms;
      return result;
    }
  }
  return result;
}

}  // namespace engine
