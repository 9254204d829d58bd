#include "engine/node_rule.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/block.h"
#include "tests/support/payload.h"

namespace engine {
namespace {

using tests::Payload;

using Texts = std::vector<std::string>;

uint32_t ArgCount(const Texts& texts) { return static_cast<uint32_t>(texts.size()); }

NodeState Started(StreamId id, const Texts& texts) {
  NodeState node;
  StartNode(&node, id, Payload(texts), ArgCount(texts));
  return node;
}

// The bytes that one more entry adds to a node whose master field is "f".
uint64_t Added(StreamId id, const Texts& texts) {
  NodeState node = Started({1000, 1000}, {"f", "v"});
  const uint64_t before = node.listpack_bytes;
  ExtendNode(&node, id, Payload(texts), ArgCount(texts));
  return node.listpack_bytes - before;
}

TEST(NodeRule, ValuesTakeWhatTheListpackTakes) {
  struct Case {
    std::string value;
    uint64_t bytes;  // With the back-length.
  };
  const Case cases[] = {
      {"", 2},
      {"0", 2},
      {"127", 2},
      {"128", 3},
      {"-1", 3},
      {"4095", 3},
      {"-4096", 3},
      {"4096", 4},
      {"-4097", 4},
      {"32767", 4},
      {"32768", 5},
      {"-32769", 5},
      {"8388607", 5},
      {"8388608", 6},
      {"-8388608", 5},
      {"-8388609", 6},
      {"2147483647", 6},
      {"2147483648", 10},
      {"-2147483649", 10},
      {"9223372036854775807", 10},
      {"-9223372036854775808", 10},
      {"9223372036854775808", 21},
      {"18446744073709551615", 22},
      {"-0", 4},
      {"00", 4},
      {"+1", 4},
      {" 1", 4},
      {"-", 3},
      {"1.0", 5},
      {std::string(63, 'x'), 65},
      {std::string(64, 'x'), 67},
      {std::string(125, 'x'), 128},
      {std::string(126, 'x'), 130},
      {std::string(4095, 'x'), 4099},
      {std::string(4096, 'x'), 4103},
      {std::string(16377, 'x'), 16384},
      {std::string(16378, 'x'), 16386},
      {std::string(2097145, 'x'), 2097153},
      {std::string(2097146, 'x'), 2097155},
  };
  for (const Case& c : cases) {
    // Flags 2, ms 2, seq 2, value, k 2.
    EXPECT_EQ(Added({1000, 1001}, {"f", c.value}), 8 + c.bytes) << c.value.substr(0, 30);
  }
}

TEST(NodeRule, IdsAreRelativeAndWrap) {
  const uint64_t base = Added({1000, 1001}, {"f", "v"});
  EXPECT_EQ(Added({1128, 1001}, {"f", "v"}), base + 1);
  EXPECT_EQ(Added({1001, 999}, {"f", "v"}), base + 1);
  EXPECT_EQ(Added({1001, 0}, {"f", "v"}), base + 1);
  EXPECT_EQ(Added({1001, UINT64_MAX}, {"f", "v"}), base + 1);
  EXPECT_EQ(Added({UINT64_MAX, 1000}, {"f", "v"}), base + 1);
  EXPECT_EQ(Added({uint64_t{1} << 63, 1000}, {"f", "v"}), base + 8);
}

TEST(NodeRule, OtherFieldsAreStoredInFull) {
  const uint64_t same = Added({1000, 1001}, {"f", "v"});
  EXPECT_EQ(same, 2u + 2 + 2 + 3 + 2);
  // Flags, ms, seq, count, field, value, k.
  EXPECT_EQ(Added({1000, 1001}, {"g", "v"}), 2u + 2 + 2 + 2 + 3 + 3 + 2);
  EXPECT_EQ(Added({1000, 1001}, {"f", "v", "f", "v"}), 2u + 2 + 2 + 2 + 12 + 2);
  EXPECT_EQ(Added({1000, 1001}, {"ff", "v"}), 2u + 2 + 2 + 2 + 4 + 3 + 2);
}

TEST(NodeRule, SameFieldsNeedTheSameOrder) {
  NodeState node = Started({1, 0}, {"a", "1", "b", "2"});
  const uint64_t start = node.listpack_bytes;
  ExtendNode(&node, {1, 1}, Payload({"a", "1", "b", "2"}), 4);
  const uint64_t same = node.listpack_bytes - start;
  ExtendNode(&node, {1, 2}, Payload({"b", "1", "a", "2"}), 4);
  EXPECT_EQ(node.listpack_bytes - start - same, same + 2 + 6);
}

TEST(NodeRule, CountsLimitTheNode) {
  NodeState node = Started({1, 0}, {"f", "v"});
  const std::string payload = Payload({"f", "v"});
  EXPECT_TRUE(OpensNode(nullptr, {}, payload, 2));
  EXPECT_TRUE(OpensNode(&node, {1, 4096}, payload, 2));
  EXPECT_FALSE(OpensNode(&node, {2, 4096}, payload, 2));
  ExtendNode(&node, {2, 0}, payload, 2);
  MarkDeletedInNode(&node, 1);
  EXPECT_EQ(node.live_count(), 1u);
  // Deleted ones count.
  EXPECT_TRUE(OpensNode(&node, {2, 4096}, payload, 2));
  EXPECT_FALSE(OpensNode(&node, {0, 4096}, payload, 2));
}

TEST(NodeRule, BytesLimitTheNodeExactly) {
  const NodeState node = Started({1, 0}, {"f", "v"});
  for (uint64_t size = 0; size < 300; ++size) {
    const std::string payload = Payload({"f", std::string(size, 'x')});
    const uint64_t reached = NodeBytes(node) + 1 + size;
    EXPECT_TRUE(OpensNode(&node, {0, reached}, payload, 2)) << size;
    EXPECT_FALSE(OpensNode(&node, {0, reached + 1}, payload, 2)) << size;
  }
}

TEST(NodeRule, WithoutLimitsANodeStillFitsABlock) {
  const NodeState node = Started({1, 0}, {"f", std::string(kMaxNodePayloadBytes - 100, 'x')});
  EXPECT_FALSE(OpensNode(&node, {0, 0}, Payload({"f", "v"}), 2));
  EXPECT_TRUE(OpensNode(&node, {0, 0}, Payload({"f", std::string(100, 'x')}), 2));
}

TEST(NodeRule, HugeFieldNamesAreNotKept) {
  const NodeState node = Started({1, 0}, {std::string(kMaxNodePayloadBytes, 'n'), "v"});
  EXPECT_TRUE(node.master_fields.empty());
  EXPECT_TRUE(OpensNode(&node, {0, 0}, Payload({"f", "v"}), 2));
}

TEST(NodeRule, TheStateIsRebuiltFromTheBlock) {
  Block block({5, 0});
  NodeState node;
  const std::vector<Texts> entries = {{"f", "1"}, {"f", "two"}, {"g", "3", "h", "4"}};
  for (size_t i = 0; i < entries.size(); ++i) {
    const StreamId id{5, i};
    const std::string payload = Payload(entries[i]);
    block.Append(id, i == 0, ArgCount(entries[i]), payload);
    if (i == 0) {
      StartNode(&node, id, payload, ArgCount(entries[i]));
    } else {
      ExtendNode(&node, id, payload, ArgCount(entries[i]));
    }
  }
  block.Append({9, 0}, true, 2, Payload({"next", "node"}));
  block.MarkDeleted({5, 1});
  MarkDeletedInNode(&node, 1);
  EXPECT_EQ(RebuildNode(block, {5, 0}, StreamId::Min()), node);
  MarkDeletedInNode(&node, 1);
  EXPECT_EQ(RebuildNode(block, {5, 0}, {5, 1}), node);
  EXPECT_EQ(RebuildNode(block, {5, 1}, StreamId::Min()), std::nullopt);
  EXPECT_EQ(RebuildNode(block, {7, 0}, StreamId::Min()), std::nullopt);
}

TEST(NodeRule, TheStateComesBackAsWrittenAndOnlyWhole) {
  NodeState node = Started({1, 2}, {"a", "1", "b", "2"});
  ExtendNode(&node, {1, 3}, Payload({"a", "1", "b", "2"}), 4);
  MarkDeletedInNode(&node, 1);
  std::string bytes;
  PutNodeState(&bytes, node);
  Decoder decoder(bytes);
  EXPECT_EQ(ReadNodeState(&decoder), node);
  EXPECT_TRUE(decoder.AtEnd());
  for (size_t size = 0; size < bytes.size(); ++size) {
    Decoder cut(std::string_view(bytes).substr(0, size));
    ReadNodeState(&cut);
    EXPECT_FALSE(cut.ok()) << size;
  }
  NodeState impossible = node;
  impossible.deleted_count = 3;
  bytes.clear();
  PutNodeState(&bytes, impossible);
  Decoder refused(bytes);
  ReadNodeState(&refused);
  EXPECT_FALSE(refused.ok());
}

TEST(NodeRule, PayloadsThatAreNotInWireFormDoNoHarm) {
  for (const std::string& payload :
       {std::string(""), std::string("$"), std::string("$5\r\nab"), std::string("$1\r"),
        std::string("garbage"), std::string("$99999999999999999999999\r\nx\r\n"),
        std::string("$1\r\nx"), std::string(64, '\0')}) {
    NodeState node = Started({1, 0}, {"f", "v"});
    OpensNode(&node, {100, 60}, payload, 2);
    ExtendNode(&node, {2, 0}, payload, 2);
    EXPECT_EQ(node.entry_count, 2u);
    StartNode(&node, {3, 0}, payload, 2);
    EXPECT_EQ(node.entry_count, 1u);
  }
}

}  // namespace
}  // namespace engine
