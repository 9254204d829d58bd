// A walk over the live entries of a stream, across blocks, in either direction.
//
// Every block it comes to must be in memory: RequireEntries() first. Any change of the stream ends
// the walk. Thread: loop.
#pragma once

#include <cstdint>
#include <optional>

#include "engine/core.h"

namespace engine {

class EntryCursor {
 public:
  enum class Direction : uint8_t { kForward, kBackward };
  // Starts at the first live entry at or after `start` (forward), or the last one at or before it.
  EntryCursor(Stream& stream, StreamId start, Direction direction);

  bool valid() const { return at_.valid(); }
  const EntryView& entry() const { return at_.entry(); }
  void Next();

 private:
  void Enter(Directory::Place place, StreamId start);
  void Settle();
  bool IsLive() const { return !at_.entry().deleted && at_.entry().id >= stream_.first_id; }

  Stream& stream_;
  const Direction direction_;
  Directory::Place place_;
  Block::Cursor at_;
};

// How much of a range a command will look at.
struct EntryExtent {
  StreamId start;
  StreamId end;
  int64_t count = -1;      // Live entries at most; negative = all.
  uint64_t max_bytes = 0;  // Payload bytes and overheads after which it stops; 0 = no bound.
  EntryCursor::Direction direction = EntryCursor::Direction::kForward;
};

// Notes the blocks that are needed and missing in op.needs.
void RequireEntries(Core& core, Op& op, Stream& stream, const EntryExtent& extent);

// The live entry with this id; nothing if there is none. Its block must be in memory.
std::optional<EntryView> FindLiveEntry(const Stream& stream, StreamId id);
// Whether the id, which has been an entry once, is a live one; known without its block where
// nothing of the block was ever deleted. Nothing when the block must be loaded, which is noted.
std::optional<bool> EntryExists(Core& core, Op& op, Stream& stream, StreamId id);
// Notes the block that would hold `id`.
void RequireEntry(Core& core, Op& op, Stream& stream, StreamId id);

}  // namespace engine
