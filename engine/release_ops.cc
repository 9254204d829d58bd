// The engine call that gives pending records back to their group.
#include <algorithm>

#include "engine/apply.h"
#include "engine/due.h"
#include "engine/engine.h"
#include "engine/entry_cursor.h"
#include "engine/exhaustion.h"
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

// Whether the release uses a record up, and what is told of it then. `record` is the one there is,
// or one that was made for the release and knows its id alone.
std::optional<PendingRecord> UsedUp(const GroupPolicy* policy, const ReleaseArgs& args,
                                    PendingRecord record) {
  const bool is_fatal = args.mode == ReleaseArgs::Mode::kFatal;
  if (args.mode == ReleaseArgs::Mode::kSilent || (is_fatal && !FatalCounts(policy))) {
    return std::nullopt;
  }
  if (args.retry_count.has_value()) {
    record.count = *args.retry_count;
    record.parked = false;  // If it is parked again, then for another reason.
  }
  if (!args.reason.empty()) {
    record.reason = args.reason;
  }
  if (record.parked && !is_fatal) {
    return std::nullopt;  // It stays where it is.
  }
  record.fatal = is_fatal;
  return is_fatal || IsExhausted(policy, record) ? std::optional(record) : std::nullopt;
}

// Those that UsedUp() will name: what becomes of them must be in memory.
std::vector<StreamId> UsedUpIds(const Group& group, const GroupPolicy* policy,
                                const ReleaseArgs& args, std::span<const StreamId> ids) {
  std::vector<StreamId> used_up;
  for (const StreamId id : ids) {
    PendingRecord record = FindRecord(group, id).value_or(PendingRecord());
    if (UsedUp(policy, args, std::move(record)).has_value()) {
      used_up.push_back(id);
    }
  }
  return used_up;
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
  const GroupPolicy* policy = core_->PolicyOf(group);
  if (FatalCounts(policy)) {
    RETURN_IF_ERROR(
        RequireForExhaustion(*core_, op, stream, group, UsedUpIds(group, policy, args, ids)));
  }
  ReleaseBatch released(*core_, stream, group, op.now.store_ms);
  std::vector<PendingRecord> used_up;
  StreamId newest;
  int64_t total = 0;
  const auto flush = [&] {
    released.Flush();
    Exhaust(*core_, op, stream, group, used_up);
    used_up.clear();
  };
  for (const StreamId id : ids) {
    if (id <= newest) {
      flush();  // It may have been released by this very command.
    }
    newest = id;
    const auto record = FindRecord(group, id);
    if (!record.has_value() && !(args.force && FindLiveEntry(stream, id).has_value())) {
      continue;
    }
    ++total;
    PendingRecord made;
    made.id = id;
    auto exhausted = UsedUp(policy, args, record.value_or(made));
    if (!exhausted.has_value() || !record.has_value()) {
      HandedBackRecord back;
      back.id = id;
      back.count = CountAfter(
          args, record.has_value() ? std::optional<uint64_t>(record->count) : std::nullopt);
      back.due_ms = args.delay_ms.has_value() ? DueAfter(op, *args.delay_ms) : 0;
      // Only who sets the count takes a record from where it is parked.
      back.parked = record.has_value() && record->parked && !args.retry_count.has_value();
      back.fatal = back.parked && record->fatal;
      back.reason = args.reason;
      released.Add(back);
    }
    if (exhausted.has_value()) {
      used_up.push_back(*std::move(exhausted));
    }
  }
  flush();
  ExpectDue(*core_, op.now, stream, group);
  Core::Saw(op, stream);
  return total;
}

}  // namespace engine
