// Engine calls that remove chosen entries with regard to the groups that hold them (streams
// specification sections 8 and 13).
#include <algorithm>

#include "engine/apply.h"
#include "engine/engine.h"
#include "engine/entry_cursor.h"
#include "engine/group_ops.h"
#include "engine/limits.h"
#include "engine/references.h"
#include "engine/require.h"

namespace engine {
namespace {

std::vector<StreamId> SortedUnique(std::span<const StreamId> ids) {
  std::vector<StreamId> sorted(ids.begin(), ids.end());
  std::sort(sorted.begin(), sorted.end());
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  return sorted;
}

// A round of what removing any of `ids` (ascending) takes.
void RequireForRemoval(Core& core, Op& op, Stream& stream, References references,
                       std::span<const StreamId> ids) {
  RequireForDelete(core, op, stream, ids);
  if (references != References::kKeep) {
    RequireReferences(core, op, stream, ids);
  }
}

// The ids of one removal that have been dealt with: ascending, each once.
class IdMarks {
 public:
  explicit IdMarks(std::span<const StreamId> ids) : ids_(ids), marked_(ids.size(), false) {}

  void Mark(StreamId id) { marked_[IndexOf(id)] = true; }
  bool IsMarked(StreamId id) const { return marked_[IndexOf(id)]; }
  std::vector<StreamId> Marked() const {
    std::vector<StreamId> out;
    for (size_t i = 0; i < ids_.size(); ++i) {
      if (marked_[i]) {
        out.push_back(ids_[i]);
      }
    }
    return out;
  }

 private:
  size_t IndexOf(StreamId id) const {
    return static_cast<size_t>(std::lower_bound(ids_.begin(), ids_.end(), id) - ids_.begin());
  }

  std::span<const StreamId> ids_;
  std::vector<bool> marked_;
};

void EmitDeleted(Core& core, Stream& stream, const std::vector<StreamId>& ids) {
  if (!ids.empty()) {
    Emit(core, stream, EntriesDeleted{ids});
  }
}

}  // namespace

Result<RemovalResult> Engine::RemoveEntries(Op& op, Stream& stream, References references,
                                            std::span<const StreamId> ids) {
  const std::vector<StreamId> sorted = SortedUnique(ids);
  RETURN_IF_ERROR(
      LoadInRounds(*core_, op, [&] { RequireForRemoval(*core_, op, stream, references, sorted); }));
  RemovalResult result;
  IdMarks gone(sorted);
  for (const StreamId id : ids) {
    if (references == References::kRespect &&
        (IsUnread(stream, id) || IsPending(stream, id, nullptr))) {
      result.outcomes.push_back(Removal::kReferenced);
    } else if (!gone.IsMarked(id) && FindLiveEntry(stream, id).has_value()) {
      gone.Mark(id);
      result.outcomes.push_back(Removal::kRemoved);
    } else {
      result.outcomes.push_back(Removal::kMissing);
    }
  }
  if (references == References::kDrop) {
    DropReferences(*core_, stream, sorted);  // Of entries that are gone already, too.
  }
  const std::vector<StreamId> deleted = gone.Marked();
  EmitDeleted(*core_, stream, deleted);
  result.removed_entries = static_cast<int64_t>(deleted.size());
  Core::Saw(op, stream);
  return result;
}

Result<RemovalResult> Engine::AcknowledgeAndRemove(Op& op, Stream& stream, Group& group,
                                                   References references,
                                                   std::span<const StreamId> ids) {
  const std::vector<StreamId> sorted = SortedUnique(ids);
  RETURN_IF_ERROR(LoadInRounds(*core_, op, [&] {
    RequirePending(*core_, op, group, sorted);
    RequireForRemoval(*core_, op, stream, references, sorted);
  }));
  RemovalResult result;
  IdMarks acknowledged(sorted);
  IdMarks doomed(sorted);
  for (const StreamId id : ids) {
    if (acknowledged.IsMarked(id) || !FindRecord(group, id).has_value()) {
      result.outcomes.push_back(Removal::kMissing);
      continue;
    }
    acknowledged.Mark(id);
    if (references == References::kRespect &&
        (IsUnread(stream, id) || IsPending(stream, id, &group))) {
      result.outcomes.push_back(Removal::kReferenced);
      continue;
    }
    doomed.Mark(id);
    result.outcomes.push_back(Removal::kRemoved);
  }
  const std::vector<StreamId> records = acknowledged.Marked();
  if (references == References::kDrop) {
    DropReferences(*core_, stream, records);
  } else if (!records.empty()) {
    Emit(*core_, stream, Acknowledged{group.number, records});
  }
  std::vector<StreamId> deleted = doomed.Marked();
  std::erase_if(deleted, [&stream](StreamId id) { return !FindLiveEntry(stream, id).has_value(); });
  EmitDeleted(*core_, stream, deleted);
  result.removed_entries = static_cast<int64_t>(deleted.size());
  Core::Saw(op, stream);
  return result;
}

}  // namespace engine
