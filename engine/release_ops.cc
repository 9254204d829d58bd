// The engine call that gives pending records back to their group.
#include <algorithm>

#include "engine/apply.h"
#include "engine/due.h"
#include "engine/engine.h"
#include "engine/entry_cursor.h"
#include "engine/group_ops.h"
#include "engine/limits.h"
#include "engine/release_batch.h"
#include "engine/require.h"

namespace engine {
namespace {

// `count` is nothing where a record is made for the release.
uint64_t CountAfter(const ReleaseArgs& args, std::optional<uint64_t> count) {
  if (args.retry_count.has_value()) {
    return *args.retry_count;
  }
  switch (args.mode) {
    case ReleaseArgs::Mode::kSilent:
      return std::max<uint64_t>(count.value_or(0), 1) - 1;
    case ReleaseArgs::Mode::kFail:
      return count.value_or(0);
    case ReleaseArgs::Mode::kFatal:
      break;
  }
  return kMaxDeliveryCount;
}

int64_t DueAfter(const Op& op, int64_t delay_ms) {
  return op.now.store_ms + std::min(delay_ms, kMaxDelayMs);
}

}  // namespace

Result<int64_t> Engine::Release(Op& op, Stream& stream, Group& group, const ReleaseArgs& args,
                                std::span<const StreamId> ids) {
  RequirePending(*core_, op, group, ids);
  if (args.force) {
    for (const StreamId id : ids) {
      RequireEntry(*core_, op, stream, id);
    }
  }
  RETURN_IF_ERROR(core_->CheckLoaded(op));
  ReleaseBatch released(*core_, stream, group, op.now.store_ms);
  int64_t total = 0;
  for (const StreamId id : ids) {
    released.Approach(id);
    const auto record = FindRecord(group, id);
    if (!record.has_value() && !(args.force && FindLiveEntry(stream, id).has_value())) {
      continue;
    }
    HandedBackRecord back;
    back.id = id;
    back.count = CountAfter(
        args, record.has_value() ? std::optional<uint64_t>(record->count) : std::nullopt);
    back.due_ms = args.delay_ms.has_value() ? DueAfter(op, *args.delay_ms) : 0;
    // Only who sets the count takes a record from where it is parked.
    back.parked = record.has_value() && record->parked && !args.retry_count.has_value();
    back.reason = args.reason;
    released.Add(back);
    ++total;
  }
  released.Flush();
  ExpectDue(*core_, op.now, stream, group);
  Core::Saw(op, stream);
  return total;
}

}  // namespace engine
