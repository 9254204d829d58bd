#include "engine/codec.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "engine/checksum.h"
#include "tests/support/golden.h"

namespace engine {
namespace {

using tests::BytesToHex;
using tests::HexToBytes;

constexpr uint64_t kEdges[] = {0,
                               1,
                               127,
                               128,
                               16383,
                               16384,
                               UINT32_MAX,
                               uint64_t{1} << 32,
                               INT64_MAX,
                               uint64_t{1} << 63,
                               UINT64_MAX - 1,
                               UINT64_MAX};

TEST(Codec, VarintsHaveTheDocumentedBytes) {
  struct Case {
    uint64_t value;
    std::string hex;
  };
  const Case cases[] = {
      {0, "00"}, {127, "7f"}, {128, "8001"}, {300, "ac02"}, {UINT64_MAX, "ffffffffffffffffff01"}};
  for (const Case& c : cases) {
    std::string out;
    PutVarint(&out, c.value);
    EXPECT_EQ(BytesToHex(out), c.hex);
  }
}

TEST(Codec, EveryKindComesBackAsWritten) {
  for (const uint64_t a : kEdges) {
    for (const uint64_t b : kEdges) {
      const StreamId id{a, b};
      std::string out;
      PutVarint(&out, a);
      PutSignedVarint(&out, static_cast<int64_t>(a));
      PutU8(&out, static_cast<uint8_t>(a));
      PutU32(&out, static_cast<uint32_t>(a));
      PutU64(&out, b);
      PutString(&out, "bytes");
      PutString(&out, "");
      PutStreamId(&out, id);
      PutIdDelta(&out, StreamId{a / 2, 3}, StreamId{a, a == a / 2 ? 3 + b / 2 : b});
      Decoder decoder(out);
      EXPECT_EQ(decoder.ReadVarint(), a);
      EXPECT_EQ(decoder.ReadSignedVarint(), static_cast<int64_t>(a));
      EXPECT_EQ(decoder.ReadU8(), static_cast<uint8_t>(a));
      EXPECT_EQ(decoder.ReadU32(), static_cast<uint32_t>(a));
      EXPECT_EQ(decoder.ReadU64(), b);
      EXPECT_EQ(decoder.ReadString(), "bytes");
      EXPECT_EQ(decoder.ReadString(), "");
      EXPECT_EQ(decoder.ReadStreamId(), id);
      EXPECT_EQ(decoder.ReadIdDelta(StreamId{a / 2, 3}), (StreamId{a, a == a / 2 ? 3 + b / 2 : b}));
      EXPECT_TRUE(decoder.AtEnd());
    }
  }
}

TEST(Codec, ByteOrderOfIdsIsTheirOrder) {
  std::vector<StreamId> ids;
  for (const uint64_t a : kEdges) {
    for (const uint64_t b : kEdges) {
      ids.push_back({a, b});
    }
  }
  for (const StreamId a : ids) {
    for (const StreamId b : ids) {
      std::string a_bytes;
      std::string b_bytes;
      PutStreamId(&a_bytes, a);
      PutStreamId(&b_bytes, b);
      EXPECT_EQ(a < b, a_bytes < b_bytes);
    }
  }
}

TEST(Codec, SmallSignedNumbersAreSmall) {
  EXPECT_EQ(ZigZag(0), 0u);
  EXPECT_EQ(ZigZag(-1), 1u);
  EXPECT_EQ(ZigZag(1), 2u);
  EXPECT_EQ(ZigZag(INT64_MIN), UINT64_MAX);
  EXPECT_EQ(UnZigZag(UINT64_MAX), INT64_MIN);
  EXPECT_EQ(UnZigZag(ZigZag(INT64_MAX)), INT64_MAX);
}

TEST(Codec, VarintsThatAreCutOverlongOrTooLargeAreRefused) {
  for (const std::string hex : {"", "80", "ff", "8000", "ff00", "ffffffffffffffffff02",
                                "ffffffffffffffffffff01", "80808080808080808000"}) {
    const std::string bytes = HexToBytes(hex);
    Decoder decoder(bytes);
    EXPECT_EQ(decoder.ReadVarint(), 0u);
    EXPECT_FALSE(decoder.ok()) << hex;
  }
}

TEST(Codec, NumbersOutOfRangeAreRefused) {
  std::string large;
  PutVarint(&large, uint64_t{UINT32_MAX} + 1);
  Decoder narrow(large);
  EXPECT_EQ(narrow.ReadVarint32(), 0u);
  EXPECT_FALSE(narrow.ok());

  Decoder boolean("\x02");
  EXPECT_FALSE(boolean.ReadBool());
  EXPECT_FALSE(boolean.ok());

  std::string string_length;
  PutVarint(&string_length, UINT64_MAX);
  Decoder string(string_length);
  EXPECT_EQ(string.ReadString(), "");
  EXPECT_FALSE(string.ok());
}

TEST(Codec, IdsThatLeaveTheirRangeAreRefused) {
  std::string ms_overflow;
  PutIdDelta(&ms_overflow, {0, 0}, {2, 0});
  Decoder ms(ms_overflow);
  EXPECT_EQ(ms.ReadIdDelta({UINT64_MAX - 1, 0}), StreamId());
  EXPECT_FALSE(ms.ok());

  std::string seq_overflow;
  PutIdDelta(&seq_overflow, {0, 0}, {0, 2});
  Decoder seq(seq_overflow);
  EXPECT_EQ(seq.ReadIdDelta({5, UINT64_MAX - 1}), StreamId());
  EXPECT_FALSE(seq.ok());
}

TEST(Codec, AFailureLasts) {
  Decoder decoder(std::string_view("\x01\x02\x03", 3));
  EXPECT_EQ(decoder.ReadU32(), 0u);
  EXPECT_FALSE(decoder.ok());
  EXPECT_EQ(decoder.ReadU8(), 0);
  EXPECT_EQ(decoder.ReadVarint(), 0u);
  EXPECT_EQ(decoder.ReadBytes(1), "");
  EXPECT_FALSE(decoder.AtEnd());
}

TEST(Codec, AtEndWantsEverythingRead) {
  Decoder decoder("ab");
  decoder.ReadU8();
  EXPECT_TRUE(decoder.ok());
  EXPECT_FALSE(decoder.AtEnd());
  decoder.ReadU8();
  EXPECT_TRUE(decoder.AtEnd());
}

TEST(Checksum, IsPartOfTheFormat) {
  // The low half of the reference value of XXH3-64, 2d06800538d394c2.
  EXPECT_EQ(Checksum32(""), 0x38d394c2u);
  EXPECT_NE(Checksum32("abc"), Checksum32("abd"));
  EXPECT_NE(Checksum32("abc", 1), Checksum32("abc", 2));
  EXPECT_EQ(Checksum32("abc", 0), Checksum32("abc"));
}

}  // namespace
}  // namespace engine
