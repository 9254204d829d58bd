// The only code that changes the engine's state: one function per effect.
//
// A call on live state goes through Emit(), which records the effect and applies it; recovery
// applies what it reads. Preconditions are the effect's meaning (a deleted id exists and its block
// is in memory, ...): whoever makes effects has checked them, and the journal is trusted after its
// checksums; a violation is a CHECK. Thread: loop.
#pragma once

#include <type_traits>

#include "engine/core.h"
#include "engine/effects.h"

namespace engine {

void Apply(Core& core, Stream& stream, const StreamCreated& effect);
void Apply(Core& core, Stream& stream, const EntryAdded& effect);
void Apply(Core& core, Stream& stream, const EntriesDeleted& effect);
void Apply(Core& core, Stream& stream, const Trimmed& effect);
void Apply(Core& core, Stream& stream, const RangesTrimmed& effect);
void Apply(Core& core, Stream& stream, const IdSet& effect);
void Apply(Core& core, Stream& stream, const IidRecorded& effect);
void Apply(Core& core, Stream& stream, const DuplicateRefused& effect);
void Apply(Core& core, Stream& stream, const IidsCounted& effect);
void Apply(Core& core, Stream& stream, const IidsForgotten& effect);
void Apply(Core& core, Stream& stream, const IdempotencySet& effect);
void Apply(Core& core, Stream& stream, const GroupCreated& effect);
void Apply(Core& core, Stream& stream, const GroupDestroyed& effect);
void Apply(Core& core, Stream& stream, const GroupMoved& effect);
void Apply(Core& core, Stream& stream, const ConsumerCreated& effect);
void Apply(Core& core, Stream& stream, const ConsumerDeleted& effect);
void Apply(Core& core, Stream& stream, const ConsumerSeen& effect);
void Apply(Core& core, Stream& stream, const Delivered& effect);
void Apply(Core& core, Stream& stream, const Acknowledged& effect);
void Apply(Core& core, Stream& stream, const Claimed& effect);
void Apply(Core& core, Stream& stream, const PendingCopied& effect);
void Apply(Core& core, Stream& stream, const Released& effect);
void Apply(Core& core, Stream& stream, const HandedBack& effect);
void Apply(Core& core, Stream& stream, const StreamPolicySet& effect);
void Apply(Core& core, Stream& stream, const GroupPolicySet& effect);
void Apply(Core& core, Stream& stream, const GroupCounted& effect);
void Apply(Core& core, Stream& stream, const StreamCounted& effect);
void Apply(Core& core, Stream& stream, const RefusalsCounted& effect);
void Apply(Core& core, Stream& stream, const RetirementSet& effect);
void Apply(Core& core, Stream& stream, const GroupTimed& effect);
void Apply(Core& core, Stream& stream, const LettersHeld& effect);
void Apply(Core& core, Stream& stream, const Scheduled& effect);
void Apply(Core& core, Stream& stream, const Unscheduled& effect);
void Apply(Core& core, Stream& stream, const Expected& effect);
void Apply(Core& core, StringValue& value, const StringSet& effect);
void Apply(Core& core, ValueHolder& value, const ExpirySet& effect);
void Apply(Core& core, ValueHolder& value, const KeyRenamed& effect);
void Apply(Core& core, const DatabasesSwapped& effect);
// The value is gone when it returns.
void ApplyKeyDeleted(Core& core, ValueHolder& value);
void Apply(Core& core, const DatabaseFlushed& effect);
void Apply(Core& core, const ClockStepped& effect);

// Make an empty value under a name that has none. Recovery and the calls that create share them.
Stream& InstallNewStream(Core& core, Database& database, Uid uid, std::string_view key);
StringValue& InstallNewString(Core& core, Database& database, Uid uid, std::string_view key);

// Effects after which a stream may have room for an entry that it had none for.
template <typename Effect>
inline constexpr bool kMayMakeRoom =
    std::is_same_v<Effect, EntriesDeleted> || std::is_same_v<Effect, Trimmed> ||
    std::is_same_v<Effect, RangesTrimmed> || std::is_same_v<Effect, GroupCreated> ||
    std::is_same_v<Effect, GroupDestroyed> || std::is_same_v<Effect, GroupMoved> ||
    std::is_same_v<Effect, ConsumerDeleted> || std::is_same_v<Effect, Acknowledged> ||
    std::is_same_v<Effect, StreamPolicySet>;
void NoteRoom(Core& core, Stream& stream);  // engine/bounds.h

template <typename Object, typename Effect>
void Emit(Core& core, Object& object, const Effect& effect) {
  core.recorder.Add(core.NameInRecord(object), effect);
  Apply(core, object, effect);
  if constexpr (kMayMakeRoom<Effect>) {
    if (core.producers_wait || object.schedule_waits) [[unlikely]] {
      NoteRoom(core, object);
    }
  }
}
inline void EmitKeyDeleted(Core& core, ValueHolder& value) {
  core.recorder.AddKeyDeleted(core.NameInRecord(value));
  ApplyKeyDeleted(core, value);
}
// Before a value is made under a name: one whose time has come goes first.
void DropExpired(Core& core, const Op& op, uint32_t db, std::string_view key);

// Sum of the lengths of an entry's fields and values, read from their wire form.
uint64_t EntryDataBytes(std::string_view payload, uint32_t arg_count);

}  // namespace engine
