// Look-ups in a stream's idempotency table, and what its effects need in memory. Thread: loop.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "engine/core.h"
#include "engine/effects.h"

namespace engine {

// Notes the page that holds the producer, or would.
void RequireProducer(Core& core, Op& op, Stream& stream, std::string_view producer);
// For IidsForgotten.
void RequireForForgetting(Core& core, Op& op, Stream& stream, const IidsForgotten& effect);

// Null when it is not known, expired ones included. Precondition: RequireProducer() has nothing to
// note.
const Producer::Iid* FindIid(const Stream& stream, std::string_view producer, std::string_view iid);

// Iids of entries up to this time have expired; nothing when none can have.
std::optional<uint64_t> ExpiryHorizon(const Stream& stream, Now now);

// The page has iids to be forgotten that can only be found by looking into it.
inline bool MustLookInto(const ProducerTable& table, size_t index, const IidsForgotten& effect) {
  const ProducerSlot& slot = table.slots[index];
  const bool is_within =
      effect.first_hash <= slot.first_hash && table.LastHash(index) <= effect.last_hash;
  return slot.span.oldest_ms <= effect.through_ms &&
         (slot.span.newest_ms > effect.through_ms || !is_within);
}

}  // namespace engine
