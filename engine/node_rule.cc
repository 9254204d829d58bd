#include "engine/node_rule.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "engine/block.h"
#include "engine/check.h"

namespace engine {
namespace {

// What stream-node-max-bytes means at most, and when it is 0.
constexpr uint64_t kListpackMaxBytes = uint64_t{1} << 30;
// Total length (u32), element count (u16), end mark (u8).
constexpr uint64_t kListpackFrameBytes = 7;
// "$", up to 10 digits, twice CRLF.
constexpr uint64_t kMaxBulkOverhead = 15;
// "-9223372036854775808".
constexpr size_t kMaxIntegerText = 20;

// First number of an entry with the master fields, and of one with its own names; the same size
// today.
constexpr int64_t kSameFieldsFlag = 2;
constexpr int64_t kOwnFieldsFlag = 0;

// One bulk string of a payload.
struct Bulk {
  std::string_view wire;  // With its length and line ends.
  std::string_view text;
};

// Walks over bulk strings. What is not in wire form ends the walk: done() and empty bulks.
class BulkReader {
 public:
  explicit BulkReader(std::string_view bulks) : rest_(bulks) {}

  bool done() const { return rest_.empty(); }

  Bulk Next() {
    uint64_t size = 0;
    size_t digits_end = 1;
    for (; digits_end < rest_.size() && rest_[digits_end] != '\r'; ++digits_end) {
      size = size * 10 + static_cast<uint64_t>(rest_[digits_end] - '0');
    }
    const size_t text_begin = digits_end + 2;
    if (text_begin + 2 > rest_.size() || size > rest_.size() - text_begin - 2) {
      rest_ = {};
      return {};
    }
    const Bulk bulk{rest_.substr(0, text_begin + size + 2), rest_.substr(text_begin, size)};
    rest_.remove_prefix(bulk.wire.size());
    return bulk;
  }

 private:
  std::string_view rest_;
};

// A listpack element of `bytes` and the back-length that follows it.
constexpr uint64_t WithBackLength(uint64_t bytes) {
  if (bytes < 128) {
    return bytes + 1;
  }
  if (bytes < 16383) {
    return bytes + 2;
  }
  if (bytes < 2097151) {
    return bytes + 3;
  }
  return bytes + (bytes < 268435455 ? 4 : 5);
}

constexpr uint64_t IntegerBytes(int64_t value) {
  if (value >= 0 && value <= 127) {
    return WithBackLength(1);
  }
  if (value >= -4096 && value <= 4095) {
    return WithBackLength(2);
  }
  if (value >= INT16_MIN && value <= INT16_MAX) {
    return WithBackLength(3);
  }
  if (value >= -(1 << 23) && value < (1 << 23)) {
    return WithBackLength(4);
  }
  return WithBackLength(value >= INT32_MIN && value <= INT32_MAX ? 5 : 9);
}

uint64_t IntegerBytes(uint64_t value) { return IntegerBytes(static_cast<int64_t>(value)); }

// The value of the canonical decimal form of a signed 64-bit number; nothing for all other text.
std::optional<int64_t> CanonicalInteger(std::string_view text) {
  if (text.empty() || text.size() > kMaxIntegerText) {
    return std::nullopt;
  }
  const std::string_view digits = text[0] == '-' ? text.substr(1) : text;
  if (digits.empty() || digits[0] < '0' || digits[0] > '9' || (digits[0] == '0' && text != "0")) {
    return std::nullopt;
  }
  int64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) {
    return std::nullopt;
  }
  return value;
}

uint64_t StringBytes(std::string_view text) {
  if (const std::optional<int64_t> value = CanonicalInteger(text); value.has_value()) {
    return IntegerBytes(*value);
  }
  const uint64_t size = text.size();
  if (size < 64) {
    return WithBackLength(size + 1);
  }
  return WithBackLength(size + (size < 4096 ? 2 : 5));
}

// The sum of the lengths of the fields and values.
uint64_t TextBytes(std::string_view payload) {
  uint64_t total = 0;
  for (BulkReader reader(payload); !reader.done();) {
    total += reader.Next().text.size();
  }
  return total;
}

uint64_t ElementBytes(std::string_view payload) {
  uint64_t total = 0;
  for (BulkReader reader(payload); !reader.done();) {
    total += StringBytes(reader.Next().text);
  }
  return total;
}

// The listpack bytes of the values alone if the fields are the node's master fields in their order.
std::optional<uint64_t> ValueBytesIfSameFields(const NodeState& node, std::string_view payload,
                                               uint32_t arg_count) {
  if (arg_count != 2 * uint64_t{node.master_field_count} || node.master_fields.empty()) {
    return std::nullopt;
  }
  std::string_view fields = node.master_fields;
  uint64_t total = 0;
  for (BulkReader reader(payload); !reader.done();) {
    const std::string_view field = reader.Next().wire;
    if (!fields.starts_with(field)) {
      return std::nullopt;
    }
    fields.remove_prefix(field.size());
    total += StringBytes(reader.Next().text);
  }
  return total;
}

}  // namespace

uint64_t NodeBytes(const NodeState& node) {
  return node.listpack_bytes + IntegerBytes(uint64_t{node.live_count()}) +
         IntegerBytes(uint64_t{node.deleted_count});
}

