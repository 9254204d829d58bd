// How many entries a position stands for: entries-read and lag (streams specification 4.2).
// Thread: loop.
#pragma once

#include <cstdint>
#include <optional>

#include "engine/stream.h"

namespace engine {

// Follows a group's position over the entries it passes, in order.
class PositionCounter {
 public:
  PositionCounter(const Stream& stream, const Group& group)
      : stream_(stream), last_id_(group.last_id), entries_read_(group.entries_read) {}

  void Pass(StreamId id);
  StreamId last_id() const { return last_id_; }
  std::optional<int64_t> entries_read() const { return entries_read_; }

 private:
  const Stream& stream_;
  StreamId last_id_;
  std::optional<int64_t> entries_read_;
};

// Entries ever added up to and including `id`; nothing if that cannot be known.
std::optional<int64_t> EstimatePosition(const Stream& stream, StreamId id);
// Entries the group has not read; nothing if that cannot be known.
std::optional<int64_t> GroupLag(const Stream& stream, const Group& group);

}  // namespace engine
