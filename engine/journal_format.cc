#include "engine/journal_format.h"

#include <cstring>
#include <tuple>
#include <type_traits>

#include "engine/xxh3.h"

namespace engine {
namespace {

constexpr std::string_view kMagic = "WEIRJRNL";
constexpr size_t kSegmentHeaderChecksumOffset = kSegmentHeaderBytes - 8;

template <typename T>
void Store(char* out, T value) {
  using U = std::make_unsigned_t<T>;
  const U bits = static_cast<U>(value);
  for (size_t i = 0; i < sizeof(T); ++i) {
    out[i] = static_cast<char>(static_cast<uint64_t>(bits) >> (8 * i));
  }
}

template <typename T>
T Load(const char* in) {
  uint64_t bits = 0;
  for (size_t i = 0; i < sizeof(T); ++i) {
    bits |= static_cast<uint64_t>(static_cast<unsigned char>(in[i])) << (8 * i);
  }
  return static_cast<T>(bits);
}

constexpr uint32_t kHasWholeSize = 1;  // Bit of the flags in a segment's header.

void EncodeSegmentHeader(const SegmentHeader& header, char* out) {
  std::memcpy(out, kMagic.data(), kMagic.size());
  Store<uint32_t>(out + 8, kJournalFormatVersion);
  Store<uint32_t>(out + 12, static_cast<uint32_t>(header.state));
  std::memcpy(out + 16, header.store_id.data(), header.store_id.size());
  Store<uint64_t>(out + 32, header.sequence);
  Store<uint32_t>(out + 40, header.epoch);
  Store<uint32_t>(out + 44, header.has_whole_size ? kHasWholeSize : 0);
  Store<uint64_t>(out + 48, header.first_turn);
  Store<uint64_t>(out + 56, header.checkpoint_turn);
  Store<uint64_t>(out + 64, header.durable_turn);
  Store<uint64_t>(out + 72, header.segment_bytes);
  Store<uint64_t>(out + kSegmentHeaderChecksumOffset,
                  XXH3_64bits(out, kSegmentHeaderChecksumOffset));
}

std::optional<SegmentHeader> DecodeSegmentHeader(const char* in) {
  if (std::memcmp(in, kMagic.data(), kMagic.size()) != 0 ||
      Load<uint32_t>(in + 8) != kJournalFormatVersion ||
      Load<uint64_t>(in + kSegmentHeaderChecksumOffset) !=
          XXH3_64bits(in, kSegmentHeaderChecksumOffset)) {
    return std::nullopt;
  }
  const auto state = Load<uint32_t>(in + 12);
  if (state > static_cast<uint32_t>(SegmentState::kActive)) {
    return std::nullopt;
  }
  SegmentHeader header;
  header.state = static_cast<SegmentState>(state);
  std::memcpy(header.store_id.data(), in + 16, header.store_id.size());
  header.sequence = Load<uint64_t>(in + 32);
  header.epoch = Load<uint32_t>(in + 40);
  header.first_turn = Load<uint64_t>(in + 48);
  header.checkpoint_turn = Load<uint64_t>(in + 56);
  header.durable_turn = Load<uint64_t>(in + 64);
  header.segment_bytes = Load<uint64_t>(in + 72);
  header.has_whole_size = (Load<uint32_t>(in + 44) & kHasWholeSize) != 0;
  return header;
}

// The low half of a hash of everything in the fragment header behind the checksum itself.
uint32_t FragmentHeaderChecksum(const char* header, uint64_t seed, uint64_t offset) {
  return static_cast<uint32_t>(
      XXH3_64bits_withSeed(header + 4, kFragmentHeaderBytes - 4, seed + offset));
}

}  // namespace

std::string EncodeSegmentHeaderBlock(const SegmentHeader& header) {
  std::string block(kSegmentHeaderBlockBytes, '\0');
  EncodeSegmentHeader(header, block.data());
  EncodeSegmentHeader(header, block.data() + kSegmentHeaderCopyOffset);
  return block;
}

std::optional<SegmentHeader> DecodeSegmentHeaderBlock(std::string_view block) {
  if (block.size() < kSegmentHeaderBlockBytes) {
    return std::nullopt;
  }
  auto first = DecodeSegmentHeader(block.data());
  auto second = DecodeSegmentHeader(block.data() + kSegmentHeaderCopyOffset);
  if (!first || !second) {
    return first ? first : second;
  }
  // They differ if a power cut came between the two sectors. A spare header over an active one of
  // the same sequence is the later of the two.
  const auto age = [](const SegmentHeader& h) {
    return std::tuple(h.sequence, h.epoch, h.state == SegmentState::kSpare, h.checkpoint_turn);
  };
  return age(*first) >= age(*second) ? first : second;
}

uint64_t SegmentSeed(const JournalStoreId& store_id, uint64_t sequence) {
  char bytes[24];
  std::memcpy(bytes, store_id.data(), store_id.size());
  Store<uint64_t>(bytes + 16, sequence);
  return XXH3_64bits(bytes, sizeof(bytes));
}

void EncodeFragmentHeader(const FragmentHeader& header, std::string_view payload, uint64_t seed,
                          uint64_t offset, char* out) {
  Store<uint32_t>(out + 4, header.length);
  Store<uint64_t>(out + 8, XXH3_64bits_withSeed(payload.data(), payload.size(), seed));
  Store<uint64_t>(out + 16, header.turn);
  Store<int64_t>(out + 24, header.store_ms);
  Store<uint64_t>(out + 32, header.durable_turn);
  Store<uint32_t>(out + 40, header.epoch);
  Store<uint16_t>(out + 44, header.index);
  Store<uint16_t>(out + 46, header.is_last ? 1 : 0);
  Store<uint32_t>(out, FragmentHeaderChecksum(out, seed, offset));
}

bool HasFragmentHeader(std::string_view segment, uint64_t offset, uint64_t seed) {
  if (offset > segment.size() || segment.size() - offset < kFragmentHeaderBytes) {
    return false;
  }
  const char* in = segment.data() + offset;
  return Load<uint32_t>(in) == FragmentHeaderChecksum(in, seed, offset);
}

std::optional<Fragment> DecodeFragment(std::string_view segment, uint64_t offset, uint64_t seed) {
  if (offset > segment.size() || segment.size() - offset < kFragmentHeaderBytes) {
    return std::nullopt;
  }
  const char* in = segment.data() + offset;
  const auto length = Load<uint32_t>(in + 4);
  const auto flags = Load<uint16_t>(in + 46);
  if (length > segment.size() - offset - kFragmentHeaderBytes || flags > 1 ||
      Load<uint32_t>(in) != FragmentHeaderChecksum(in, seed, offset)) {
    return std::nullopt;
  }
  Fragment fragment;
  fragment.payload = std::string_view(in + kFragmentHeaderBytes, length);
  if (Load<uint64_t>(in + 8) !=
      XXH3_64bits_withSeed(fragment.payload.data(), fragment.payload.size(), seed)) {
    return std::nullopt;
  }
  fragment.header.length = length;
  fragment.header.turn = Load<uint64_t>(in + 16);
  fragment.header.store_ms = Load<int64_t>(in + 24);
  fragment.header.durable_turn = Load<uint64_t>(in + 32);
  fragment.header.epoch = Load<uint32_t>(in + 40);
  fragment.header.index = Load<uint16_t>(in + 44);
  fragment.header.is_last = flags == 1;
  return fragment;
}

}  // namespace engine
