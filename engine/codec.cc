#include "engine/codec.h"

#include <bit>
#include <cstring>

#include "engine/check.h"

namespace engine {

static_assert(std::endian::native == std::endian::little, "big-endian forms are byte swaps here");

char* WriteIdDelta(char* out, StreamId base, StreamId id) {
  const uint64_t ms_delta = id.ms - base.ms;
  out = WriteVarint(out, ms_delta);
  return WriteVarint(out, ms_delta == 0 ? id.seq - base.seq : id.seq);
}

void PutVarintSlow(std::string* out, uint64_t value) {
  char buffer[kMaxVarintBytes];
  const char* const end = WriteVarint(buffer, value);
  out->append(buffer, static_cast<size_t>(end - buffer));
}

void PutU32(std::string* out, uint32_t value) {
  const uint32_t big = __builtin_bswap32(value);
  out->append(reinterpret_cast<const char*>(&big), sizeof(big));
}

void PutU64(std::string* out, uint64_t value) {
  const uint64_t big = __builtin_bswap64(value);
  out->append(reinterpret_cast<const char*>(&big), sizeof(big));
}

void PutString(std::string* out, std::string_view bytes) {
  PutVarint(out, bytes.size());
  out->append(bytes);
}

void PutStreamId(std::string* out, StreamId id) {
  PutU64(out, id.ms);
  PutU64(out, id.seq);
}

void PutIdDelta(std::string* out, StreamId base, StreamId id) {
  CHECK(base <= id);
  char buffer[2 * kMaxVarintBytes];
  const char* const end = WriteIdDelta(buffer, base, id);
  out->append(buffer, static_cast<size_t>(end - buffer));
}

uint32_t LoadU32(const char* bytes) {
  uint32_t big;
  std::memcpy(&big, bytes, sizeof(big));
  return __builtin_bswap32(big);
}

uint64_t LoadU64(const char* bytes) {
  uint64_t big;
  std::memcpy(&big, bytes, sizeof(big));
  return __builtin_bswap64(big);
}

uint8_t Decoder::ReadU8() {
  if (next_ == end_) {
    Fail();
    return 0;
  }
  return static_cast<uint8_t>(*next_++);
}

uint32_t Decoder::ReadU32() {
  const std::string_view bytes = ReadBytes(sizeof(uint32_t));
  return ok_ ? LoadU32(bytes.data()) : 0;
}

uint64_t Decoder::ReadU64() {
  const std::string_view bytes = ReadBytes(sizeof(uint64_t));
  return ok_ ? LoadU64(bytes.data()) : 0;
}

uint64_t Decoder::ReadVarintSlow() {
  uint64_t value = 0;
  for (int shift = 0; shift < 70 && next_ != end_; shift += 7) {
    const uint8_t byte = static_cast<uint8_t>(*next_++);
    const uint64_t bits = byte & 0x7f;
    // The tenth byte has room for one bit.
    if (shift == 63 && bits > 1) {
      break;
    }
    value |= bits << shift;
    if (byte < 0x80) {
      // A last byte of zero adds nothing: the same value has a shorter form.
      if (byte == 0 && shift != 0) {
        break;
      }
      return value;
    }
  }
  Fail();
  return 0;
}

uint32_t Decoder::ReadVarint32() {
  const uint64_t value = ReadVarint();
  if (value > UINT32_MAX) {
    Fail();
    return 0;
  }
  return static_cast<uint32_t>(value);
}

bool Decoder::ReadBool() {
  const uint8_t value = ReadU8();
  if (value > 1) {
    Fail();
    return false;
  }
  return value == 1;
}

std::string_view Decoder::ReadBytes(size_t size) {
  if (size > remaining()) {
    Fail();
    return {};
  }
  const std::string_view bytes(next_, size);
  next_ += size;
  return bytes;
}

std::string_view Decoder::ReadString() {
  const uint64_t size = ReadVarint();
  return ok_ ? ReadBytes(size) : std::string_view();
}

StreamId Decoder::ReadStreamId() {
  const std::string_view bytes = ReadBytes(2 * sizeof(uint64_t));
  return ok_ ? StreamId{LoadU64(bytes.data()), LoadU64(bytes.data() + sizeof(uint64_t))}
             : StreamId();
}

StreamId Decoder::ReadIdDelta(StreamId base) {
  const uint64_t ms_delta = ReadVarint();
  const uint64_t seq = ReadVarint();
  if (!ok_ || ms_delta > UINT64_MAX - base.ms || (ms_delta == 0 && seq > UINT64_MAX - base.seq)) {
    Fail();
    return {};
  }
  return {base.ms + ms_delta, ms_delta == 0 ? base.seq + seq : seq};
}

// Nothing is left to read: later reads fail without a look at ok().
void Decoder::Fail() {
  ok_ = false;
  next_ = end_;
}

}  // namespace engine
