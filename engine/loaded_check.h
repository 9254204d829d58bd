// Whether what came from the store is what its owner's record says of it: a record may be sound by
// itself and belong to another time, or have been made by a defect. Effects are applied to what has
// passed. Thread: loop.
#pragma once

#include <string>

#include "engine/block.h"
#include "engine/directory.h"
#include "engine/group.h"
#include "engine/pending_page.h"
#include "engine/status.h"
#include "engine/stream.h"

namespace engine {

// The directory is in order, and has in all what the stream says of itself.
bool HasItsBlocks(const Stream& stream);
// `live_from`: the stream's first live id.
bool FitsDirectory(const Block& block, const BlockSlot& slot, StreamId live_from);
// The list of pages says the same of owners as the consumers and the group count.
bool HasItsPages(const Group& group);
bool FitsGroup(const PendingPage& page, const PageSlot& slot);
// What is wrong when a read of a part that must be there has failed.
Status MissingPart(const Status& status, const std::string& what);

}  // namespace engine
