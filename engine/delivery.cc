// Engine calls that hand entries to consumers: new ones, and a consumer's own pending ones.
#include <algorithm>

#include "engine/apply.h"
#include "engine/check.h"
#include "engine/counting.h"
#include "engine/engine.h"
#include "engine/entry_cursor.h"
#include "engine/group_ops.h"
#include "engine/limits.h"
#include "engine/require.h"

namespace engine {
namespace {

using Direction = EntryCursor::Direction;

EntryExtent NewEntries(const Group& group, const ReadNewArgs& args) {
  EntryExtent extent;
  const auto start = group.last_id.Next();
  extent.start = start.value_or(StreamId::Max());
  extent.end = StreamId::Max();
  extent.count = args.count > 0 ? args.count : -1;
  extent.max_bytes = args.max_bytes;
  return extent;
}

// Ids of the entries that the read will deliver; their blocks are in memory.
std::vector<StreamId> CollectIds(Stream& stream, const EntryExtent& extent) {
  std::vector<StreamId> ids;
  uint64_t bytes = 0;
  for (EntryCursor at(stream, extent.start, Direction::kForward);
       at.valid() && static_cast<int64_t>(ids.size()) != extent.count; at.Next()) {
    ids.push_back(at.entry().id);
    bytes += at.entry().payload.size() + kEntryReplyOverhead;
    if (extent.max_bytes > 0 && bytes >= extent.max_bytes) {
      break;
    }
  }
  return ids;
}

// Whether ids above the group's position may have pending records already: XGROUP SETID went back.
bool MayBePending(const Group& group) {
  return !group.pages.empty() && group.pages.back().Last() > group.last_id;
}

void RequireLastPage(Core& core, Op& op, Group& group) {
  if (!group.pages.empty() && group.pages.back().Count() < kMaxPendingRecords) {
    core.NeedPage(op, group, group.pages.back());
  }
}

// Records that a history read looks at: COUNT, and no more than its bound of bytes has room for.
int64_t HistoryCount(const HistoryArgs& args) {
  int64_t count = args.count > 0 ? args.count : INT64_MAX;
  if (args.max_bytes > 0) {
    count = std::min(count, static_cast<int64_t>(args.max_bytes / kEntryReplyOverhead) + 1);
  }
  return count;
}

// A consumer's pending ids above `after`, from pages in memory.
std::vector<StreamId> HistoryIds(const Group& group, ConsumerNumber owner,
                                 const HistoryArgs& args) {
  std::vector<StreamId> ids;
  const int64_t most = HistoryCount(args);
  const auto start = args.after.Next();
  if (!start.has_value()) {
    return ids;
  }
  for (size_t i = group.FindPageAtOrAfter(*start); i < group.pages.size(); ++i) {
    const PageSlot& slot = group.pages[i];
    if (slot.OwnedBy(owner) == 0) {
      continue;
    }
    CHECK(slot.unit != nullptr);
    for (auto at = slot.unit->page.Seek(*start); at.valid(); at.Next()) {
      if (at.owner() != owner) {
        continue;
      }
      ids.push_back(at.id());
      if (static_cast<int64_t>(ids.size()) == most) {
        return ids;
      }
    }
  }
  return ids;
}

void RequireHistoryPages(Core& core, Op& op, Group& group, ConsumerNumber owner,
                         const HistoryArgs& args) {
  int64_t count = 0;
  for (size_t i = group.FindPageAtOrAfter(args.after); i < group.pages.size(); ++i) {
    PageSlot& slot = group.pages[i];
    const uint32_t owned = slot.OwnedBy(owner);
    if (owned == 0) {
      continue;
    }
    core.NeedPage(op, group, slot);
    count += slot.first_id > args.after ? owned : 0;
    if (count >= HistoryCount(args)) {
      return;
    }
  }
}

}  // namespace

bool Engine::HasNew(const Stream& stream, const Group& group) const {
  return stream.length > 0 && stream.last_live_id > group.last_id;
}

Status Engine::PrepareReadNew(Op& op, Stream& stream, Group& group, const ReadNewArgs& args) {
  Core::Saw(op, stream);
  if (!HasNew(stream, group)) {
    return OkStatus();
  }
  const EntryExtent extent = NewEntries(group, args);
  RequireEntries(*core_, op, stream, extent);
  if (!args.no_ack) {
    RequireLastPage(*core_, op, group);
  }
  RETURN_IF_ERROR(core_->CheckLoaded(op));
  if (!args.no_ack && MayBePending(group)) {
    RequirePending(*core_, op, group, CollectIds(stream, extent));
  }
  return core_->CheckLoaded(op);
}

Result<int64_t> Engine::ReadNew(Op& op, Stream& stream, Group& group, const ReadNewArgs& args,
                                EntrySink sink) {
  RETURN_IF_ERROR(PrepareReadNew(op, stream, group, args));
  const ConsumerNumber consumer = EnsureConsumer(*core_, op, stream, group, args.consumer);
  if (args.no_ack || !HasNew(stream, group)) {
    NoteSeen(*core_, op, stream, group, consumer);
  }
  if (!HasNew(stream, group)) {
    return 0;
  }
  const EntryExtent extent = NewEntries(group, args);
  PositionCounter position(stream, group);
  std::vector<StreamId>& ids = core_->id_scratch;
  ids.clear();
  uint64_t bytes = 0;
  for (EntryCursor at(stream, extent.start, Direction::kForward);
       at.valid() && static_cast<int64_t>(ids.size()) != extent.count; at.Next()) {
    const EntryView& entry = at.entry();
    position.Pass(entry.id);
    ids.push_back(entry.id);
    sink(entry);
    bytes += entry.payload.size() + kEntryReplyOverhead;
    if (extent.max_bytes > 0 && bytes >= extent.max_bytes) {
      break;
    }
  }
  Emit(*core_, stream, GroupMoved{group.number, position.last_id(), position.entries_read()});
  if (!args.no_ack) {
    Emit(*core_, stream,
         Delivered{group.number, consumer, op.now.store_ms, group.next_sequence, ids});
  }
  Core::Saw(op, stream);
  return static_cast<int64_t>(ids.size());
}

Status Engine::PrepareReadHistory(Op& op, Stream& stream, Group& group, const HistoryArgs& args) {
  Core::Saw(op, stream);
  const Consumer* consumer = group.FindConsumer(args.consumer);
  if (consumer == nullptr || consumer->pending_count == 0) {
    return OkStatus();
  }
  RequireHistoryPages(*core_, op, group, consumer->number, args);
  RETURN_IF_ERROR(core_->CheckLoaded(op));
  for (const StreamId id : HistoryIds(group, consumer->number, args)) {
    RequireEntry(*core_, op, stream, id);
  }
  return core_->CheckLoaded(op);
}

Result<int64_t> Engine::ReadHistory(Op& op, Stream& stream, Group& group, const HistoryArgs& args,
                                    HistorySink sink) {
  RETURN_IF_ERROR(PrepareReadHistory(op, stream, group, args));
  const ConsumerNumber consumer = EnsureConsumer(*core_, op, stream, group, args.consumer);
  NoteSeen(*core_, op, stream, group, consumer);
  std::vector<ClaimedRecord> redelivered;
  int64_t count = 0;
  uint64_t bytes = 0;
  for (const StreamId id : HistoryIds(group, consumer, args)) {
    const auto entry = FindLiveEntry(stream, id);
    sink(id, entry.has_value() ? &*entry : nullptr);
    ++count;
    if (entry.has_value()) {
      redelivered.push_back({id, NextDeliveryCount(FindRecord(group, id)->count)});
      bytes += entry->payload.size();
    }
    bytes += kEntryReplyOverhead;
    if (args.max_bytes > 0 && bytes >= args.max_bytes) {
      break;
    }
  }
  if (!redelivered.empty()) {
    Emit(*core_, stream,
         Claimed{group.number, consumer, op.now.store_ms, group.next_sequence, redelivered});
  }
  Core::Saw(op, stream);
  return count;
}

Result<int64_t> Engine::Acknowledge(Op& op, Stream& stream, Group& group,
                                    std::span<const StreamId> ids) {
  RequirePending(*core_, op, group, ids);
  RETURN_IF_ERROR(core_->CheckLoaded(op));
  std::vector<StreamId>& present = core_->id_scratch;
  present.clear();
  bool ascending = true;
  for (const StreamId id : ids) {
    if (FindRecord(group, id).has_value()) {
      ascending = ascending && (present.empty() || present.back() < id);
      present.push_back(id);
    }
  }
  if (!ascending) {
    // A repeated id counts once.
    std::sort(present.begin(), present.end());
    present.erase(std::unique(present.begin(), present.end()), present.end());
  }
  if (!present.empty()) {
    Emit(*core_, stream, Acknowledged{group.number, present});
  }
  Core::Saw(op, stream);
  return static_cast<int64_t>(present.size());
}

}  // namespace engine
