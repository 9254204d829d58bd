// Core: the engine's state, and the few things every part of the engine does with it.
//
// The parts: keyspace.h (names), stream.h, group.h (objects), cache.h (memory), effects.h (what is
// recorded), apply.h (how state changes), checkpoint.h (what is to be stored), loader.h (what is
// fetched), persistence.h (turns, checkpoints, recovery). Owner: Engine. Thread: loop.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/aging.h"
#include "engine/cache.h"
#include "engine/checkpoint.h"
#include "engine/damaged_key.h"
#include "engine/effects.h"
#include "engine/events.h"
#include "engine/keyspace.h"
#include "engine/lookahead.h"
#include "engine/op.h"
#include "engine/options.h"
#include "engine/policy.h"
#include "engine/schema.h"
#include "engine/survey.h"
#include "engine/time_index.h"
#include "engine/time_line.h"
#include "engine/top_groups.h"

namespace engine {

class Loader;
class Persistence;
class Reaper;
class Steward;

class Core {
 public:
  explicit Core(EngineOptions engine_options);
  ~Core();

  EngineOptions options;
  TimeLine time_line;
  Keyspace keyspace;
  Cache cache;
  Aging aging{this};
  Lookahead lookahead;
  Recorder recorder;
  Checkpoint checkpoint;
  TimeIndex expiry_index{kExpiryKeyTag};  // Keys by the Unix time at which they go.
  TimeIndex due_index{kDueKeyTag};        // Streams by Stream::expected_ms.
  Survey last_survey;
  PolicyRules policy_rules;
  std::unique_ptr<Persistence> persistence;
  std::unique_ptr<Loader> loader;
  std::unique_ptr<Reaper> reaper;
  std::unique_ptr<Steward> steward;
  // Told of each key that is deleted because its time has come.
  std::function<void(uint32_t db, std::string_view key)> on_expired;
  std::vector<StreamEvent> events;  // Until the server takes them.
  // Somebody wants to hear of StreamEvent::Kind::kRoom.
  bool producers_wait = false;
  // Names the consumers of a group that wait for entries now.
  WaitingReaders waiting_readers;
  TopGroups top_groups;
  // Found by this recovery, or by the one before it that was given up for it: effects on these keys
  // are kept, not applied.
  KnownDamage known_damage;
  bool has_new_damage = false;            // The state is of no use: recover again.
  std::vector<KeptEffects> kept_effects;  // That no checkpoint has yet.
  bool keeps_effects = false;             // There are some, here or in the store.

  Turn turn = 1;  // The running one.
  Uid next_uid = 1;
  uint32_t next_physical = 1;
  int64_t started_ms = 0;  // Store time.
  uint64_t changes_since_checkpoint = 0;
  uint64_t blocking_loads = 0;
  std::vector<StreamId> id_scratch;         // Of the running call.
  int64_t next_parking_log_ms = INT64_MIN;  // Store time from which on parking is logged again.
  uint64_t cache_budget = 0;                // The engine's share of the memory budget.

  // The stream's place in due_index, if it has one.
  void ListDue(const Stream& stream);
  void UnlistDue(const Stream& stream);
  TimeIndex& IndexOf(char tag) { return tag == kDueKeyTag ? due_index : expiry_index; }

  // --- Effects
  // -------------------------------------------------------------------------------------

  // Number by which the record under construction names the value.
  uint32_t NameInRecord(ValueHolder& value) {
    if (value.named_in_record != recorder.record_number()) [[unlikely]] {
      value.named_in_record = recorder.record_number();
      value.record_index = recorder.NameStream({value.physical_db, value.uid, value.key});
    }
    return value.record_index;
  }

  // --- Objects
  // -------------------------------------------------------------------------------------

