// Where a node begins: the rule by which approximate trimming groups entries.
//
// The rule is that of Redis, byte for byte (streams specification section 6): it counts what an
// entry would take in a listpack, with the field names of the node's first entry stored once. It
// runs once per XADD, so OpensNode() decides without looking into the payload wherever its size
// alone is enough. The one deviation: a node never gets above kMaxNodePayloadBytes of payload,
// whatever the settings, so that a node fits in a block.
//
// Owner: the stream, one NodeState for its open node. Thread: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/codec.h"
#include "engine/stream_id.h"

namespace engine {

class Block;

// A node that holds an entry takes no other one with which its payload would pass this size.
inline constexpr uint64_t kMaxNodePayloadBytes = 64 * 1024;

// Settings stream-node-max-entries and stream-node-max-bytes; 0 = no limit.
struct NodeLimits {
  uint64_t max_entries = 100;
  uint64_t max_bytes = 4096;
};

// The open node of a stream: the newest one that still has a live entry.
struct NodeState {
  StreamId first_id;         // Of the entry that opened it.
  uint32_t entry_count = 0;  // Deleted ones included.
  uint32_t deleted_count = 0;
  uint32_t master_field_count = 0;
  uint64_t listpack_bytes = 0;  // All but the two counters; see NodeBytes().
  uint64_t payload_bytes = 0;   // Of its entries, in wire form, deleted ones included.
  // Field names of the first entry, in wire form, concatenated. Left empty where the first entry
  // alone passes kMaxNodePayloadBytes: nothing is ever compared with them then.
  std::string master_fields;

  uint32_t live_count() const { return entry_count - deleted_count; }
  bool operator==(const NodeState&) const = default;
};

// Bytes of the listpack that Redis would have for this node.
uint64_t NodeBytes(const NodeState& node);

// Whether a new entry opens a node. `open_node` is null if the stream has no live node. `payload`
// is `arg_count` bulk strings in wire form.
bool OpensNode(const NodeState* open_node, const NodeLimits& limits, std::string_view payload,
               uint32_t arg_count);

// What the entry does to the open node; which of the two was decided by OpensNode().
void StartNode(NodeState* node, StreamId id, std::string_view payload, uint32_t arg_count);
void ExtendNode(NodeState* node, StreamId id, std::string_view payload, uint32_t arg_count);
// `count` live entries of the open node were deleted or trimmed exactly.
void MarkDeletedInNode(NodeState* node, uint32_t count);

// The state of the node opened by `first_id`, read from its block, for when the newer nodes are
// gone and it is open again. Entries below `live_from` count as deleted. Nothing if no node begins
// there. After Block::Compact() it knows of what is left only. Precondition: block.complete().
std::optional<NodeState> RebuildNode(const Block& block, StreamId first_id, StreamId live_from);

// Part of the stream record, which has the version and the checksum. Reading latches `decoder` on
// values out of range.
void PutNodeState(std::string* out, const NodeState& node);
NodeState ReadNodeState(Decoder* decoder);

}  // namespace engine
