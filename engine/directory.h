// Directory: which blocks a stream has, with what trimming and counting need to know of each.
//
// Blocks are listed in pages of kDirectoryPageSlots. The last page is the open one; it is stored in
// the stream record, the others under keys of their own. Owner: Stream. Thread: loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/block.h"
#include "engine/codec.h"
#include "engine/stream_id.h"
#include "engine/unit.h"

namespace engine {

class Stream;

struct BlockUnit : Unit {
  BlockUnit(Stream* owner, Block content)
      : Unit(UnitKind::kBlock), stream(owner), block(std::move(content)) {}

  Stream* const stream;
  Block block;
};

struct BlockSlot {
  StreamId first_id;
  // Entries put into the block and not compacted away, deleted ones included.
  uint32_t entry_count = 0;
  uint32_t deleted_count = 0;  // Marked as deleted in the block.
  // Live: neither deleted nor below the stream's first live id.
  uint32_t live_count = 0;
  uint64_t live_data_bytes = 0;  // Lengths of all fields and values of the live entries.
  uint32_t node_count = 0;       // Nodes with a live entry.
  uint32_t byte_size = 0;        // Encoded bytes of all its entries.
  // No live entry is above it. Of the newest block it is the id of the newest entry, deleted or
  // not.
  StreamId last_id;
  // Ids that were once entries lie within it and are not in it: deleted entries have been dropped,
  // or blocks that came after it before it was the newest one again.
  bool compacted = false;
  bool on_disk = false;
  std::unique_ptr<BlockUnit> unit;  // Null when not in memory.

  BlockSummary Summary() const {
    return {last_id, entry_count, entry_count - deleted_count, byte_size};
  }
  // Every entry that was ever put into it is live: its first and last live ids, and whether it
  // holds an id that was once an entry, need no look into it.
  bool WhollyLive() const { return live_count == entry_count && !compacted; }
};

struct DirectoryPage : Unit {
  DirectoryPage(Stream* owner, uint32_t page_number)
      : Unit(UnitKind::kDirectoryPage), stream(owner), number(page_number) {}

  Stream* const stream;
  const uint32_t number;
  std::vector<BlockSlot> slots;  // Ascending by first id.
};

void PutDirectoryPage(std::string* out, const DirectoryPage& page);
// Fills `page`, whose slots are all on disk. Latches `decoder` on values out of range.
void ReadDirectoryPage(Decoder* decoder, DirectoryPage* page);

class Directory {
 public:
  // A place in the directory. Any change of the directory ends it.
  struct Place {
    size_t page = 0;
    size_t slot = 0;
    auto operator<=>(const Place&) const = default;
  };

  bool empty() const { return pages_.empty(); }
  BlockSlot& At(Place place) { return pages_[place.page]->slots[place.slot]; }
  const BlockSlot& At(Place place) const { return pages_[place.page]->slots[place.slot]; }
  DirectoryPage& PageAt(Place place) { return *pages_[place.page]; }

  // Preconditions: !empty().
  Place First() const { return {0, 0}; }
  Place Last() const;
  BlockSlot& Back() { return pages_.back()->slots.back(); }
  const BlockSlot& Back() const { return pages_.back()->slots.back(); }
  BlockSlot& Front() { return pages_.front()->slots.front(); }
  const BlockSlot& Front() const { return pages_.front()->slots.front(); }

  std::optional<Place> Next(Place place) const;
  std::optional<Place> Previous(Place place) const;
  // The block that holds `id` if any does: the last one that begins at or below it.
  std::optional<Place> Find(StreamId id) const;
  // Find(id), or the first block when `id` is below all of them; nothing only when empty.
  std::optional<Place> FindAtOrAfter(StreamId id) const;

  std::vector<std::unique_ptr<DirectoryPage>>& pages() { return pages_; }
  const std::vector<std::unique_ptr<DirectoryPage>>& pages() const { return pages_; }
  bool IsOpenPage(const DirectoryPage& page) const { return pages_.back().get() == &page; }
  size_t block_count() const;

 private:
  std::vector<std::unique_ptr<DirectoryPage>> pages_;  // None is empty.
};

}  // namespace engine
