#include "engine/recovery.h"

#include <algorithm>
#include <utility>

#include "engine/codec.h"
#include "engine/loader.h"
#include "engine/policy.h"
#include "engine/producers.h"
#include "engine/require.h"

namespace engine {
namespace {

Status Inconsistent(const char* what) {
  return Status(Code::kCorruption, std::string("journal does not fit the store: ") + what);
}

Status CheckSettings(std::string_view settings, std::span<const PolicyOptionSpec> specs) {
  Decoder decoder(settings);
  PolicySettings::Decode(&decoder, specs);
  return decoder.AtEnd() ? OkStatus() : Status(Code::kCorruption, "a policy is malformed");
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

Result<ValueHolder*> Replayer::ValueOf(uint32_t number) {
  ValueHolder* value = named_[number].value;
  if (value == nullptr) {
    return Inconsistent("an effect on a key that does not exist");
  }
  return value;
}

Result<Stream*> Replayer::StreamOf(uint32_t number) {
  ASSIGN_OR_RETURN(ValueHolder * value, ValueOf(number));
  if (value->kind != UnitKind::kStream) {
    return Inconsistent("an effect on a stream that is none");
  }
  return static_cast<Stream*>(value);
}

Status Replayer::LoadKey(Database& database, const std::string& key) {
  if (Keyspace::Find(database, key) != nullptr || database.stored_key_count == 0) {
    return OkStatus();
  }
  LoadItem item;
  item.physical_db = database.physical;
  item.key = key;
  return core_.loader->LoadNow({item}, nullptr);
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
  ASSIGN_OR_RETURN(named.is_damaged, IsDamaged(named));
  if (named.is_damaged) {
    named_.push_back(std::move(named));
    return OkStatus();
  }
  named.value = AsValue(Keyspace::Find(*named.database, effect.key));
  // A key that was deleted while it was damaged may have had a uid that nobody knew.
  if (named.value != nullptr && named.value->uid != effect.uid && effect.uid != 0) {
    return Inconsistent("a key that should have been deleted");
  }
  named_.push_back(std::move(named));
  return OkStatus();
}

Result<bool> Replayer::IsDamaged(Named& named) {
  const auto known = core_.known_damage.find({named.database->physical, named.uid});
  if (known != core_.known_damage.end()) {
    if (Keyspace::Find(*named.database, named.key) == nullptr) {
      InstallDamagedKey(core_, *named.database, named.uid, named.key, known->second);
    }
    return true;
  }
  RETURN_IF_ERROR(LoadKey(*named.database, named.key));
  DamagedKey* damaged = AsDamaged(Keyspace::Find(*named.database, named.key));
  if (damaged == nullptr) {
    return false;
  }
  if (damaged->uid == 0) {
    damaged->uid = named.uid;
  }
  if (named.uid != 0 && damaged->uid != named.uid) {
    return Inconsistent("a damaged key that should have been deleted");
  }
  return true;
}

void Replayer::Keep(const Named& named, std::string_view effect) {
  // The newest ones are at the end; a turn may go to and fro between keys.
  std::vector<KeptEffects>& all = core_.kept_effects;
  auto kept = std::find_if(all.rbegin(), all.rend(), [&](const KeptEffects& one) {
    return one.turn != core_.turn || one.uid == named.uid;
  });
  if (kept == all.rend() || kept->turn != core_.turn) {
    const StreamNamed name{named.database->physical, named.uid, named.key};
    all.push_back({name.physical_db, named.uid, core_.turn, named.key, EncodeStreamNamed(name)});
    kept = all.rbegin();
  }
  core_.keeps_effects = true;
  kept->effects += RenumberEffect(effect, 0);
  if (DamagedKey* damaged = AsDamaged(Keyspace::Find(*named.database, named.key))) {
    damaged->keeps_effects = true;
  }
}

Status Replayer::AfterEffect(uint32_t stream, std::string_view bytes, Status said) {
  Named& named = named_[stream];
  if (named.is_damaged) {
    if (TypeOfEffect(bytes) == EffectType::kKeyRenamed) {
      return Inconsistent("a damaged key was renamed");
    }
    Keep(named, bytes);
    return OkStatus();
  }
  if (said.code() != Code::kCorruption) {
    return said;
  }
  core_.known_damage[{named.database->physical, named.uid}] = said.message();
  core_.has_new_damage = true;
  named.is_damaged = true;
  return OkStatus();
}

template <typename Effect>
Status Replayer::ApplyTo(uint32_t stream, const Effect& effect) {
  ASSIGN_OR_RETURN(Stream * target, StreamOf(stream));
  Apply(core_, *target, effect);
  return OkStatus();
}

Status Replayer::On(uint32_t stream, const StreamCreated& effect) {
  Named& named = named_[stream];
  if (named.value == nullptr && !named.is_damaged) {
    named.value = &InstallNewStream(core_, *named.database, named.uid, named.key);
  }
  ASSIGN_OR_RETURN(Stream * target, StreamOf(stream));
  Apply(core_, *target, effect);
  return OkStatus();
}

Status Replayer::On(uint32_t stream, const EntryAdded& effect) {
  ASSIGN_OR_RETURN(Stream * target, StreamOf(stream));
  if (effect.id <= target->last_id || (target->directory.empty() && !effect.opens_block) ||
      (!target->open_node.has_value() && !effect.opens_node)) {
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
  for (const StreamId id : effect.ids) {
    const auto place = target->directory.Find(id);
    const BlockUnit* unit = place.has_value() ? target->directory.At(*place).unit.get() : nullptr;
    const auto entry = unit == nullptr ? std::nullopt : unit->block.Find(id);
    if (!entry.has_value() || entry->deleted || id < target->first_id) {
      return Inconsistent("a deletion of what is not there");
    }
  }
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

Status Replayer::On(uint32_t stream, const RangesTrimmed& effect) {
  ASSIGN_OR_RETURN(Stream * target, StreamOf(stream));
  Op op = MakeOp();
  RequireForRanges(core_, op, *target, effect.ranges);
  RETURN_IF_ERROR(core_.CheckLoaded(op));
  Apply(core_, *target, effect);
  return OkStatus();
}

Status Replayer::On(uint32_t stream, const IdSet& effect) { return ApplyTo(stream, effect); }

Status Replayer::On(uint32_t stream, const IidRecorded& effect) {
  ASSIGN_OR_RETURN(Stream * target, StreamOf(stream));
  Op op = MakeOp();
  RequireProducer(core_, op, *target, effect.producer);
  RETURN_IF_ERROR(core_.CheckLoaded(op));
  Apply(core_, *target, effect);
  return OkStatus();
}

Status Replayer::On(uint32_t stream, const DuplicateRefused& effect) {
  return ApplyTo(stream, effect);
}

Status Replayer::On(uint32_t stream, const IidsCounted& effect) { return ApplyTo(stream, effect); }

Status Replayer::On(uint32_t stream, const IidsForgotten& effect) {
  ASSIGN_OR_RETURN(Stream * target, StreamOf(stream));
  Op op = MakeOp();
  RequireForForgetting(core_, op, *target, effect);
  RETURN_IF_ERROR(core_.CheckLoaded(op));
  Apply(core_, *target, effect);
  return OkStatus();
}

Status Replayer::On(uint32_t stream, const IdempotencySet& effect) {
  return ApplyTo(stream, effect);
}

Status Replayer::On(uint32_t stream, const GroupCreated& effect) {
  ASSIGN_OR_RETURN(Stream * target, StreamOf(stream));
  if (target->FindGroup(effect.name) != nullptr) {
    return Inconsistent("a group that exists already");
  }
  Apply(core_, *target, effect);
  return OkStatus();
}

Status Replayer::CheckOwner(const Group& group, ConsumerNumber consumer) {
  return group.ConsumerByNumber(consumer) != nullptr
             ? OkStatus()
             : Inconsistent("an effect on a consumer that does not exist");
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
  RETURN_IF_ERROR(CheckOwner(*group, effect.consumer));
  RequireOwnedPages(core_, op, *group, effect.consumer);
  RETURN_IF_ERROR(core_.CheckLoaded(op));
  Apply(core_, *target, effect);
  return OkStatus();
}

Status Replayer::On(uint32_t stream, const ConsumerSeen& effect) {
  // Soft: recorded later than it happened, so what it speaks of may be gone.
  if (named_[stream].value == nullptr) {
    return OkStatus();
  }
  ASSIGN_OR_RETURN(Stream * target, StreamOf(stream));
  Apply(core_, *target, effect);
  return OkStatus();
}

Status Replayer::On(uint32_t stream, const Delivered& effect) {
  ASSIGN_OR_RETURN(Stream * target, StreamOf(stream));
  ASSIGN_OR_RETURN(Group * group, GroupOf(*target, effect.group));
  RETURN_IF_ERROR(CheckOwner(*group, effect.consumer));
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
  for (const StreamId id : effect.ids) {
    const size_t index = group->FindPage(id);
    if (index == group->pages.size() || !group->pages[index].unit->page.Find(id).has_value()) {
      return Inconsistent("an acknowledgement of what is not pending");
    }
  }
  Apply(core_, *target, effect);
  return OkStatus();
}

template <typename Effect>
Status Replayer::ApplyToRecords(uint32_t stream, const Effect& effect) {
  ASSIGN_OR_RETURN(Stream * target, StreamOf(stream));
  ASSIGN_OR_RETURN(Group * group, GroupOf(*target, effect.group));
  std::vector<StreamId> ids;
  for (const auto& record : effect.records) {
    ids.push_back(record.id);
  }
  Op op = MakeOp();
  RequirePending(core_, op, *group, ids);
  RETURN_IF_ERROR(core_.CheckLoaded(op));
  Apply(core_, *target, effect);
  return OkStatus();
}

Status Replayer::On(uint32_t stream, const Claimed& effect) {
  ASSIGN_OR_RETURN(Stream * target, StreamOf(stream));
  ASSIGN_OR_RETURN(const Group* group, GroupOf(*target, effect.group));
  RETURN_IF_ERROR(CheckOwner(*group, effect.consumer));
  return ApplyToRecords(stream, effect);
}

Status Replayer::On(uint32_t stream, const Released& effect) {
  return ApplyToRecords(stream, effect);
}

Status Replayer::OnKeyDeleted(uint32_t stream) {
  Named& named = named_[stream];
  KeyHolder* holder = Keyspace::Find(*named.database, named.key);
  if (DamagedKey* damaged = AsDamaged(holder)) {
    ApplyDamagedKeyDeleted(core_, *damaged);
    named.is_damaged = false;
    return OkStatus();
  }
  named.value = named.is_damaged ? AsValue(holder) : named.value;
  named.is_damaged = false;
  ASSIGN_OR_RETURN(ValueHolder * target, ValueOf(stream));
  ApplyKeyDeleted(core_, *target);
  named.value = nullptr;
  return OkStatus();
}

Status Replayer::On(uint32_t stream, const PendingCopied& effect) {
  return ApplyToRecords(stream, effect);
}

Status Replayer::On(uint32_t stream, const HandedBack& effect) {
  return ApplyToRecords(stream, effect);
}

Status Replayer::On(uint32_t stream, const StreamPolicySet& effect) {
  RETURN_IF_ERROR(CheckSettings(effect.settings, StreamOptionSpecs()));
  return ApplyTo(stream, effect);
}

Status Replayer::On(uint32_t stream, const GroupPolicySet& effect) {
  RETURN_IF_ERROR(CheckSettings(effect.settings, GroupOptionSpecs()));
  return ApplyToGroup(stream, effect);
}

Status Replayer::On(uint32_t stream, const GroupCounted& effect) {
  return ApplyToGroup(stream, effect);
}

Status Replayer::On(uint32_t stream, const StreamCounted& effect) {
  return ApplyTo(stream, effect);
}

Status Replayer::On(uint32_t stream, const RefusalsCounted& effect) {
  // Soft: recorded later than it happened, so the stream may be gone.
  return named_[stream].value == nullptr ? OkStatus() : ApplyTo(stream, effect);
}

Status Replayer::On(uint32_t stream, const RetirementSet& effect) {
  return ApplyTo(stream, effect);
}

Status Replayer::On(uint32_t stream, const GroupTimed& effect) {
  return ApplyToGroup(stream, effect);
}

Status Replayer::On(uint32_t stream, const LettersHeld& effect) { return ApplyTo(stream, effect); }

Status Replayer::On(uint32_t stream, const Scheduled& effect) { return ApplyTo(stream, effect); }

Status Replayer::On(uint32_t stream, const Unscheduled& effect) {
  ASSIGN_OR_RETURN(Stream * target, StreamOf(stream));
  if (target->schedule == nullptr || target->schedule->count() < effect.tokens.size() ||
      target->schedule->payload_bytes() < effect.payload_bytes) {
    return Inconsistent("more scheduled entries gone than there are");
  }
  Apply(core_, *target, effect);
  return OkStatus();
}

Status Replayer::On(uint32_t stream, const Expected& effect) {
  // Soft: recorded later than it happened, so the stream may be gone.
  return named_[stream].value == nullptr ? OkStatus() : ApplyTo(stream, effect);
}

Status Replayer::On(uint32_t stream, const StringSet& effect) {
  Named& named = named_[stream];
  if (named.is_damaged) {
    return OkStatus();
  }
  if (named.value == nullptr) {
    named.value = &InstallNewString(core_, *named.database, named.uid, named.key);
  }
  if (named.value->kind != UnitKind::kString) {
    return Inconsistent("a string in the place of another type");
  }
  Apply(core_, static_cast<StringValue&>(*named.value), effect);
  return OkStatus();
}

Status Replayer::On(uint32_t stream, const ExpirySet& effect) {
  ASSIGN_OR_RETURN(ValueHolder * target, ValueOf(stream));
  Apply(core_, *target, effect);
  return OkStatus();
}

Status Replayer::On(uint32_t stream, const KeyRenamed& effect) {
  ASSIGN_OR_RETURN(ValueHolder * target, ValueOf(stream));
  Named& named = named_[stream];
  const std::string key(effect.key);
  RETURN_IF_ERROR(LoadKey(*named.database, key));
  if (AsValue(Keyspace::Find(*named.database, key)) != nullptr) {
    return Inconsistent("a name that should have been free");
  }
  Apply(core_, *target, effect);
  named.key = key;
  return OkStatus();
}

Status Replayer::On(const DatabasesSwapped& effect) {
  if (effect.first >= core_.keyspace.size() || effect.second >= core_.keyspace.size()) {
    return Inconsistent("an unknown database");
  }
  Apply(core_, effect);
  return OkStatus();
}

Status Replayer::On(const DatabaseFlushed& effect) {
  if (effect.database >= core_.keyspace.size()) {
    return Inconsistent("an unknown database");
  }
  for (Named& named : named_) {
    if (named.database == &core_.keyspace.at(effect.database)) {
      named.value = nullptr;
      named.is_damaged = false;
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
