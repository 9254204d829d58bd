// A block: a run of entries of one stream, in order of arrival, ids strictly increasing.
//
// In memory the entries are one byte buffer; on disk they are a sequence of self-contained segments
// under the key (uid, first id): a Put opens the value, Merges append to it (concatenation).
// Decoding tolerates repeated segments, so a checkpoint of unknown outcome may simply be handed out
// again. Byte layout: docs/disk-format-block.md.
//
// A block can be tail-only: entries that are durable in the store were dropped from memory (or
// never loaded) and only what was appended since is here. Appending works on such a block; calls
// that need an entry below the tail require Covers() and are otherwise a bug of the caller.
//
// Trimming never touches blocks: the stream's first live id moves. Hence the calls with
// `live_from`, below which every entry counts as dead. A deleted entry stays, marked, until
// Compact().
//
// Owner: the stream's cache entry. Thread: loop. Views and cursors die with the next Append,
// Compact, MergeOlder or DropSavedPrefix; MarkDeleted keeps them valid but not their `deleted`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/status.h"
#include "engine/stream_id.h"

namespace engine {

struct EntryView {
  StreamId id;
  uint32_t arg_count = 0;    // Fields and values together, always even.
  std::string_view payload;  // The bulk strings in wire form, exactly as sent.
  bool opens_node = false;
  bool deleted = false;
};

// A node as `~` trimming sees it: an entry that opens one and the entries up to the next such.
// Never spans blocks.
struct NodeSpan {
  StreamId first_id;         // The entry that opened it, deleted or not.
  StreamId last_id;          // Its newest entry, deleted or not.
  uint32_t entry_count = 0;  // Deleted ones included.
  uint32_t live_count = 0;
};

// What the stream record keeps of the open block, enough to append without loading it.
struct BlockSummary {
  StreamId last_id;
  uint32_t entry_count = 0;
  uint32_t live_count = 0;
  uint32_t byte_size = 0;
};

class Block {
 public:
  class Cursor;

  // An empty block, unknown to the store. The first entry appended must have this id.
  explicit Block(StreamId first_id);
  Block(Block&&) = default;
  Block& operator=(Block&&) = default;
  // Tail-only, with an empty tail: the store has everything `summary` speaks of.
  static Block OpenTail(StreamId first_id, const BlockSummary& summary);
  // The stored value of the key that ends in `first_id`. kCorruption unless every byte is accounted
  // for.
  static Result<Block> Decode(StreamId first_id, std::string_view stored);
  // Completes a tail-only block with the stored value. kCorruption also if the value does not have
  // the counts this block remembers; the block is then unchanged.
  Status MergeOlder(std::string_view stored);

  StreamId first_id() const { return first_id_; }
  // Of the newest entry, deleted or not; an entry that Compact() dropped still counts.
  StreamId last_id() const { return last_id_; }
  uint32_t entry_count() const { return entry_count_; }  // Deleted ones included.
  uint32_t live_count() const { return live_count_; }  // Not marked; `live_from` is not considered.
  // Encoded bytes of all entries, in memory or not. Decides when a block is full.
  size_t byte_size() const { return older_bytes_ + bytes_.size(); }
  // Heap and object, for the cache budget.
  size_t memory_bytes() const;
  // Where the next entry's bytes will be, unless they have to move.
  const char* end_of_bytes() const { return bytes_.data() + bytes_.size(); }
  BlockSummary Summary() const;

  bool complete() const { return complete_; }
  // Whether every entry with an id at or above `id` is in memory.
  bool Covers(StreamId id) const { return complete_ || id > older_last_id_; }

  // Preconditions: `id` is above last_id(); the very first entry has the block's first id and opens
  // a node.
  void Append(StreamId id, bool opens_node, uint32_t arg_count, std::string_view payload);
  // False if there is no such entry or it is marked already. Precondition: Covers(id).
  bool MarkDeleted(StreamId id);

  // To be called when the newest live node of the stream has died and this block has the one
  // before: drops the dead entries behind it, so that the next entry continues that node and is not
  // taken for part of the dead one. last_id() moves back to its newest entry. Preconditions:
  // complete(), a live entry at or after `live_from`.
  void DropDeadTail(StreamId live_from);

  // Reading. Cursors visit deleted entries too. On a tail-only block all these see the tail only,
  // and the caller makes sure by Covers() that this is enough.
  Cursor Begin() const;
  Cursor Last() const;
  Cursor SeekAtOrAfter(StreamId id) const;
  Cursor SeekAtOrBefore(StreamId id) const;
  // Live or deleted (see the flag); nothing if there is no such entry.
  std::optional<EntryView> Find(StreamId id) const;

  // Live entries with live_from <= id < below.
  uint32_t CountLiveBelow(StreamId live_from, StreamId below) const;
  // The live entry that has `skip` live entries at or after `live_from` before it; nothing if too
  // few.
  std::optional<StreamId> NthLive(StreamId live_from, uint32_t skip) const;
  std::optional<StreamId> FirstLiveAtOrAfter(StreamId id) const;
  // Ignores entries below `live_from`.
  std::optional<StreamId> LastLiveAtOrBefore(StreamId id, StreamId live_from) const;

