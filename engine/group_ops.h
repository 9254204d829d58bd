// Small steps that the engine's group calls share. Thread: loop.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "engine/core.h"

namespace engine {

// The consumer's number; it is created if unknown.
ConsumerNumber EnsureConsumer(Core& core, const Op& op, Stream& stream, Group& group,
                              std::string_view name);
// Its seen-time is now. Soft: no commit on its own.
void NoteSeen(Core& core, const Op& op, Stream& stream, Group& group, ConsumerNumber consumer);
// Its active-time, too.
void NoteActive(Core& core, const Op& op, Stream& stream, Group& group, ConsumerNumber consumer);

// Precondition: the page that may hold it is in memory.
std::optional<PendingRecord> FindRecord(const Group& group, StreamId id);
// One delivery more, saturating.
uint64_t NextDeliveryCount(uint64_t count);
// Milliseconds since the last delivery, at least 0.
int64_t IdleMs(const Op& op, const PendingRecord& record);

}  // namespace engine
