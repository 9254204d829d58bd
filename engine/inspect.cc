#include "engine/inspect.h"

#include "engine/stream.h"

namespace engine {

StreamInfo Inspect(const Stream& stream) {
  StreamInfo info;
  info.length = static_cast<int64_t>(stream.length);
  info.last_id = stream.last_id;
  info.first_id = stream.first_id;
  info.max_deleted_id = stream.max_deleted;
  info.entries_added = stream.entries_added;
  info.data_bytes = stream.data_bytes;
  info.node_count = stream.node_count;
  info.idmp_duration_s = stream.idmp_duration_s;
  info.idmp_max_size = stream.idmp_max_size;
  info.iids_added = stream.iids_added;
  info.iids_duplicates = stream.iids_duplicates;
  if (stream.counters != nullptr) {
    info.counters = *stream.counters;
  }
  info.group_count = static_cast<uint32_t>(stream.groups_by_number.size());
  return info;
}

GroupInfo Inspect(const Group& group) {
  GroupInfo info;
  info.name = group.name;
  info.last_id = group.last_id;
  info.entries_read = group.entries_read;
  info.pending_count = group.pending_count;
  info.released_count = group.released_count;
  info.consumer_count = static_cast<uint32_t>(group.consumers_by_number.size());
  return info;
}

bool HasConsumer(const Group& group, std::string_view name) {
  return group.FindConsumer(name) != nullptr;
}

void ForEachGroup(Stream& stream, absl::FunctionRef<void(Group*)> visit) {
  for (const auto& [name, group] : stream.groups) {
    visit(group.get());
  }
}

void ForEachConsumer(const Group& group, absl::FunctionRef<void(const ConsumerInfo&)> visit) {
  for (const auto& [name, consumer] : group.consumers) {
    ConsumerInfo info;
    info.name = consumer->name;
    info.pending_count = consumer->pending_count;
    info.seen_ms = consumer->seen_ms;
    info.active_ms = consumer->active_ms;
    visit(info);
  }
}

}  // namespace engine
