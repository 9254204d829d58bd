// Effects on a stream's entries and counters.
#include <algorithm>
#include <utility>
#include <vector>

#include "engine/apply.h"
#include "engine/apply_change.h"
#include "engine/check.h"
#include "engine/limits.h"
#include "engine/schema.h"

namespace engine {
namespace {

// Takes what goes from the stream while it lives from its database's totals.
class EntryCount {
 public:
  explicit EntryCount(const Stream& stream) : stream_(stream), before_(stream.length) {}
  ~EntryCount() { stream_.totals->entries -= static_cast<int64_t>(before_ - stream_.length); }
  EntryCount(const EntryCount&) = delete;
  EntryCount& operator=(const EntryCount&) = delete;

 private:
  const Stream& stream_;
  const uint64_t before_;
};

void TouchPlace(Core& core, Stream& stream, Directory::Place place) {
  DirectoryPage& page = stream.directory.PageAt(place);
  if (!stream.directory.IsOpenPage(page)) {
    core.checkpoint.Touch(page, 0);
  }
}

BlockUnit& TailOf(Core& core, Stream& stream, BlockSlot& slot) {
  if (slot.unit == nullptr) {
    return core.AttachBlock(stream, slot, Block::OpenTail(slot.first_id, slot.Summary()));
  }
  return *slot.unit;
}

BlockSlot& OpenBlock(Core& core, Stream& stream, StreamId first_id) {
  // A stream that has filled a block will most likely fill the next one as far.
  const size_t filled = stream.directory.empty() ? 0 : stream.directory.Back().byte_size;
  auto& pages = stream.directory.pages();
  if (!pages.empty() && stream.directory.Back().last_id >= first_id) {
    // XSETID went back below deleted entries at the end of the block. None of them is live, so the
    // block ends before the new one as far as anybody can see.
    stream.directory.Back().last_id = *first_id.Previous();
  }
  if (pages.empty() || pages.back()->slots.size() == kDirectoryPageSlots) {
    if (!pages.empty()) {
      core.checkpoint.Touch(*pages.back(), 0);  // It is closed now and gets a record of its own.
    }
    pages.push_back(std::make_unique<DirectoryPage>(&stream, stream.next_directory_page++));
  }
  BlockSlot slot;
  slot.first_id = first_id;
  slot.last_id = first_id;
  std::vector<BlockSlot>& slots = pages.back()->slots;
  slots.push_back(std::move(slot));
  Block block(first_id);
  if (filled >= kBlockTargetBytes / 2) {
    constexpr size_t kSlack = 512;
    block.Reserve(std::clamp(filled + kSlack, kBlockTargetBytes, 4 * kBlockTargetBytes));
  }
  core.AttachBlock(stream, slots.back(), std::move(block));
  return slots.back();
}

void DropPage(Core& core, Stream& stream, size_t index) {
  auto& pages = stream.directory.pages();
  DirectoryPage& page = *pages[index];
  const auto key = [&stream](const DirectoryPage& of) {
    return DirectoryPageKey(stream.physical_db, stream.uid, of.number);
  };
  core.checkpoint.BeforeDestroy(page, Family::kBlocks, key(page));
  const bool was_open = index + 1 == pages.size();
  if (was_open && index > 0) {
    // The page before it is the open one from now on, kept in the stream record.
    DirectoryPage& previous = *pages[index - 1];
    core.checkpoint.Touch(previous, 0);
    if (previous.on_disk) {
      core.checkpoint.DeleteLater(Family::kBlocks, key(previous));
      previous.on_disk = false;
    }
  }
  pages.erase(pages.begin() + static_cast<ptrdiff_t>(index));
}

// The block has no live entry left. Its place must have been touched.
void DropBlock(Core& core, Stream& stream, Directory::Place place) {
  BlockSlot& slot = stream.directory.At(place);
  const std::string key = BlockKey(stream.physical_db, stream.uid, slot.first_id);
  if (slot.unit != nullptr) {
    core.checkpoint.Touch(*slot.unit, 0);  // Its frozen state, if any, is encoded; marks on_disk.
    core.checkpoint.Forget(*slot.unit);
    core.cache.Remove(slot.unit.get());
  }
  if (slot.on_disk) {
    core.checkpoint.DeleteLater(Family::kBlocks, key);
  }
  auto& slots = stream.directory.PageAt(place).slots;
  slots.erase(slots.begin() + static_cast<ptrdiff_t>(place.slot));
  if (slots.empty()) {
    DropPage(core, stream, place.page);
  }
}

void ReopenNewestNode(Core& core, Stream& stream) {
  if (stream.directory.empty()) {
    stream.open_node.reset();
    return;
  }
  BlockSlot& slot = stream.directory.Back();
  CHECK(slot.unit != nullptr && slot.unit->block.complete());
  core.checkpoint.Touch(*slot.unit, 0);
  Block& block = slot.unit->block;
  // Else the next entry, which continues the node before, would stand behind the dead one's.
  block.DropDeadTail(stream.first_id);
  // The next entries follow ids that were entries once, of this block or of one that is gone.
  slot.compacted = true;
  slot.last_id = block.last_id();
  slot.entry_count = block.entry_count();
  slot.deleted_count = block.entry_count() - block.live_count();
  slot.byte_size = static_cast<uint32_t>(block.byte_size());
  const auto span = block.LastLiveNode(stream.first_id);
  CHECK(span.has_value());
  stream.open_node = RebuildNode(block, span->first_id, stream.first_id);
}

// Marks one live entry; what its node and block lose. Returns true if the newest node died.
bool DeleteOne(Core& core, Stream& stream, StreamId id) {
  const auto place = stream.directory.Find(id);
  CHECK(place.has_value());
  TouchPlace(core, stream, *place);
  BlockSlot& slot = stream.directory.At(*place);
  CHECK(slot.unit != nullptr && slot.unit->block.complete());
  core.checkpoint.Touch(*slot.unit, 16);
  Block& block = slot.unit->block;
  const auto entry = block.Find(id);
  CHECK(entry.has_value() && !entry->deleted);
  const uint64_t data_bytes = EntryDataBytes(entry->payload, entry->arg_count);
  CHECK(block.MarkDeleted(id));
  stream.newest_hole = std::max(stream.newest_hole, id);
  --slot.live_count;
  ++slot.deleted_count;
  slot.live_data_bytes -= data_bytes;
  --stream.length;
  stream.data_bytes -= data_bytes;
  const auto node = block.NodeContaining(id, stream.first_id);
  const bool is_open_node =
      stream.open_node.has_value() && node->first_id == stream.open_node->first_id;
  const bool node_died = node->live_count == 0;
  if (node_died) {
    --slot.node_count;
    --stream.node_count;
  }
  if (is_open_node) {
    MarkDeletedInNode(&*stream.open_node, 1);
  }
  const bool is_last = *place == stream.directory.Last();
  if (slot.live_count == 0) {
    DropBlock(core, stream, *place);
  } else if (!is_last && block.MostlyDead() && !block.InFlight()) {
    block.Compact();
    slot.entry_count = block.entry_count();
    slot.deleted_count = 0;
    slot.compacted = true;
    slot.byte_size = static_cast<uint32_t>(block.byte_size());
  }
  return is_open_node && node_died;
}

// Nothing live of the block stays; true if the newest node went with it.
bool DropWholeBlock(Core& core, Stream& stream, Directory::Place place) {
  TouchPlace(core, stream, place);
  const BlockSlot& slot = stream.directory.At(place);
  stream.length -= slot.live_count;
  stream.data_bytes -= slot.live_data_bytes;
  stream.node_count -= slot.node_count;
  const bool was_newest = place == stream.directory.Last();
  DropBlock(core, stream, place);
  return was_newest;
}

// Marks what is live of a block within the range; true if the newest node died.
bool DeleteWithin(Core& core, Stream& stream, const BlockSlot& slot, const IdRange& range) {
  CHECK(slot.unit != nullptr && slot.unit->block.complete());
  std::vector<StreamId> ids;
  for (Block::Cursor at = slot.unit->block.SeekAtOrAfter(std::max(range.first, stream.first_id));
       at.valid() && at.entry().id <= range.last; at.Next()) {
    if (!at.entry().deleted) {
      ids.push_back(at.entry().id);
    }
  }
  bool newest_node_died = false;
  for (const StreamId id : ids) {
    newest_node_died = DeleteOne(core, stream, id) || newest_node_died;
  }
  return newest_node_died;
}

// True if the newest node died.
bool TrimRange(Core& core, Stream& stream, const IdRange& range) {
  std::vector<StreamId> blocks;  // Places change as blocks are dropped; first ids do not.
  for (auto at = stream.directory.FindAtOrAfter(range.first);
       at.has_value() && stream.directory.At(*at).first_id <= range.last;
       at = stream.directory.Next(*at)) {
    if (stream.directory.At(*at).last_id >= range.first) {
      blocks.push_back(stream.directory.At(*at).first_id);
    }
  }
  bool newest_node_died = false;
  for (const StreamId first_id : blocks) {
    const Directory::Place place = *stream.directory.Find(first_id);
    const BlockSlot& slot = stream.directory.At(place);
    const bool is_within = range.first <= slot.first_id && slot.last_id <= range.last;
    newest_node_died = (is_within ? DropWholeBlock(core, stream, place)
                                  : DeleteWithin(core, stream, slot, range)) ||
                       newest_node_died;
  }
  return newest_node_died;
}

StreamId FirstLive(const Stream& stream) {
  if (stream.directory.empty()) {
    return {};
  }
  const BlockSlot& slot = stream.directory.Front();
  if (slot.WhollyLive()) {
    return slot.first_id;
  }
  CHECK(slot.unit != nullptr && slot.unit->block.complete());
  return *slot.unit->block.FirstLiveAtOrAfter(std::max(stream.first_id, slot.first_id));
}

StreamId LastLive(const Stream& stream) {
  if (stream.directory.empty()) {
    return {};
  }
  const BlockSlot& slot = stream.directory.Back();
  if (slot.WhollyLive()) {
    return slot.last_id;
  }
  CHECK(slot.unit != nullptr && slot.unit->block.complete());
  return *slot.unit->block.LastLiveAtOrBefore(StreamId::Max(), stream.first_id);
}

// The first block loses its live entries below `first_id`, but not all of them.
void TrimInsideFirstBlock(Core& core, Stream& stream, StreamId first_id) {
  const Directory::Place place = stream.directory.First();
  TouchPlace(core, stream, place);
  BlockSlot& slot = stream.directory.At(place);
  CHECK(slot.unit != nullptr && slot.unit->block.complete());
  Block& block = slot.unit->block;
  uint64_t data_bytes = 0;
  uint32_t count = 0;
  uint32_t count_in_open_node = 0;
  uint32_t nodes = 0;
  bool in_live_node = false;
  const StreamId old_first = std::max(stream.first_id, slot.first_id);
  Block::Cursor at = block.SeekAtOrAfter(old_first);
  for (; at.valid() && at.entry().id < first_id; at.Next()) {
    if (at.entry().opens_node) {
      nodes += in_live_node ? 1 : 0;
      in_live_node = false;
    }
    if (at.entry().deleted) {
      continue;
    }
    in_live_node = true;
    data_bytes += EntryDataBytes(at.entry().payload, at.entry().arg_count);
    ++count;
    if (stream.open_node.has_value() && at.entry().id >= stream.open_node->first_id) {
      ++count_in_open_node;
    }
  }
  // The node that `first_id` cuts lives on if a live entry of it stays.
  while (at.valid() && at.entry().deleted && !at.entry().opens_node) {
    at.Next();
  }
  nodes += in_live_node && (!at.valid() || at.entry().opens_node) ? 1 : 0;
  stream.node_count -= nodes;
  slot.node_count -= nodes;
  slot.live_count -= count;
  slot.live_data_bytes -= data_bytes;
  stream.length -= count;
  stream.data_bytes -= data_bytes;
  if (count_in_open_node > 0) {
    MarkDeletedInNode(&*stream.open_node, count_in_open_node);
  }
  CHECK(slot.live_count > 0);
}

}  // namespace

uint64_t EntryDataBytes(std::string_view payload, uint32_t arg_count) {
  uint64_t total = 0;
  const char* at = payload.data();
  for (uint32_t i = 0; i < arg_count; ++i) {
    uint64_t length = 0;
    for (++at; *at != '\r'; ++at) {
      length = length * 10 + static_cast<uint64_t>(*at - '0');
    }
    total += length;
    at += length + 4;
  }
  return total;
}

void Apply(Core& core, Stream& stream, const StreamCreated& effect) {
  Change(core, stream, 0);
  stream.idmp_duration_s = effect.idmp_duration_s;
  stream.idmp_max_size = effect.idmp_max_size;
}

void Apply(Core& core, Stream& stream, const EntryAdded& effect) {
  Change(core, stream, 0);
  BlockSlot& slot =
      effect.opens_block ? OpenBlock(core, stream, effect.id) : stream.directory.Back();
  BlockUnit& unit = TailOf(core, stream, slot);
  const size_t bytes = effect.payload.size() + 12;
  core.checkpoint.Touch(unit, bytes);
  unit.referenced = true;
  unit.block.Append(effect.id, effect.opens_node, effect.arg_count, effect.payload);
  core.cache.Grow(&unit, bytes);
  slot.last_id = effect.id;
  ++slot.entry_count;
  ++slot.live_count;
  slot.live_data_bytes += effect.data_bytes;
  slot.byte_size = static_cast<uint32_t>(unit.block.byte_size());
  if (effect.opens_node) {
    if (!stream.open_node.has_value()) {
      stream.open_node.emplace();
    }
    StartNode(&*stream.open_node, effect.id, effect.payload, effect.arg_count);
    ++slot.node_count;
    ++stream.node_count;
  } else {
    ExtendNode(&*stream.open_node, effect.id, effect.payload, effect.arg_count);
  }
  ++stream.length;
  ++stream.totals->entries;
  ++stream.entries_added;
  stream.data_bytes += effect.data_bytes;
  stream.last_id = effect.id;
  stream.last_live_id = effect.id;
  if (stream.length == 1) {
    stream.first_id = effect.id;
  }
  if (stream.first_node.live_count != 0 && stream.node_count == 1) {
    ++stream.first_node.live_count;
    stream.first_node.last_id = effect.id;
  }
}

void Apply(Core& core, Stream& stream, const EntriesDeleted& effect) {
  Change(core, stream, 0);
  const EntryCount count(stream);
  bool newest_node_died = false;
  const bool first_went = effect.ids.front() == stream.first_id;
  const bool last_went = effect.ids.back() == stream.last_live_id;
  for (const StreamId id : effect.ids) {
    newest_node_died = DeleteOne(core, stream, id) || newest_node_died;
    stream.max_deleted = std::max(stream.max_deleted, id);
  }
  if (newest_node_died) {
    ReopenNewestNode(core, stream);
  }
  if (first_went) {
    stream.first_id = FirstLive(stream);
  }
  if (last_went) {
    stream.last_live_id = LastLive(stream);
  }
  stream.first_node = {};
}

void Apply(Core& core, Stream& stream, const Trimmed& effect) {
  Change(core, stream, 0);
  const EntryCount count(stream);
  Directory& directory = stream.directory;
  while (!directory.empty() &&
         (effect.first_id.IsZero() || directory.Front().last_id < effect.first_id)) {
    const Directory::Place place = directory.First();
    TouchPlace(core, stream, place);
    const BlockSlot& slot = directory.At(place);
    stream.length -= slot.live_count;
    stream.data_bytes -= slot.live_data_bytes;
    stream.node_count -= slot.node_count;
    DropBlock(core, stream, place);
  }
  if (directory.empty()) {
    stream.open_node.reset();
    stream.first_id = {};
    stream.last_live_id = {};
  } else {
    if (directory.Front().first_id < effect.first_id) {
      TrimInsideFirstBlock(core, stream, effect.first_id);
    }
    stream.first_id = effect.first_id;
  }
  stream.first_node = {};
}

void Apply(Core& core, Stream& stream, const RangesTrimmed& effect) {
  Change(core, stream, 0);
  const EntryCount count(stream);
  const StreamId first = stream.first_id;
  const StreamId last = stream.last_live_id;
  bool newest_node_died = false;
  for (const IdRange& range : effect.ranges) {
    newest_node_died = TrimRange(core, stream, range) || newest_node_died;
  }
  if (newest_node_died) {
    ReopenNewestNode(core, stream);
  }
  if (effect.ranges.front().first <= first && first <= effect.ranges.front().last) {
    stream.first_id = FirstLive(stream);
  }
  if (effect.ranges.back().first <= last && last <= effect.ranges.back().last) {
    stream.last_live_id = LastLive(stream);
  }
  stream.first_node = {};
}

void Apply(Core& core, Stream& stream, const IdSet& effect) {
  Change(core, stream, 0);
  stream.ids_went_back = stream.ids_went_back || effect.last_id < stream.last_id;
  stream.last_id = effect.last_id;
  stream.entries_added = effect.entries_added;
  stream.max_deleted = effect.max_deleted;
}

}  // namespace engine
