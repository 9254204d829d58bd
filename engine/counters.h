// What streams and groups count for life (delivery specification, section 8). Thread: any.
#pragma once

#include <array>
#include <cstdint>

namespace engine {

struct GroupCounters {
  uint64_t exhausted = 0;  // Entries whose deliveries were used up.
  uint64_t fatal = 0;      // Those that a consumer called fatal.
  uint64_t trimmed = 0;    // Records whose entry had gone.
  uint64_t letters = 0;    // Dead letters written.
  uint64_t dropped = 0;
  uint64_t redriven = 0;  // Letters that came back into the group.

  static constexpr std::array<uint64_t GroupCounters::*, 6> All() {
    return {&GroupCounters::exhausted, &GroupCounters::fatal,   &GroupCounters::trimmed,
            &GroupCounters::letters,   &GroupCounters::dropped, &GroupCounters::redriven};
  }
  bool operator==(const GroupCounters&) const = default;
};

struct StreamCounters {
  uint64_t rejected = 0;  // Entries refused at a bound.
  uint64_t dropped = 0;   // Removed at a bound while a group still needed them.
  uint64_t expired = 0;   // Removed by age.
  uint64_t retired = 0;   // Removed because no group needed them any more.

  static constexpr std::array<uint64_t StreamCounters::*, 4> All() {
    return {&StreamCounters::rejected, &StreamCounters::dropped, &StreamCounters::expired,
            &StreamCounters::retired};
  }
  bool operator==(const StreamCounters&) const = default;
};

// In the order of All(), each a varint. The same for both kinds.
template <typename Counters, typename Put>
void ForEachCounter(const Counters& counters, Put put) {
  for (const auto member : Counters::All()) {
    put(counters.*member);
  }
}
template <typename Counters>
void AddCounters(const Counters& more, Counters* total) {
  for (const auto member : Counters::All()) {
    total->*member += more.*member;
  }
}

}  // namespace engine
