// What names a scheduled entry. Thread: any.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace engine {

// In the order in which entries are added when they are due.
struct ScheduleToken {
  int64_t due_ms = 0;     // Unix time.
  uint64_t sequence = 0;  // Of the stream: ascending in order of scheduling, never used again.

  auto operator<=>(const ScheduleToken&) const = default;
  // "due-seq"
  std::string ToString() const { return std::to_string(due_ms) + "-" + std::to_string(sequence); }
  static constexpr ScheduleToken Max() { return {INT64_MAX, UINT64_MAX}; }
  // The one behind it. Precondition: not Max().
  ScheduleToken Next() const {
    return sequence == UINT64_MAX ? ScheduleToken{due_ms + 1, 0}
                                  : ScheduleToken{due_ms, sequence + 1};
  }
};

}  // namespace engine
