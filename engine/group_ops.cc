#include "engine/group_ops.h"

#include <algorithm>

#include "engine/apply.h"
#include "engine/check.h"
#include "engine/due.h"
#include "engine/engine.h"
#include "engine/exhaustion.h"
#include "engine/fault_point.h"
#include "engine/idle_removal.h"
#include "engine/release_batch.h"
#include "engine/require.h"
#include "engine/retire.h"

namespace engine {

ConsumerNumber EnsureConsumer(Core& core, const Op& op, Stream& stream, Group& group,
                              std::string_view name) {
  if (const Consumer* consumer = group.FindConsumer(name); consumer != nullptr) {
    return consumer->number;
  }
  const ConsumerNumber number = group.next_consumer;
  Emit(core, stream, ConsumerCreated{group.number, number, name, op.now.store_ms});
  ExpectIdle(core, op, stream, group);
  return number;
}

void NoteSeen(Core& core, const Op& op, Stream& stream, Group& group, ConsumerNumber consumer) {
  if (group.ConsumerByNumber(consumer)->seen_ms != op.now.store_ms) {
    Emit(core, stream, ConsumerSeen{group.number, consumer, op.now.store_ms, -1});
  }
}

void NoteActive(Core& core, const Op& op, Stream& stream, Group& group, ConsumerNumber consumer) {
  Emit(core, stream, ConsumerSeen{group.number, consumer, op.now.store_ms, op.now.store_ms});
}

std::optional<PendingRecord> FindRecord(const Group& group, StreamId id) {
  const size_t index = group.FindPage(id);
  if (index == group.pages.size()) {
    return std::nullopt;
  }
  CHECK(group.pages[index].unit != nullptr);
  return group.pages[index].unit->page.Find(id);
}

uint64_t NextDeliveryCount(uint64_t count) {
  return std::min(count + (PLANTED_BUG("uncounted_delivery") ? 0 : 1), kMaxDeliveryCount);
}

int64_t IdleMs(const Op& op, const PendingRecord& record) {
  return std::max<int64_t>(op.now.store_ms - record.delivery_ms, 0);
}

Result<Group*> Engine::OpenGroup(Op& op, Stream& stream, std::string_view name) {
  Core::Saw(op, stream);
  Group* group = stream.FindGroup(name);
  if (group == nullptr) {
    return Status(Code::kNoGroup);
  }
  return group;
}

Status Engine::CreateGroup(Op& op, Stream& stream, std::string_view name, StreamId last_id,
                           std::optional<int64_t> entries_read, const PolicyChange& policy) {
  Core::Saw(op, stream);
  if (stream.FindGroup(name) != nullptr) {
    return Status(Code::kGroupExists);
  }
  if (entries_read.has_value()) {
    entries_read = std::min(*entries_read, static_cast<int64_t>(stream.entries_added));
  }
  const GroupNumber number = stream.next_group;
  Emit(*core_, stream, GroupCreated{number, name, last_id, entries_read});
  Emit(*core_, stream, GroupTimed{number, op.now.store_ms});
  NoteGroupsChanged(*core_, op, stream);
  ExpectIdle(*core_, op, stream, *stream.GroupByNumber(number));
  if (!policy.empty()) {
    SetPolicy(op, stream, *stream.GroupByNumber(number), policy);
  }
  Core::Saw(op, stream);
  return OkStatus();
}

Status Engine::DestroyGroup(Op& op, Stream& stream, Group& group) {
  Emit(*core_, stream, GroupDestroyed{group.number});
  NoteGroupsChanged(*core_, op, stream);
  Core::Saw(op, stream);
  return OkStatus();
}

Status Engine::SetGroupId(Op& op, Stream& stream, Group& group, StreamId last_id,
                          std::optional<int64_t> entries_read) {
  if (entries_read.has_value()) {
    entries_read = std::min(*entries_read, static_cast<int64_t>(stream.entries_added));
  }
  Emit(*core_, stream, GroupMoved{group.number, last_id, entries_read});
  NoteGroupsChanged(*core_, op, stream);
  Core::Saw(op, stream);
  return OkStatus();
}

Result<bool> Engine::CreateConsumer(Op& op, Stream& stream, Group& group, std::string_view name) {
  Core::Saw(op, stream);
  if (group.FindConsumer(name) != nullptr) {
    return false;
  }
  EnsureConsumer(*core_, op, stream, group, name);
  Core::Saw(op, stream);
  return true;
}

namespace {

// Gives the consumer's records back as XNACK FAIL would; their pages are in memory.
Status ReleaseOwned(Core& core, Op& op, Stream& stream, Group& group, ConsumerNumber owner) {
  const GroupPolicy* policy = core.PolicyOf(group);
  ReleaseBatch released(core, stream, group, op.now.store_ms);
  std::vector<PendingRecord> exhausted;
  for (const PageSlot& slot : group.pages) {
    if (slot.OwnedBy(owner) == 0) {
      continue;
    }
    for (auto at = slot.unit->page.Begin(); at.valid(); at.Next()) {
      if (at.owner() != owner) {
        continue;
      }
      PendingRecord record = at.record();
      if (IsExhausted(policy, record)) {
        exhausted.push_back(std::move(record));
      } else {
        HandedBackRecord back;
        back.id = record.id;
        back.count = record.count;
        released.Add(back);
      }
    }
  }
  RETURN_IF_ERROR(RequireForExhaustion(core, op, stream, group, exhausted));
  Exhaust(core, op, stream, group, exhausted);
  released.Flush();
  ExpectDue(core, op.now, stream, group);
  return OkStatus();
}

}  // namespace

Result<int64_t> Engine::DeleteConsumer(Op& op, Stream& stream, Group& group,
                                       std::string_view name) {
  Core::Saw(op, stream);
  const Consumer* consumer = group.FindConsumer(name);
  if (consumer == nullptr) {
    return 0;
  }
  RequireOwnedPages(*core_, op, group, consumer->number);
  RETURN_IF_ERROR(core_->CheckLoaded(op));
  const int64_t pending = consumer->pending_count;
  const GroupPolicy* policy = core_->PolicyOf(group);
  if (policy != nullptr && policy->ack_wait_ms > 0) {
    RETURN_IF_ERROR(ReleaseOwned(*core_, op, stream, group, consumer->number));
  }
  KeepLastSeen(*core_, stream, group, op.now.store_ms);
  Emit(*core_, stream, ConsumerDeleted{group.number, consumer->number});
  if (pending > 0) {
    NoteGroupsChanged(*core_, op, stream);
  }
  Core::Saw(op, stream);
  return pending;
}

}  // namespace engine
