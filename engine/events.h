// What the engine did by itself, or beside what a command asked for, and others want to hear of:
// blocked readers, watches, notifications, alerts.
//
// Collected in Core::events in the order in which it happened; the server takes it after each
// command and after the engine's own work. Thread: loop.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "engine/stream_id.h"

namespace engine {

struct StreamEvent {
  enum class Kind : uint8_t {
    kCreated,  // The key came into being; an event of what it got follows.
    kAdded,    // An entry was added.
    kTrimmed,  // Entries were trimmed.
    kDeleted,  // Entries were deleted.
    kGroupDestroyed,
    kConsumerDeleted,
    kReady,   // Readers of the group may find something that was there before.
    kRoom,    // Producers that wait for room may find some.
    kLetter,  // A dead letter was written; `id` is the letter's, in another stream.
    kParked,  // An entry, `id`, was parked.
  };
  Kind kind = Kind::kAdded;
  uint32_t db = 0;  // Logical.
  std::string key;
  std::string group;  // Empty where it is the stream that is spoken of.
  StreamId id;
};

// What the engine asks the server: calls `visit` for each consumer of the group that waits for
// entries now.
using WaitingReaders =
    std::function<void(uint32_t db, std::string_view key, std::string_view group,
                       absl::FunctionRef<void(std::string_view consumer)> visit)>;

}  // namespace engine