bool OpensNode(const NodeState* open_node, const NodeLimits& limits, std::string_view payload,
               uint32_t arg_count) {
  if (open_node == nullptr || open_node->entry_count == 0) {
    return true;
  }
  if (open_node->payload_bytes + payload.size() > kMaxNodePayloadBytes) {
    return true;
  }
  if (limits.max_entries != 0 && open_node->entry_count >= limits.max_entries) {
    return true;
  }
  const uint64_t max_bytes =
      limits.max_bytes == 0 ? kListpackMaxBytes : std::min(limits.max_bytes, kListpackMaxBytes);
  const uint64_t bytes = NodeBytes(*open_node);
  // The text is shorter than the payload, by a little per bulk string.
  if (bytes + payload.size() < max_bytes) {
    return false;
  }
  if (bytes + payload.size() >= max_bytes + kMaxBulkOverhead * arg_count) {
    return true;
  }
  return bytes + TextBytes(payload) >= max_bytes;
}

void StartNode(NodeState* node, StreamId id, std::string_view payload, uint32_t arg_count) {
  node->first_id = id;
  node->entry_count = 1;
  node->deleted_count = 0;
  node->master_field_count = arg_count / 2;
  node->payload_bytes = payload.size();
  node->master_fields.clear();
  const bool keep_fields = payload.size() <= kMaxNodePayloadBytes;
  // The names, then an entry that refers to them.
  const uint64_t field_count = node->master_field_count;
  uint64_t bytes = kListpackFrameBytes + IntegerBytes(field_count) + IntegerBytes(int64_t{0}) +
                   IntegerBytes(kSameFieldsFlag) + 2 * IntegerBytes(int64_t{0}) +
                   IntegerBytes(field_count + 3);
  for (BulkReader reader(payload); !reader.done();) {
    const Bulk field = reader.Next();
    if (keep_fields) {
      node->master_fields += field.wire;
    }
    bytes += StringBytes(field.text);
    bytes += StringBytes(reader.Next().text);
  }
  node->listpack_bytes = bytes;
}

void ExtendNode(NodeState* node, StreamId id, std::string_view payload, uint32_t arg_count) {
  // Both differences wrap: the sequence may be lower when the milliseconds are higher.
  uint64_t bytes =
      IntegerBytes(id.ms - node->first_id.ms) + IntegerBytes(id.seq - node->first_id.seq);
  const std::optional<uint64_t> value_bytes = ValueBytesIfSameFields(*node, payload, arg_count);
  const uint64_t field_count = arg_count / 2;
  if (value_bytes.has_value()) {
    bytes += IntegerBytes(kSameFieldsFlag) + *value_bytes + IntegerBytes(field_count + 3);
  } else {
    bytes += IntegerBytes(kOwnFieldsFlag) + IntegerBytes(field_count) + ElementBytes(payload) +
             IntegerBytes(2 * field_count + 4);
  }
  node->listpack_bytes += bytes;
  node->payload_bytes += payload.size();
  ++node->entry_count;
}

void MarkDeletedInNode(NodeState* node, uint32_t count) {
  CHECK(count <= node->live_count());
  node->deleted_count += count;
}

std::optional<NodeState> RebuildNode(const Block& block, StreamId first_id, StreamId live_from) {
  CHECK(block.complete());
  Block::Cursor cursor = block.SeekAtOrAfter(first_id);
  if (!cursor.valid() || cursor.entry().id != first_id || !cursor.entry().opens_node) {
    return std::nullopt;
  }
  NodeState node;
  StartNode(&node, first_id, cursor.entry().payload, cursor.entry().arg_count);
  while (true) {
    if (cursor.entry().deleted || cursor.entry().id < live_from) {
      MarkDeletedInNode(&node, 1);
    }
    cursor.Next();
    if (!cursor.valid() || cursor.entry().opens_node) {
      return node;
    }
    ExtendNode(&node, cursor.entry().id, cursor.entry().payload, cursor.entry().arg_count);
  }
}

void PutNodeState(std::string* out, const NodeState& node) {
  PutStreamId(out, node.first_id);
  PutVarint(out, node.entry_count);
  PutVarint(out, node.deleted_count);
  PutVarint(out, node.listpack_bytes);
  PutVarint(out, node.payload_bytes);
  PutVarint(out, node.master_field_count);
  PutString(out, node.master_fields);
}

NodeState ReadNodeState(Decoder* decoder) {
  NodeState node;
  node.first_id = decoder->ReadStreamId();
  node.entry_count = decoder->ReadVarint32();
  node.deleted_count = decoder->ReadVarint32();
  node.listpack_bytes = decoder->ReadVarint();
  node.payload_bytes = decoder->ReadVarint();
  node.master_field_count = decoder->ReadVarint32();
  node.master_fields = decoder->ReadString();
  uint32_t field_count = 0;
  for (BulkReader reader(node.master_fields); !reader.done(); reader.Next()) {
    ++field_count;
  }
  const bool fields_match = node.master_fields.empty() || field_count == node.master_field_count;
  if (!decoder->ok() || node.deleted_count > node.entry_count || !fields_match) {
    decoder->Fail();
    return {};
  }
  return node;
}

}  // namespace engine
