// The bytes of a block: how one entry is laid out, in memory and on disk alike, and the segments
// that the stored value of a block is made of. Layout: docs/disk-format-block.md. Used by block.cc.
// Thread: any.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "engine/block.h"
#include "engine/codec.h"
#include "engine/stream_id.h"

namespace engine {

// Numbers on disk, never reused.
enum class SegmentKind : uint8_t { kEntries = 1, kDeletions = 2, kCut = 3 };

// Flags of an entry.
inline constexpr uint8_t kEntryOpensNode = 1;
inline constexpr uint8_t kEntryDeleted = 2;

// Id numbers, flags, argument count and payload length at their longest.
inline constexpr size_t kMaxEntryHeaderBytes = 4 * kMaxVarintBytes + 1;

void PutEntry(std::string* out, StreamId first_id, const EntryView& entry);

struct DecodedEntry {
  EntryView view;
  const char* flags = nullptr;  // Where its flags byte is.
};
// Latches `decoder` on values out of range. The payload is not looked into.
DecodedEntry ReadEntry(Decoder* decoder, StreamId first_id);

void PutSegment(std::string* out, StreamId first_id, SegmentKind kind, std::string_view body);
// A kDeletions segment. `ids` ascend, none below `first_id`; repeated ones are written once.
void PutDeletions(std::string* out, StreamId first_id, std::span<const StreamId> ids);

// A kCut segment: entries above `id`, which is not below `first_id`, are gone.
void PutCut(std::string* out, StreamId first_id, StreamId id);

struct Segment {
  SegmentKind kind{};  // May be a number that is not defined.
  std::string_view body;
  std::string_view error;  // What is wrong with the segment; empty if nothing is.
};
// Takes the first segment off `rest`, unless it is in error.
Segment ReadSegment(std::string_view* rest, StreamId first_id);

}  // namespace engine
