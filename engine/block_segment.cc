#include "engine/block_segment.h"

#include <optional>

#include "engine/checksum.h"

namespace engine {
namespace {

// Segment: version, kind, body length (u32), body, checksum (u32) of all that precedes it.
constexpr uint8_t kSegmentVersion = 1;
constexpr size_t kSegmentHeaderBytes = 6;
constexpr size_t kChecksumBytes = 4;

// A segment does not repeat the block's first id, which all its ids are relative to. The checksum
// depends on it instead, so that a value found under another key is refused.
uint64_t SegmentSeed(StreamId first_id) { return first_id.ms + first_id.seq * 0x9E3779B97F4A7C15u; }

}  // namespace

void PutEntry(std::string* out, StreamId first_id, const EntryView& entry) {
  char header[kMaxEntryHeaderBytes];
  char* next = WriteIdDelta(header, first_id, entry.id);
  *next++ = static_cast<char>((entry.opens_node ? kEntryOpensNode : 0) |
                              (entry.deleted ? kEntryDeleted : 0));
  next = WriteVarint(next, entry.arg_count);
  next = WriteVarint(next, entry.payload.size());
  out->append(header, static_cast<size_t>(next - header));
  out->append(entry.payload);
}

DecodedEntry ReadEntry(Decoder* decoder, StreamId first_id) {
  DecodedEntry entry;
  entry.view.id = decoder->ReadIdDelta(first_id);
  entry.flags = decoder->position();
  const uint8_t flags = decoder->ReadU8();
  entry.view.opens_node = (flags & kEntryOpensNode) != 0;
  entry.view.deleted = (flags & kEntryDeleted) != 0;
  entry.view.arg_count = decoder->ReadVarint32();
  const uint64_t payload_size = decoder->ReadVarint();
  entry.view.payload = decoder->ReadBytes(payload_size);
  if (flags > (kEntryOpensNode | kEntryDeleted) || entry.view.arg_count % 2 != 0) {
    decoder->Fail();
  }
  return entry;
}

void PutSegment(std::string* out, StreamId first_id, SegmentKind kind, std::string_view body) {
  const size_t begin = out->size();
  PutU8(out, kSegmentVersion);
  PutU8(out, static_cast<uint8_t>(kind));
  PutU32(out, static_cast<uint32_t>(body.size()));
  out->append(body);
  PutU32(out, Checksum32(std::string_view(*out).substr(begin), SegmentSeed(first_id)));
}

void PutDeletions(std::string* out, StreamId first_id, std::span<const StreamId> ids) {
  std::string body;
  StreamId previous = first_id;
  for (const StreamId id : ids) {
    if (id != previous || body.empty()) {
      PutIdDelta(&body, previous, id);
    }
    previous = id;
  }
  PutSegment(out, first_id, SegmentKind::kDeletions, body);
}

void PutCut(std::string* out, StreamId first_id, StreamId id) {
  std::string body;
  PutIdDelta(&body, first_id, id);
  PutSegment(out, first_id, SegmentKind::kCut, body);
}

Segment ReadSegment(std::string_view* rest, StreamId first_id) {
  Segment segment;
  Decoder decoder(*rest);
  const uint8_t version = decoder.ReadU8();
  segment.kind = static_cast<SegmentKind>(decoder.ReadU8());
  const uint32_t body_size = decoder.ReadU32();
  segment.body = decoder.ReadBytes(body_size);
  const uint32_t checksum = decoder.ReadU32();
  if (!decoder.ok()) {
    segment.error = "segment cut short";
    return segment;
  }
  const std::string_view covered = rest->substr(0, kSegmentHeaderBytes + segment.body.size());
  if (checksum != Checksum32(covered, SegmentSeed(first_id))) {
    segment.error = "checksum mismatch";
  } else if (version != kSegmentVersion) {
    segment.error = "unknown version";
  } else {
    rest->remove_prefix(covered.size() + kChecksumBytes);
  }
  return segment;
}

}  // namespace engine
