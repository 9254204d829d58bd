// The only code that changes the engine's state: one function per effect.
//
// A call on live state goes through Emit(), which records the effect and applies it; recovery
// applies what it reads. Preconditions are the effect's meaning (a deleted id exists and its block
// is in memory, ...): whoever makes effects has checked them, and the journal is trusted after its
// checksums; a violation is a CHECK. Thread: loop.
#pragma once

#include "engine/core.h"
#include "engine/effects.h"

namespace engine {

void Apply(Core& core, Stream& stream, const StreamCreated& effect);
void Apply(Core& core, Stream& stream, const EntryAdded& effect);
void Apply(Core& core, Stream& stream, const EntriesDeleted& effect);
void Apply(Core& core, Stream& stream, const Trimmed& effect);
void Apply(Core& core, Stream& stream, const IdSet& effect);
void Apply(Core& core, Stream& stream, const GroupCreated& effect);
void Apply(Core& core, Stream& stream, const GroupDestroyed& effect);
void Apply(Core& core, Stream& stream, const GroupMoved& effect);
void Apply(Core& core, Stream& stream, const ConsumerCreated& effect);
void Apply(Core& core, Stream& stream, const ConsumerDeleted& effect);
void Apply(Core& core, Stream& stream, const ConsumerSeen& effect);
void Apply(Core& core, Stream& stream, const Delivered& effect);
void Apply(Core& core, Stream& stream, const Acknowledged& effect);
void Apply(Core& core, Stream& stream, const Claimed& effect);
void Apply(Core& core, Stream& stream, const Released& effect);
// The stream is gone when it returns.
void ApplyKeyDeleted(Core& core, Stream& stream);
void Apply(Core& core, const DatabaseFlushed& effect);
void Apply(Core& core, const ClockStepped& effect);

// Makes an empty stream under a name that has none. Recovery and XADD / XGROUP CREATE share it.
Stream& InstallNewStream(Core& core, Database& database, Uid uid, std::string_view key);

template <typename Effect>
void Emit(Core& core, Stream& stream, const Effect& effect) {
  core.recorder.Add(core.NameInRecord(stream), effect);
  Apply(core, stream, effect);
}

// Sum of the lengths of an entry's fields and values, read from their wire form.
uint64_t EntryDataBytes(std::string_view payload, uint32_t arg_count);

}  // namespace engine
