// Recovery: journal records applied to the state of the newest checkpoint.
//
// Objects are read from the store as the effects name them, so the cost follows the journal, not
// the data. An object that cannot be read, or does not go with its effects, makes its key a damaged
// one (engine/damaged_key.h): its effects are kept. If some of them have been applied before that
// shows, the state is of no use (Core::has_new_damage), and another recovery that knows of it from
// the start takes its place. Owner: Persistence, during Open. Thread: main.
#pragma once

#include <string_view>
#include <vector>

#include "engine/apply.h"
#include "engine/core.h"
#include "engine/effects.h"

namespace engine {

class Replayer : public EffectVisitor {
 public:
  explicit Replayer(Core* core) : core_(*core) {}

  // Applies one record as turn `turn`.
  Status ApplyRecord(Turn turn, std::string_view record);

  Status OnStreamNamed(uint32_t stream, const StreamNamed& effect) override;
  Status On(uint32_t stream, const StreamCreated& effect) override;
  Status On(uint32_t stream, const EntryAdded& effect) override;
  Status On(uint32_t stream, const EntriesDeleted& effect) override;
  Status On(uint32_t stream, const Trimmed& effect) override;
  Status On(uint32_t stream, const RangesTrimmed& effect) override;
  Status On(uint32_t stream, const IdSet& effect) override;
  Status On(uint32_t stream, const IidRecorded& effect) override;
  Status On(uint32_t stream, const DuplicateRefused& effect) override;
  Status On(uint32_t stream, const IidsCounted& effect) override;
  Status On(uint32_t stream, const IidsForgotten& effect) override;
  Status On(uint32_t stream, const IdempotencySet& effect) override;
  Status On(uint32_t stream, const GroupCreated& effect) override;
  Status On(uint32_t stream, const GroupDestroyed& effect) override;
  Status On(uint32_t stream, const GroupMoved& effect) override;
  Status On(uint32_t stream, const ConsumerCreated& effect) override;
  Status On(uint32_t stream, const ConsumerDeleted& effect) override;
  Status On(uint32_t stream, const ConsumerSeen& effect) override;
  Status On(uint32_t stream, const Delivered& effect) override;
  Status On(uint32_t stream, const Acknowledged& effect) override;
  Status On(uint32_t stream, const Claimed& effect) override;
  Status On(uint32_t stream, const Released& effect) override;
  Status On(uint32_t stream, const HandedBack& effect) override;
  Status On(uint32_t stream, const StreamPolicySet& effect) override;
  Status On(uint32_t stream, const GroupPolicySet& effect) override;
  Status On(uint32_t stream, const GroupCounted& effect) override;
  Status On(uint32_t stream, const StreamCounted& effect) override;
  Status On(uint32_t stream, const RefusalsCounted& effect) override;
  Status On(uint32_t stream, const RetirementSet& effect) override;
  Status On(uint32_t stream, const GroupTimed& effect) override;
  Status On(uint32_t stream, const LettersHeld& effect) override;
  Status On(uint32_t stream, const Scheduled& effect) override;
  Status On(uint32_t stream, const Unscheduled& effect) override;
  Status On(uint32_t stream, const Expected& effect) override;
  Status OnKeyDeleted(uint32_t stream) override;
  Status On(uint32_t stream, const PendingCopied& effect) override;
  Status On(uint32_t stream, const StringSet& effect) override;
  Status On(uint32_t stream, const ExpirySet& effect) override;
  Status On(uint32_t stream, const KeyRenamed& effect) override;
  Status On(const DatabasesSwapped& effect) override;
  Status On(const DatabaseFlushed& effect) override;
  Status On(const ClockStepped& effect) override;
  Status AfterEffect(uint32_t stream, std::string_view bytes, Status said) override;

 private:
  // For effects that need the stream alone.
  template <typename Effect>
  Status ApplyTo(uint32_t stream, const Effect& effect);

  // What the record calls by a number; `value` is null until it is created and once it is deleted.
  struct Named {
    Database* database = nullptr;
    Uid uid = 0;
    std::string key;
    ValueHolder* value = nullptr;
    bool is_damaged = false;  // Effects on it are kept, not applied.
  };

  Status LoadKey(Database& database, const std::string& key);
  Result<ValueHolder*> ValueOf(uint32_t number);
  Result<Stream*> StreamOf(uint32_t number);
  Result<Group*> GroupOf(Stream& stream, GroupNumber number);
  template <typename Effect>
  Status ApplyToGroup(uint32_t stream, const Effect& effect);
  // Of a group whose pages are in memory.
  static Status CheckOwner(const Group& group, ConsumerNumber consumer);
  template <typename Effect>
  Status ApplyToRecords(uint32_t stream, const Effect& effect);
  Op MakeOp() const;
  // Whether what the name stands for is known to be damaged, or turns out to be when it is loaded.
  Result<bool> IsDamaged(Named& named);
  void Keep(const Named& named, std::string_view effect);

  Core& core_;
  std::vector<Named> named_;
};

}  // namespace engine