  // What the command sees under a key: kNotFound, also when its time has come; kNotLoaded (and
  // op.needs grows) when only the store knows. Not a use of the key.
  Result<ValueHolder*> LookAt(Op& op, uint32_t db, std::string_view key);
  // The same as a use of it.
  Result<ValueHolder*> FindHolder(Op& op, uint32_t db, std::string_view key);
  Result<ValueHolder*> FindHolder(Op& op, std::string_view key) {
    return FindHolder(op, op.db, key);
  }
  // Also kWrongType.
  Result<Stream*> FindStream(Op& op, std::string_view key);
  Result<StringValue*> FindString(Op& op, std::string_view key);
  // Store time of the last use of the value that is known: since the start, and as long as
  // engine/aging.h remembers it.
  int64_t LastUse(const ValueHolder& value) const { return std::max(value.used_ms, started_ms); }
  // The command has looked at the value: its reply waits for the newest change of it.
  static void Saw(Op& op, const ValueHolder& value) {
    op.seen_turn = op.seen_turn > value.changed_turn ? op.seen_turn : value.changed_turn;
  }

  // The complete block, or null and a note in op.needs. `from`: entries below it are not wanted.
  Block* NeedBlock(Op& op, Stream& stream, BlockSlot& slot, StreamId from = StreamId::Min());
  // Has the block and some behind it fetched, unless they are in memory or on their way, because
  // they are likely to be needed soon.
  void Prefetch(const Stream& stream, Directory::Place place);
  PendingPage* NeedPage(Op& op, Group& group, PageSlot& slot);
  ProducerPage* NeedProducerPage(Op& op, Stream& stream, ProducerSlot& slot);
  // kNotLoaded if op.needs has anything, after reading it at once where op says so.
  Status CheckLoaded(Op& op);

  // --- Policies
  // ------------------------------------------------------------------------------------

  // The effective policy; null when every option has its default. Until the next change of a
  // policy, a rule or the name.
  const StreamPolicy* PolicyOf(Stream& stream) {
    return stream.policy_version == policy_rules.version() ? stream.policy.get()
                                                           : MakePolicy(stream);
  }
  const GroupPolicy* PolicyOf(Group& group) {
    return group.policy_version == policy_rules.version() ? group.policy.get() : MakePolicy(group);
  }

  // --- Memory
  // --------------------------------------------------------------------------------------

  // Puts an object that came from the store, or was just made, under the budget.
  BlockUnit& AttachBlock(Stream& stream, BlockSlot& slot, Block block);
  PageUnit& AttachPage(Group& group, PageSlot& slot, PendingPage page);
  ProducerPageUnit& AttachProducerPage(Stream& stream, ProducerSlot& slot, ProducerPage page);
  // Whether the records of a retired object need deletes of their own, or went with a range.
  enum class RecordsOf : uint8_t { kDeletedSingly, kRangeDeleted };
  // Takes everything of a value that ceases to exist out of the cache and the checkpoint's lists,
  // lets its frozen state reach the running checkpoint, queues the deletes, frees it. It has left
  // its database already.
  void RetireHolder(std::unique_ptr<KeyHolder> holder, RecordsOf records);
  void RetireGroup(Group& group);
  // All pages of the stream's idempotency table go; the list is empty then.
  void RetireProducers(Stream& stream);
  void RetireSchedule(Stream& stream);
  // A flushed database: its records go by range deletes, its objects in steps of FreeFlushed().
  void RetireDatabase(std::unique_ptr<Database> database, bool anything_stored);
  void FreeFlushed(size_t max_values);
  void ShrinkToBudget();
  // Drops the unit if the store has it and nobody holds it; perhaps it only makes it smaller. True
  // when it is gone.
  bool Evict(Unit* unit);

  // An event of the stream, or of one of its groups.
  void Tell(StreamEvent::Kind kind, const Stream& stream, std::string_view group = {},
            StreamId id = {});

  void Log(LogLevel level, std::string_view text) const {
    if (options.log) {
      options.log(level, text);
    }
  }

 private:
  const StreamPolicy* MakePolicy(Stream& stream);
  const GroupPolicy* MakePolicy(Group& group);
  void RetireBlocks(Stream& stream);
  bool EvictStream(Stream& stream);
  bool EvictString(StringValue& value);
  bool EvictDamagedKey(DamagedKey& key);
  bool EvictBlock(BlockUnit& unit);
  bool EvictPage(PageUnit& unit);
  bool EvictProducerPage(ProducerPageUnit& unit);
  bool ShrinkSchedule(Schedule& schedule);

  std::vector<std::unique_ptr<Database>> flushed_;
};

}  // namespace engine
