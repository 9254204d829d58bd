#include "engine/journal_format.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

namespace engine {
namespace {

JournalStoreId CountingStoreId() {
  JournalStoreId id{};
  for (size_t i = 0; i < id.size(); ++i) {
    id[i] = static_cast<unsigned char>(i);
  }
  return id;
}

SegmentHeader ExampleHeader() {
  SegmentHeader header;
  header.state = SegmentState::kActive;
  header.store_id = CountingStoreId();
  header.sequence = 7;
  header.epoch = 3;
  header.first_turn = 1001;
  header.checkpoint_turn = 990;
  header.durable_turn = 1000;
  header.segment_bytes = 33554432;
  return header;
}

std::string ExampleFragment() {
  const std::string payload = "effects";
  FragmentHeader header;
  header.length = static_cast<uint32_t>(payload.size());
  header.epoch = 3;
  header.turn = 1001;
  header.store_ms = 1700000000123;
  header.durable_turn = 1000;
  header.is_last = true;
  std::string bytes(kFragmentHeaderBytes, '\0');
  EncodeFragmentHeader(header, payload, SegmentSeed(CountingStoreId(), 7), 4096, bytes.data());
  bytes += payload;
  bytes.resize(FragmentBytes(payload.size()));
  return bytes;
}

std::string ToHex(const std::string& bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (size_t i = 0; i < bytes.size(); ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    hex.push_back(kDigits[byte >> 4]);
    hex.push_back(kDigits[byte & 15]);
    hex.push_back(i % 16 == 15 || i + 1 == bytes.size() ? '\n' : ' ');
  }
  return hex;
}

TEST(JournalFormat, BytesAreThoseOfTheGoldenFile) {
  const std::string actual =
      "segment header\n" +
      ToHex(EncodeSegmentHeaderBlock(ExampleHeader()).substr(0, kSegmentHeaderBytes)) +
      "fragment\n" + ToHex(ExampleFragment());
  std::ifstream file(std::string(WEIR_GOLDEN_DIR) + "/journal_record.hex");
  const std::string golden((std::istreambuf_iterator<char>(file)), {});
  EXPECT_EQ(actual, golden);
}

TEST(JournalFormat, HeaderComesBack) {
  const std::string block = EncodeSegmentHeaderBlock(ExampleHeader());
  EXPECT_EQ(DecodeSegmentHeaderBlock(block), ExampleHeader());
  EXPECT_FALSE(DecodeSegmentHeaderBlock(block.substr(0, 100)).has_value());
}

TEST(JournalFormat, FragmentIsRefusedAfterAnyFlipCutOrMove) {
  const std::string fragment = ExampleFragment();
  const uint64_t seed = SegmentSeed(CountingStoreId(), 7);
  std::string segment(4096, '\0');
  segment += fragment;
  const auto decoded = DecodeFragment(segment, 4096, seed);
  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ(decoded->payload, "effects");
  EXPECT_EQ(decoded->header.store_ms, 1700000000123);
  EXPECT_FALSE(DecodeFragment(segment, 4096, SegmentSeed(CountingStoreId(), 8)).has_value());
  EXPECT_FALSE(DecodeFragment(std::string(4104, '\0') + fragment, 4104, seed).has_value());
  for (size_t bit = 0; bit < 8 * (kFragmentHeaderBytes + 7); ++bit) {
    std::string flipped = segment;
    flipped[4096 + bit / 8] = static_cast<char>(flipped[4096 + bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(DecodeFragment(flipped, 4096, seed).has_value()) << bit;
  }
  for (size_t size = 0; size < 4096 + kFragmentHeaderBytes + 7; ++size) {
    EXPECT_FALSE(DecodeFragment(segment.substr(0, size), 4096, seed).has_value()) << size;
  }
}

}  // namespace
}  // namespace engine
