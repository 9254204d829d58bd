// Dead letters: the fields of an entry that could not be worked off, followed by fields `__dlq.*`
// that say where it came from and why (delivery specification, section 3).
//
// Payloads are bulk strings in wire form, one after another, as entries keep them. Thread: any.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/block.h"
#include "engine/engine.h"
#include "engine/stream_id.h"

namespace engine {

enum class LetterReason : uint8_t { kMaxDeliveries, kFatal, kTrimmed };

// What the fields `__dlq.*` say. Times are Unix ms.
struct LetterNote {
  std::string_view key;
  std::string_view group;
  StreamId id;
  std::string_view consumer;  // May be empty.
  uint64_t deliveries = 0;
  LetterReason reason = LetterReason::kMaxDeliveries;
  std::string_view error;  // May be empty.
  int64_t first_ms = 0;
  int64_t last_ms = 0;
  int64_t time_ms = 0;
  uint64_t hops = 0;
};

struct OwnedPayload {
  std::string wire;
  uint32_t arg_count = 0;
  uint64_t data_bytes = 0;

  Payload view() const { return {wire, arg_count, data_bytes}; }
};

// The fields of `entry` without `__dlq.*` ones, byte for byte and in order, then those of `note`.
// Null: the entry is gone, and the letter has the note alone.
OwnedPayload BuildLetter(const EntryView* entry, const LetterNote& note);

// What an entry says of itself if it is a letter.
struct LetterOrigin {
  std::string_view key;
  std::string_view group;
  StreamId id;
  uint32_t hops = 0;
  bool has_payload = false;
};
// Nothing when it is none. Views point into the entry.
std::optional<LetterOrigin> ReadLetter(const EntryView& entry);

// The fields without `__dlq.*` ones.
OwnedPayload PayloadOfLetter(const EntryView& letter);
// Whether both have the same fields, `__dlq.*` ones apart.
bool HasPayloadOf(const EntryView& letter, const EntryView& entry);

}  // namespace engine
