#include "engine/stream_copy.h"

#include <optional>
#include <string>
#include <vector>

#include "engine/apply.h"
#include "engine/check.h"
#include "engine/idle_removal.h"
#include "engine/limits.h"
#include "engine/retire.h"
#include "engine/schedule_walk.h"
#include "engine/steward.h"

namespace engine {
namespace {

// Entries of one block. `starts_node` says that the node of the entry before has ended, and is told
// so for the next block.
void CopyBlock(Core& core, const Stream& from, const Block& block, Stream& to) {
  bool starts_node = true;  // Nodes do not span blocks.
  for (Block::Cursor at = block.Begin(); at.valid(); at.Next()) {
    const EntryView& entry = at.entry();
    // The entry that opened the node may be gone; then the first one that is left does.
    starts_node = starts_node || entry.opens_node;
    if (entry.deleted || entry.id < from.first_id) {
      continue;
    }
    EntryAdded effect;
    effect.id = entry.id;
    effect.arg_count = entry.arg_count;
    effect.data_bytes = EntryDataBytes(entry.payload, entry.arg_count);
    effect.payload = entry.payload;
    effect.opens_node = starts_node;
    effect.opens_block =
        to.directory.empty() ||
        (starts_node && to.directory.Back().byte_size + entry.payload.size() > kBlockTargetBytes);
    Emit(core, to, effect);
    starts_node = false;
  }
}

void CopyEntries(Core& core, Stream& from, Stream& to) {
  if (from.entries_added > from.length) {
    // Ids between those of live entries were entries once: their pending records have none. Going
    // back below an id says so.
    Emit(core, to, IdSet{from.last_id, 0, {}});
    Emit(core, to, IdSet{{}, 0, {}});
  }
  const Directory& directory = from.directory;
  std::optional<Directory::Place> at;
  if (!directory.empty()) {
    at = directory.First();
  }
  for (; at.has_value(); at = directory.Next(*at)) {
    CopyBlock(core, from, directory.At(*at).unit->block, to);
  }
  Emit(core, to, IdSet{from.last_id, from.entries_added, from.max_deleted});
}

void CopyConsumers(Core& core, const Group& group, Stream& to) {
  for (const Consumer* consumer : group.consumers_by_number) {
    Emit(core, to,
         ConsumerCreated{group.number, consumer->number, consumer->name, consumer->seen_ms});
    if (consumer->active_ms >= 0) {
      Emit(core, to,
           ConsumerSeen{group.number, consumer->number, consumer->seen_ms, consumer->active_ms});
    }
  }
}

void CopyPending(Core& core, const Group& group, Stream& to) {
  std::vector<PendingRecord> records;
  for (const PageSlot& slot : group.pages) {
    records.clear();
    for (auto at = slot.unit->page.Begin(); at.valid(); at.Next()) {
      records.push_back(at.record());
    }
    Emit(core, to, PendingCopied{group.number, records});
  }
}

void CopyProducers(Core& core, const Stream& from, Stream& to) {
  if (from.producers != nullptr) {
    for (const ProducerSlot& slot : from.producers->slots) {
      slot.unit->page.ForEach([&](const ProducerName& name, const Producer& producer) {
        for (size_t i = 0; i < producer.size(); ++i) {
          const Producer::Iid& iid = producer.At(i);
          Emit(core, to, IidRecorded{name.text, iid.text, iid.id});
        }
      });
    }
  }
  if (from.iids_added > 0) {
    Emit(core, to, IidsCounted{from.iids_added, from.iids_duplicates});
  }
}

void CopyPolicy(Core& core, const Stream& from, Stream& to) {
  if (from.holds_letters) {
    Emit(core, to, LettersHeld());
  }
  if (from.counters != nullptr) {
    Emit(core, to, StreamCounted{*from.counters});
  }
  if (from.own_policy != nullptr) {
    std::string settings;
    from.own_policy->Encode(&settings);
    Emit(core, to, StreamPolicySet{settings});
  }
}

void CopyPolicy(Core& core, const Group& group, Stream& to) {
  Emit(core, to, GroupTimed{group.number, group.created_ms});
  if (group.counters != GroupCounters()) {
    Emit(core, to, GroupCounted{group.number, group.counters});
  }
  if (group.own_policy != nullptr) {
    std::string settings;
    group.own_policy->Encode(&settings);
    Emit(core, to, GroupPolicySet{group.number, settings});
  }
}

// What is scheduled keeps its token.
void CopySchedule(Core& core, Op& op, Stream& from, Stream& to) {
  const auto items = FindScheduled(core, op, from, {}, ScheduleToken::Max(), SIZE_MAX);
  CHECK(items.ok());  // PrepareCopy() saw to it.
  for (const auto& [token, entry] : *items) {
    Emit(core, to, Scheduled{*token, entry->arg_count, entry->data_bytes, entry->payload});
  }
}

}  // namespace

Status PrepareCopy(Core& core, Op& op, Stream& stream) {
  const uint64_t scheduled = stream.schedule == nullptr ? 0 : stream.schedule->payload_bytes();
  if (stream.data_bytes > kMaxCopyBytes || scheduled > kMaxCopyBytes / 2) {
    return Status(Code::kLimit, "the stream is too large to be copied");
  }
  for (const auto& page : stream.directory.pages()) {
    for (BlockSlot& slot : page->slots) {
      core.NeedBlock(op, stream, slot);
    }
  }
  for (Group* group : stream.groups_by_number) {
    for (PageSlot& slot : group->pages) {
      core.NeedPage(op, *group, slot);
    }
  }
  if (stream.producers != nullptr) {
    for (ProducerSlot& slot : stream.producers->slots) {
      core.NeedProducerPage(op, stream, slot);
    }
  }
  RETURN_IF_ERROR(FindScheduled(core, op, stream, {}, ScheduleToken::Max(), SIZE_MAX).status());
  return core.CheckLoaded(op);
}

void CopyStream(Core& core, Op& op, Stream& from, uint32_t db, std::string_view key) {
  Stream& to = InstallNewStream(core, core.keyspace.at(db), core.next_uid, key);
  Emit(core, to, StreamCreated{from.idmp_duration_s, from.idmp_max_size});
  CopyPolicy(core, from, to);
  CopyEntries(core, from, to);
  for (const Group* group : from.groups_by_number) {
    Emit(core, to, GroupCreated{group->number, group->name, group->last_id, group->entries_read});
    CopyPolicy(core, *group, to);
    CopyConsumers(core, *group, to);
    CopyPending(core, *group, to);
  }
  CopyProducers(core, from, to);
  ExpectIdle(core, op, to);
  NoteGroupsChanged(core, op, to);
  CopySchedule(core, op, from, to);
  if (from.expire_ms != 0) {
    Emit(core, to, ExpirySet{from.expire_ms});
  }
  // Other rules may match it.
  core.steward->Expect(to, core.policy_rules.empty() ? from.expected_ms : op.now.store_ms);
  Core::Saw(op, to);
}

}  // namespace engine