  // Nodes. Precondition of all: complete().
  // The node of the newest entry at or below `id`; nothing if `id` is below the first entry.
  std::optional<NodeSpan> NodeContaining(StreamId id, StreamId live_from) const;
  // The first and last node that have a live entry at or after `live_from`.
  std::optional<NodeSpan> FirstLiveNode(StreamId live_from) const;
  std::optional<NodeSpan> LastLiveNode(StreamId live_from) const;
  // How many nodes have a live entry at or after `live_from`.
  uint32_t LiveNodeCount(StreamId live_from) const;

  // Checkpoints. What was encoded is "in flight" until one of Confirm and Revert; one at a time.
  enum class WriteAs : uint8_t { kPut, kMerge };
  bool HasUnsaved() const;
  bool InFlight() const { return in_flight_; }
  // Appends to `out` what no checkpoint has yet and says how it must be written: kPut replaces the
  // value of the key (a block new to the store, or compacted), kMerge extends it. Preconditions:
  // HasUnsaved(), !InFlight().
  WriteAs EncodeUnsaved(std::string* out);
  // In-flight data is durable in the store.
  void ConfirmSaved();
  // The checkpoint failed, durable or not: the next EncodeUnsaved hands the data out again.
  void RevertSaved();

  // Whether so much is deleted that rewriting the block is worth it.
  bool MostlyDead() const { return live_count_ < entry_count_ / 2; }
  // Drops deleted entries for good; the next EncodeUnsaved is a Put of the whole block. first_id()
  // and last_id() stay. Where a dropped entry opened a node, the node's next kept entry opens it.
  // Preconditions: complete(), !InFlight(), live_count() > 0.
  void Compact();

  // Frees what is durable in the store and leaves a tail-only block. False (and no change) if
  // nothing can be freed or a checkpoint is in flight.
  bool DropSavedPrefix();
  // Room for that many bytes of entries in all: spares a block that will fill up its growing pains.
  void Reserve(size_t bytes) { bytes_.reserve(bytes); }

 private:
  void EnsureIndex() const;
  void ForgetIndex();
  StreamId IdAt(size_t index) const;
  size_t IndexLowerBound(StreamId id) const;
  NodeSpan SpanAround(size_t index, StreamId live_from) const;
  Status AddSegment(std::string_view* rest);
  Status AddEntries(std::string_view body);
  Status AddDeletions(std::string_view body);
  Status AddCut(std::string_view body);
  void CutAfter(StreamId id);
  Status Corrupt(std::string_view what) const;

  StreamId first_id_;
  StreamId last_id_;
  StreamId older_last_id_;  // Newest entry that is not in memory; meaningful if !complete_.
  uint32_t entry_count_ = 0;
  uint32_t live_count_ = 0;
  uint32_t older_entry_count_ = 0;
  uint32_t older_live_count_ = 0;
  uint32_t older_bytes_ = 0;
  bool complete_ = true;
  bool in_store_ = false;  // The store has a value to merge to.
  bool in_flight_ = false;
  uint32_t saved_end_ = 0;   // Entry bytes below are durable...
  uint32_t flight_end_ = 0;  // ...and below this handed to a checkpoint. saved_end_ <= flight_end_.
  uint32_t last_offset_ = 0;          // Where the newest entry in memory begins, if any is.
  mutable uint32_t indexed_end_ = 0;  // Entry bytes that offsets_ covers.
  std::string bytes_;
  // Where each entry in memory begins. A cache: built by the first seek, extended by later ones.
  mutable std::vector<uint32_t> offsets_;
  std::vector<StreamId> unsaved_deletions_;  // Of entries below flight_end_.
  std::vector<StreamId> flight_deletions_;
  // Entries above were dropped, which the store must learn before it gets newer ones.
  std::optional<StreamId> unsaved_cut_;
  std::optional<StreamId> flight_cut_;
};

// A place in a block: at an entry, or off either end (then !valid(), for good).
class Block::Cursor {
 public:
  Cursor() = default;

  bool valid() const { return block_ != nullptr; }
  // Preconditions of the rest: valid().
  const EntryView& entry() const { return entry_; }
  void Next();
  void Prev();

 private:
  friend class Block;

  static constexpr size_t kUnknownIndex = SIZE_MAX;

  Cursor(const Block* block, uint32_t offset, size_t index = kUnknownIndex);
  void Load(uint32_t offset);
  // The position in offsets_, looked up if it is not known yet.
  size_t Index();

  const Block* block_ = nullptr;
  uint32_t offset_ = 0;
  uint32_t flags_offset_ = 0;
  uint32_t end_ = 0;  // Where the next entry begins.
  size_t index_ = kUnknownIndex;
  EntryView entry_;
};

}  // namespace engine
