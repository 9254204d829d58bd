// Steps of adding an entry that XADD and the engine's own additions share. Thread: loop.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/core.h"
#include "engine/engine.h"

namespace engine {

// The id that a new entry gets: kIdTooSmall, kIdExhausted.
Result<StreamId> ChooseId(const Op& op, const AddId& wanted, StreamId last_id);
// The effect that adds an entry with this id, which is above the stream's last one.
EntryAdded MakeEntry(const Core& core, const Stream& stream, StreamId id, const Payload& payload);
// An empty stream under a key that does not exist, in the database of `op`.
Stream& CreateStream(Core& core, Op& op, std::string_view key);
// Whether the stream's policy lets an entry with so many bytes of fields and values in.
bool HasRoom(Core& core, Stream& stream, uint64_t data_bytes);
// Adds an entry as `XADD key *` would, and tells of it. kLimit: there is no room; kIdExhausted.
Result<StreamId> AppendEntry(Core& core, const Op& op, Stream& stream, const Payload& payload);
// As Engine::DefaultTrimLimit().
int64_t DefaultTrimLimit(const Core& core);

}  // namespace engine
