// Byte-level encoding: LEB128 varints, zigzag, big-endian integers, length-prefixed strings, entry
// ids.
//
// Encoding appends to a std::string and cannot fail. Decoding goes through Decoder, which checks
// every read, so a decoder of records is a straight list of reads followed by one look at ok() or
// AtEnd(). Each value has exactly one accepted encoding: overlong varints are refused. Thread: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/stream_id.h"

namespace engine {

// Longest varint of 64 bits.
inline constexpr size_t kMaxVarintBytes = 10;

// Small negative numbers stay small as varints: 0, -1, 1, -2, ... become 0, 1, 2, 3, ...
constexpr uint64_t ZigZag(int64_t value) {
  return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
}
constexpr int64_t UnZigZag(uint64_t value) {
  return static_cast<int64_t>((value >> 1) ^ (~(value & 1) + 1));
}

// Writes at `out`, which has room for kMaxVarintBytes; returns the end of what was written.
inline char* WriteVarint(char* out, uint64_t value) {
  while (value >= 0x80) {
    *out++ = static_cast<char>(value | 0x80);
    value >>= 7;
  }
  *out++ = static_cast<char>(value);
  return out;
}
// The delta form of PutIdDelta, written at `out`, which has room for 2 * kMaxVarintBytes.
char* WriteIdDelta(char* out, StreamId base, StreamId id);

void PutVarintSlow(std::string* out, uint64_t value);
inline void PutVarint(std::string* out, uint64_t value) {
  if (value < 0x80) [[likely]] {
    out->push_back(static_cast<char>(value));
  } else {
    PutVarintSlow(out, value);
  }
}
inline void PutSignedVarint(std::string* out, int64_t value) { PutVarint(out, ZigZag(value)); }
inline void PutU8(std::string* out, uint8_t value) { out->push_back(static_cast<char>(value)); }
void PutU32(std::string* out, uint32_t value);  // Big-endian.
void PutU64(std::string* out, uint64_t value);  // Big-endian.
// A varint length, then the bytes.
void PutString(std::string* out, std::string_view bytes);

// 16 bytes, big-endian: byte order is id order, as keys need it.
void PutStreamId(std::string* out, StreamId id);
// Relative to `base`, which must not be above `id`: varint of the ms difference, then the sequence
// number, as the difference if the ms are equal and as it is otherwise. 2 bytes for close ids.
void PutIdDelta(std::string* out, StreamId base, StreamId id);

// Two varints: for ids that have nothing near them to be relative to.
inline void PutVarintId(std::string* out, StreamId id) {
  PutVarint(out, id.ms);
  PutVarint(out, id.seq);
}

uint32_t LoadU32(const char* bytes);  // Big-endian, 4 bytes.
uint64_t LoadU64(const char* bytes);  // Big-endian, 8 bytes.

// A cursor over encoded bytes. The first failed read latches ok() to false; that read and all later
// ones yield zero or empty. Views returned point into the input.
class Decoder {
 public:
  explicit Decoder(std::string_view input)
      : next_(input.data()), end_(input.data() + input.size()) {}

  uint8_t ReadU8();
  uint32_t ReadU32();
  uint64_t ReadU64();
  uint64_t ReadVarint() {
    if (next_ != end_ && static_cast<signed char>(*next_) >= 0) [[likely]] {
      return static_cast<uint8_t>(*next_++);
    }
    return ReadVarintSlow();
  }
  // Fails above UINT32_MAX.
  uint32_t ReadVarint32();
  int64_t ReadSignedVarint() { return UnZigZag(ReadVarint()); }
  // Fails unless the byte is 0 or 1.
  bool ReadBool();
  std::string_view ReadBytes(size_t size);
  std::string_view ReadString();
  StreamId ReadStreamId();
  // As PutVarintId writes it.
  StreamId ReadVarintId() {
    StreamId id;
    id.ms = ReadVarint();
    id.seq = ReadVarint();
    return id;
  }
  // Fails if the sum does not fit.
  StreamId ReadIdDelta(StreamId base);

  // Latches a failure that the caller found in a value it read.
  void Fail();

  bool ok() const { return ok_; }
  // Everything was read and nothing failed.
  bool AtEnd() const { return ok_ && next_ == end_; }
  size_t remaining() const { return static_cast<size_t>(end_ - next_); }
  const char* position() const { return next_; }

 private:
  uint64_t ReadVarintSlow();

  const char* next_;
  const char* end_;
  bool ok_ = true;
};

}  // namespace engine
