#include "engine/loaded_check.h"

#include <algorithm>
#include <cstdint>

#include "absl/container/flat_hash_map.h"

namespace engine {

bool HasItsBlocks(const Stream& stream) {
  uint64_t length = 0;
  uint64_t data_bytes = 0;
  uint64_t nodes = 0;
  const BlockSlot* previous = nullptr;
  for (const auto& page : stream.directory.pages()) {
    for (const BlockSlot& slot : page->slots) {
      if (previous != nullptr && slot.first_id <= previous->last_id) {
        return false;
      }
      previous = &slot;
      length += slot.live_count;
      data_bytes += slot.live_data_bytes;
      nodes += slot.node_count;
    }
    if (page->slots.empty()) {
      return false;
    }
  }
  if (length != stream.length || data_bytes != stream.data_bytes || nodes != stream.node_count ||
      stream.open_node.has_value() != (length > 0)) {
    return false;
  }
  if (length == 0) {
    return previous == nullptr;
  }
  const BlockSlot& oldest = stream.directory.pages().front()->slots.front();
  return stream.first_id >= oldest.first_id && stream.first_id <= oldest.last_id &&
         stream.last_live_id >= previous->first_id && stream.last_live_id <= previous->last_id &&
         stream.last_id >= stream.last_live_id && stream.length <= stream.entries_added;
}

bool FitsDirectory(const Block& block, const BlockSlot& slot, StreamId live_from) {
  // The newest entries of a compacted block may be gone from it.
  return block.entry_count() == slot.entry_count &&
         block.entry_count() - block.live_count() == slot.deleted_count &&
         block.LiveNodeCount(live_from) == slot.node_count &&
         (slot.compacted ? block.last_id() <= slot.last_id : block.last_id() == slot.last_id);
}

bool HasItsPages(const Group& group) {
  int64_t total = 0;
  int64_t parked = 0;
  absl::flat_hash_map<ConsumerNumber, int64_t> owned;
  for (const PageSlot& slot : group.pages) {
    int64_t of_page = 0;
    for (const PendingPage::OwnerShare& share : slot.owners) {
      owned[share.owner] += share.count;
      of_page += share.count;
    }
    if (of_page != slot.count) {
      return false;
    }
    total += of_page;
  }
  const auto parked_share = owned.extract(kParkedShare);
  parked = parked_share.empty() ? 0 : parked_share.mapped();
  int64_t nobodys = total - parked;
  for (const Consumer* consumer : group.consumers_by_number) {
    const auto share = owned.extract(consumer->number);
    const int64_t count = share.empty() ? 0 : share.mapped();
    if (count != consumer->pending_count) {
      return false;
    }
    nobodys -= count;
  }
  // What is left has no owner.
  owned.erase(kNoConsumer);
  return owned.empty() && total == group.pending_count && parked == group.parked_count &&
         nobodys + parked == group.released_count;
}

bool FitsGroup(const PendingPage& page, const PageSlot& slot) {
  return page.count() == slot.count && page.first_id() == slot.first_id &&
         page.last_id() == slot.last_id &&
         std::all_of(slot.owners.begin(), slot.owners.end(), [&page](const auto& share) {
           return page.OwnedBy(share.owner) == share.count;
         });
}

Status MissingPart(const Status& status, const std::string& what) {
  return status.code() == Code::kNotFound ? Status(Code::kCorruption, what + " is missing")
                                          : status;
}

}  // namespace engine
