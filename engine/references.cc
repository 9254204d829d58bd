#include "engine/references.h"

#include <algorithm>

#include "engine/apply.h"
#include "engine/check.h"
#include "engine/entry_cursor.h"
#include "engine/limits.h"

namespace engine {
namespace {

// Null when no page can hold the id; a page in memory is asked by the caller.
const PageSlot* PageThatMayHold(const Group& group, StreamId id) {
  const size_t index = group.FindPage(id);
  if (index == group.pages.size()) {
    return nullptr;
  }
  const PageSlot& slot = group.pages[index];
  return slot.unit == nullptr && id > slot.last_id ? nullptr : &slot;
}

bool HasRecord(const Group& group, StreamId id) {
  const PageSlot* slot = PageThatMayHold(group, id);
  if (slot == nullptr) {
    return false;
  }
  CHECK(slot->unit != nullptr);
  return slot->unit->page.Contains(id);
}

// Visits the ids of a group's records with first <= id <= last. Missing pages are noted, and then
// the walk only notes further ones.
template <typename Visit>
void WalkIds(Core& core, Op& op, Group& group, StreamId first, StreamId last, Visit visit) {
  for (size_t i = group.FindPageAtOrAfter(first); i < group.pages.size(); ++i) {
    PageSlot& slot = group.pages[i];
    if (slot.first_id > last || op.needs.size() >= kLoadRoundItems) {
      return;
    }
    if (slot.unit == nullptr && slot.last_id < first) {
      continue;
    }
    const PendingPage* page = core.NeedPage(op, group, slot);
    if (page == nullptr) {
      continue;
    }
    for (auto at = page->Seek(first); at.valid() && at.id() <= last; at.Next()) {
      visit(at.id());
    }
  }
}

}  // namespace

bool IsUnread(const Stream& stream, StreamId id) {
  return !stream.positions.empty() && stream.positions.Lowest() < id;
}

bool IsPending(const Stream& stream, StreamId id, const Group* except) {
  return std::any_of(
      stream.groups_by_number.begin(), stream.groups_by_number.end(),
      [id, except](const Group* group) { return group != except && HasRecord(*group, id); });
}

void RequireReferences(Core& core, Op& op, Stream& stream, std::span<const StreamId> ids) {
  for (Group* group : stream.groups_by_number) {
    const PageSlot* previous = nullptr;
    for (const StreamId id : ids) {
      const PageSlot* slot = PageThatMayHold(*group, id);
      if (slot == nullptr || slot == previous) {
        continue;
      }
      if (op.needs.size() >= kLoadRoundItems) {
        return;
      }
      core.NeedPage(op, *group, group->pages[group->FindPage(id)]);
      previous = slot;
    }
  }
}

bool CollectPending(Core& core, Op& op, Stream& stream, StreamId first, StreamId last,
                    std::vector<StreamId>* ids) {
  const size_t needs_before = op.needs.size();
  for (Group* group : stream.groups_by_number) {
    WalkIds(core, op, *group, first, last, [ids](StreamId id) { ids->push_back(id); });
  }
  std::sort(ids->begin(), ids->end());
  ids->erase(std::unique(ids->begin(), ids->end()), ids->end());
  // A full round hides what else is missing.
  return op.needs.size() == needs_before && needs_before < kLoadRoundItems;
}

std::vector<DoomedRecords> RecordsBelow(Core& core, Op& op, Stream& stream, StreamId end) {
  std::vector<DoomedRecords> doomed;
  const StreamId last = end.IsZero() ? StreamId::Max() : *end.Previous();
  // Of an empty stream only an entry to come may be meant.
  const StreamId first = stream.length == 0 ? stream.last_id : stream.first_id;
  if (last < first) {
    return doomed;
  }
  for (Group* group : stream.groups_by_number) {
    DoomedRecords records{group->number, {}};
    WalkIds(core, op, *group, first, last, [&](StreamId id) {
      if (op.needs.size() < kLoadRoundItems && EntryExists(core, op, stream, id).value_or(false)) {
        records.ids.push_back(id);
      }
    });
    if (!records.ids.empty()) {
      doomed.push_back(std::move(records));
    }
  }
  return doomed;
}

void DropReferences(Core& core, Stream& stream, std::span<const StreamId> ids) {
  for (const Group* group : stream.groups_by_number) {
    std::vector<StreamId> held;
    std::copy_if(ids.begin(), ids.end(), std::back_inserter(held),
                 [group](StreamId id) { return HasRecord(*group, id); });
    if (!held.empty()) {
      Emit(core, stream, Acknowledged{group->number, held});
    }
  }
}

}  // namespace engine
