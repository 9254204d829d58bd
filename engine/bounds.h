// Bounds of a stream: whether entries may be appended under its policy, and what has to go first
// (delivery specification, sections 1 and 7).
//
// Whoever appends asks FindRoom(), and if the answer is yes calls MakeRoom() before the entry's
// effect: XADD, dead letters, redriven and scheduled entries alike. Entries above MAXAGE go first.
// At a bound the oldest ones make room that no group needs any more, if they suffice; with OVERFLOW
// DROP it is the oldest ones, needed or not. Thread: loop.
#pragma once

#include <cstdint>

#include "engine/core.h"
#include "engine/counters.h"
#include "engine/engine.h"
#include "engine/trim.h"

namespace engine {

// What is to be appended.
struct NewEntries {
  uint64_t count = 1;
  uint64_t data_bytes = 0;  // Lengths of all fields and values.
};

// Where there is room, and how it comes about.
struct Room {
  Refusal refusal;    // With a bound: there is none, and the rest is not set.
  uint64_t gone = 0;  // The oldest entries that go first.
  StreamId first_id;  // What stays begins here; 0-0: nothing stays. Only if any go.
  StreamCounters counts;

  // The stream once MakeRoom() has been called and one entry been added.
  TrimBase BaseOfTrim() const;
};

// Changes nothing. kNotLoaded until all is in memory that MakeRoom() needs.
Result<Room> FindRoom(Core& core, Op& op, Stream& stream, const NewEntries& entries);
// The same for an entry that a stream begins with. Only its own size may keep it out.
Refusal RefusalOfFirst(const Core& core, std::string_view key, uint64_t data_bytes);
// What is said to an entry that comes while others wait for room; none where it need not wait.
Refusal RefusalBehindOthers(Core& core, Stream& stream, const Room& room);
// Emits what FindRoom() has found. Nothing may have changed since.
void MakeRoom(Core& core, Stream& stream, const Room& room);

// After an entry was added: what its policy has to do with it later. There is a policy.
void NoteAdded(Core& core, const Op& op, Stream& stream, StreamId id);

// Store time at which the oldest entry will be above MAXAGE, or a little later; INT64_MAX when
// there is none, or no MAXAGE.
int64_t NextAgeLook(Core& core, Now now, Stream& stream);

// An effect after which there may be room where there was none: a scheduled entry that waits for it
// is tried first, then the producers.
void NoteRoom(Core& core, Stream& stream);

}  // namespace engine
