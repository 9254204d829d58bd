// The engine call that gives pending records back to their group.
#include <algorithm>

#include "engine/apply.h"
#include "engine/engine.h"
#include "engine/entry_cursor.h"
#include "engine/group_ops.h"
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
  std::vector<ClaimedRecord> released;
  int64_t total = 0;
  const auto flush = [&] {
    if (!released.empty()) {
      Emit(*core_, stream, Released{group.number, op.now.store_ms, group.next_sequence, released});
      released.clear();
    }
  };
  for (const StreamId id : ids) {
    if (!released.empty() && id <= released.back().id) {
      flush();  // It may have been released by this very command.
    }
    const auto record = FindRecord(group, id);
    if (!record.has_value() && !(args.force && FindLiveEntry(stream, id).has_value())) {
      continue;
    }
    released.push_back(
        {id, CountAfter(args, record.has_value() ? std::optional<uint64_t>(record->count)
                                                 : std::nullopt)});
    ++total;
  }
  flush();
  Core::Saw(op, stream);
  return total;
}

}  // namespace engine
