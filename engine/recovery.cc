#include "engine/recovery.h"

#include <utility>

#include "engine/loader.h"
#include "engine/require.h"

namespace engine {
namespace {

Status Inconsistent(const char* what) {
  return Status(Code::kCorruption, std::string("journal does not fit the store: ") + what);
}

}  // namespace

Op Replayer::MakeOp() const {
  Op op;
  op.read_misses = true;
  return op;
}

Status Replayer::ApplyRecord(Turn turn, std::string_view record) {
  core_.turn = turn;
  named_.clear();
  return VisitEffects(record, this);
}

Result<Stream*> Replayer::StreamOf(uint32_t number) {
  Stream* stream = named_[number].stream;
  if (stream == nullptr) {
    return Inconsistent("an effect on a stream that does not exist");
  }
  return stream;
}

Result<Group*> Replayer::GroupOf(Stream& stream, GroupNumber number) {
  Group* group = stream.GroupByNumber(number);
  if (group == nullptr) {
    return Inconsistent("an effect on a group that does not exist");
  }
  return group;
}

Status Replayer::OnStreamNamed(uint32_t stream, const StreamNamed& effect) {
  Named named;
  named.database = core_.keyspace.ByPhysical(effect.physical_db);
  if (named.database == nullptr || stream != named_.size()) {
    return Inconsistent("an unknown database");
  }
  named.uid = effect.uid;
  named.key = std::string(effect.key);
  if (Keyspace::Find(*named.database, effect.key) == nullptr &&
      named.database->stored_key_count > 0) {
    LoadItem item;
    item.physical_db = effect.physical_db;
    item.key = named.key;
    RETURN_IF_ERROR(core_.loader->LoadNow({item}, nullptr));
  }
  KeyHolder* holder = Keyspace::Find(*named.database, effect.key);
  if (holder != nullptr && holder->kind == UnitKind::kStream) {
    named.stream = static_cast<Stream*>(holder);
    if (named.stream->uid != effect.uid) {
      return Inconsistent("a key that should have been deleted");
    }
  }
  named_.push_back(std::move(named));
  return OkStatus();
}

Status Replayer::On(uint32_t stream, const StreamCreated& effect) {
  Named& named = named_[stream];
  if (named.stream == nullptr) {
    named.stream = &InstallNewStream(core_, *named.database, named.uid, named.key);
  }
  Apply(core_, *named.stream, effect);
  return OkStatus();
}

Status Replayer::On(uint32_t stream, const EntryAdded& effect) {
  ASSIGN_OR_RETURN(Stream * target, StreamOf(stream));
  if (effect.id <= target->last_id || (target->directory.empty() && !effect.opens_block)) {
    return Inconsistent("an entry that is there already");
  }
  Apply(core_, *target, effect);
  return OkStatus();
}

Status Replayer::On(uint32_t stream, const EntriesDeleted& effect) {
  ASSIGN_OR_RETURN(Stream * target, StreamOf(stream));
  Op op = MakeOp();
  RequireForDelete(core_, op, *target, effect.ids);
  RETURN_IF_ERROR(core_.CheckLoaded(op));
  Apply(core_, *target, effect);
  return OkStatus();
}

Status Replayer::On(uint32_t stream, const Trimmed& effect) {
  ASSIGN_OR_RETURN(Stream * target, StreamOf(stream));
  Op op = MakeOp();
  RequireForTrim(core_, op, *target, effect.first_id);
  RETURN_IF_ERROR(core_.CheckLoaded(op));
  Apply(core_, *target, effect);
  return OkStatus();
}

Status Replayer::On(uint32_t stream, const IdSet& effect) {
  ASSIGN_OR_RETURN(Stream * target, StreamOf(stream));
  Apply(core_, *target, effect);
  return OkStatus();
}

Status Replayer::On(uint32_t stream, const GroupCreated& effect) {
  ASSIGN_OR_RETURN(Stream * target, StreamOf(stream));
  if (target->FindGroup(effect.name) != nullptr) {
    return Inconsistent("a group that exists already");
  }
  Apply(core_, *target, effect);
  return OkStatus();
}

template <typename Effect>
Status Replayer::ApplyToGroup(uint32_t stream, const Effect& effect) {
  ASSIGN_OR_RETURN(Stream * target, StreamOf(stream));
  RETURN_IF_ERROR(GroupOf(*target, effect.group).status());
  Apply(core_, *target, effect);
  return OkStatus();
}

Status Replayer::On(uint32_t stream, const GroupDestroyed& effect) {
  return ApplyToGroup(stream, effect);
}

Status Replayer::On(uint32_t stream, const GroupMoved& effect) {
  return ApplyToGroup(stream, effect);
}

Status Replayer::On(uint32_t stream, const ConsumerCreated& effect) {
  return ApplyToGroup(stream, effect);
}

Status Replayer::On(uint32_t stream, const ConsumerDeleted& effect) {
  ASSIGN_OR_RETURN(Stream * target, StreamOf(stream));
  ASSIGN_OR_RETURN(Group * group, GroupOf(*target, effect.group));
  Op op = MakeOp();
  RequireOwnedPages(core_, op, *group, effect.consumer);
  RETURN_IF_ERROR(core_.CheckLoaded(op));
  Apply(core_, *target, effect);
  return OkStatus();
}

Status Replayer::On(uint32_t stream, const ConsumerSeen& effect) {
  // Soft: recorded later than it happened, so what it speaks of may be gone.
  if (named_[stream].stream != nullptr) {
    Apply(core_, *named_[stream].stream, effect);
  }
  return OkStatus();
}

Status Replayer::On(uint32_t stream, const Delivered& effect) {
  ASSIGN_OR_RETURN(Stream * target, StreamOf(stream));
  ASSIGN_OR_RETURN(Group * group, GroupOf(*target, effect.group));
  Op op = MakeOp();
  RequirePending(core_, op, *group, effect.ids);
  RETURN_IF_ERROR(core_.CheckLoaded(op));
  Apply(core_, *target, effect);
  return OkStatus();
}

Status Replayer::On(uint32_t stream, const Acknowledged& effect) {
  ASSIGN_OR_RETURN(Stream * target, StreamOf(stream));
  ASSIGN_OR_RETURN(Group * group, GroupOf(*target, effect.group));
  Op op = MakeOp();
  RequirePending(core_, op, *group, effect.ids);
  RETURN_IF_ERROR(core_.CheckLoaded(op));
  Apply(core_, *target, effect);
  return OkStatus();
}

template <typename Effect>
Status Replayer::ApplyToRecords(uint32_t stream, const Effect& effect) {
  ASSIGN_OR_RETURN(Stream * target, StreamOf(stream));
  ASSIGN_OR_RETURN(Group * group, GroupOf(*target, effect.group));
  std::vector<StreamId> ids;
  for (const ClaimedRecord& record : effect.records) {
    ids.push_back(record.id);
  }
  Op op = MakeOp();
  RequirePending(core_, op, *group, ids);
  RETURN_IF_ERROR(core_.CheckLoaded(op));
  Apply(core_, *target, effect);
  return OkStatus();
}

Status Replayer::On(uint32_t stream, const Claimed& effect) {
  return ApplyToRecords(stream, effect);
}

Status Replayer::On(uint32_t stream, const Released& effect) {
  return ApplyToRecords(stream, effect);
}

Status Replayer::OnKeyDeleted(uint32_t stream) {
  ASSIGN_OR_RETURN(Stream * target, StreamOf(stream));
  ApplyKeyDeleted(core_, *target);
  named_[stream].stream = nullptr;
  return OkStatus();
}

Status Replayer::On(const DatabaseFlushed& effect) {
  if (effect.database >= core_.keyspace.size()) {
    return Inconsistent("an unknown database");
  }
  for (Named& named : named_) {
    if (named.database == &core_.keyspace.at(effect.database)) {
      named.stream = nullptr;
    }
  }
  Apply(core_, effect);
  return OkStatus();
}

Status Replayer::On(const ClockStepped& effect) {
  Apply(core_, effect);
  return OkStatus();
}

}  // namespace engine
