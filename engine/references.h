// References: what the groups of a stream hold of its entries (streams specification 4.3).
//
// An entry is referenced while some group has not read it yet, or has a pending record of it. The
// first is one comparison with the lowest position of all groups, the second one look-up in each
// group. Thread: loop.
#pragma once

#include <span>
#include <vector>

#include "engine/core.h"
#include "engine/stream.h"

namespace engine {

// Some group has yet to read the id.
bool IsUnread(const Stream& stream, StreamId id);
// Some group, `except` apart (may be null), has a pending record of it. Precondition:
// RequireReferences() has nothing to note for it.
bool IsPending(const Stream& stream, StreamId id, const Group* except);

// Notes the pages that may hold records of these ids in any group, a round of them at a time.
void RequireReferences(Core& core, Op& op, Stream& stream, std::span<const StreamId> ids);

// Appends the ids within the bounds that are pending in some group, ascending, each once. False if
// pages are missing, which are noted.
bool CollectPending(Core& core, Op& op, Stream& stream, StreamId first, StreamId last,
                    std::vector<StreamId>* ids);

// Pending records of one group that are to go together with their entries.
struct DoomedRecords {
  GroupNumber group = 0;
  std::vector<StreamId> ids;
};
// The records of live entries below `end` (0-0: of all entries). What is missing is noted, a round
// at a time; the answer is then incomplete.
std::vector<DoomedRecords> RecordsBelow(Core& core, Op& op, Stream& stream, StreamId end);

// Drops the records of these ids, ascending, from every group: an effect for each group that has
// any. Precondition: RequireReferences() has nothing to note.
void DropReferences(Core& core, Stream& stream, std::span<const StreamId> ids);

}  // namespace engine
