#include "engine/counting.h"

#include "engine/fault_point.h"

namespace engine {
namespace {

// Whether entries at or after `id` may have been deleted, so that counting on from it is unsafe.
bool TombstonesFrom(const Stream& stream, StreamId id) {
  return stream.length > 0 && !stream.max_deleted.IsZero() && id <= stream.max_deleted;
}

}  // namespace

std::optional<int64_t> EstimatePosition(const Stream& stream, StreamId id) {
  const auto added = static_cast<int64_t>(stream.entries_added);
  if (added == 0) {
    return 0;
  }
  if (stream.length == 0 && id <= stream.last_id) {
    return added;
  }
  if (!id.IsZero() && id < stream.max_deleted) {
    return std::nullopt;
  }
  if (id == stream.last_id) {
    return added;
  }
  if (id > stream.last_id) {
    return std::nullopt;
  }
  if (stream.max_deleted.IsZero() || stream.max_deleted < stream.first_id) {
    const int64_t before_first = added - static_cast<int64_t>(stream.length);
    if (id < stream.first_id) {
      return before_first;
    }
    if (id == stream.first_id) {
      return before_first + 1;
    }
  }
  return std::nullopt;
}

std::optional<int64_t> GroupLag(const Stream& stream, const Group& group) {
  const auto added = static_cast<int64_t>(stream.entries_added);
  if (added == 0 || stream.length == 0) {
    return 0;
  }
  if (group.last_id < stream.first_id && stream.max_deleted < stream.first_id) {
    return static_cast<int64_t>(stream.length);
  }
  if (group.entries_read.has_value() && !TombstonesFrom(stream, group.last_id)) {
    return added - *group.entries_read + (PLANTED_BUG("wrong_lag") ? 1 : 0);
  }
  const auto position = EstimatePosition(stream, group.last_id);
  return position.has_value() ? std::optional<int64_t>(added - *position) : std::nullopt;
}

void PositionCounter::Pass(StreamId id) {
  if (entries_read_.has_value() && last_id_ >= stream_.first_id &&
      !TombstonesFrom(stream_, last_id_)) {
    ++*entries_read_;
  } else if (stream_.entries_added > 0) {
    entries_read_ = EstimatePosition(stream_, id);
  }
  last_id_ = id;
}

}  // namespace engine
