// Read-only views of a stream, its groups and their consumers, for XINFO, XLEN and the like.
//
// Everything here is in memory once the stream is (Engine::OpenStream): nothing loads, nothing
// changes, nothing depends on how much the stream holds. Views and names live as long as the handle
// they came from.
// Owner: nobody, plain values. Thread: loop.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "engine/counters.h"
#include "engine/stream_id.h"

namespace engine {

class Stream;
class Group;

struct StreamInfo {
  int64_t length = 0;
  StreamId last_id;         // last-generated-id
  StreamId first_id;        // Of the oldest live entry; 0-0 when there is none.
  StreamId max_deleted_id;  // max-deleted-entry-id
  uint64_t entries_added = 0;
  uint64_t data_bytes = 0;  // Lengths of all fields and values.
  uint64_t node_count = 0;  // Nodes of `~` trimming with a live entry; 0 exactly when length is 0.
  uint32_t group_count = 0;
  uint32_t idmp_duration_s = 0;
  uint32_t idmp_max_size = 0;
  uint64_t iids_added = 0;
  uint64_t iids_duplicates = 0;
  StreamCounters counters;
};

struct GroupInfo {
  std::string_view name;
  StreamId last_id;                     // last-delivered-id
  std::optional<int64_t> entries_read;  // Nothing = invalid.
  int64_t pending_count = 0;            // Released records included.
  int64_t released_count = 0;           // Records without an owner ("nacked").
  uint32_t consumer_count = 0;
};

struct ConsumerInfo {
  std::string_view name;
  int64_t pending_count = 0;
  int64_t seen_ms = 0;     // Store time of the last attempt.
  int64_t active_ms = -1;  // Store time of the last success; -1 = never.
};

StreamInfo Inspect(const Stream& stream);
GroupInfo Inspect(const Group& group);
bool HasConsumer(const Group& group, std::string_view name);

// In ascending order of the names' bytes. Nothing may change the stream meanwhile; read-only engine
// calls (Range, ListPending, Lag) are fine.
void ForEachGroup(Stream& stream, absl::FunctionRef<void(Group*)> visit);
void ForEachConsumer(const Group& group, absl::FunctionRef<void(const ConsumerInfo&)> visit);

}  // namespace engine
