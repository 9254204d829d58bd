// Small value types shared by the engine's public calls.
#pragma once

#include <cstdint>

namespace engine {

// One point in time as the engine sees it; read once per command (once per EXEC) by the caller.
// The engine owns no clock.
struct Now {
  int64_t unix_ms = 0;  // Wall clock, for ids and for times shown to clients.
  int64_t store_ms =
      0;  // The store's own line (engine/time_line.h): never goes back, survives restarts.
};

// Number of a turn: one pass of the event loop, one record of the journal. 0 = before any turn.
using Turn = uint64_t;

// Identity of a stream or string value, never reused within a store.
using Uid = uint64_t;
enum class KeyType : uint8_t { kNone, kStream, kString };

// Number of a group within its stream, of a consumer within its group; never reused.
using GroupNumber = uint32_t;
using ConsumerNumber = uint32_t;
// 0 is no consumer: the owner of a released pending record.
inline constexpr ConsumerNumber kNoConsumer = 0;

}  // namespace engine
