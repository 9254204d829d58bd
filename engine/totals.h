// What all streams of a database have together, in memory or not: for INFO, without looking at any.
//
// Effects keep the sums as they change what is summed (engine/apply*.cc); the meta record carries
// them from checkpoint to checkpoint. Owner: Database. Thread: loop.
#pragma once

#include <array>
#include <cstdint>

namespace engine {

class Group;
class Stream;

struct StreamTotals {
  int64_t streams = 0;
  int64_t entries = 0;
  int64_t groups = 0;
  int64_t consumers = 0;
  int64_t pending = 0;  // Parked records included.
  int64_t parked = 0;
  int64_t scheduled = 0;  // Entries to be added later.
  // What streams and groups that exist have counted in their lives.
  int64_t letters = 0;
  int64_t rejected = 0;

  static constexpr std::array<int64_t StreamTotals::*, 9> All() {
    return {&StreamTotals::streams,   &StreamTotals::entries,  &StreamTotals::groups,
            &StreamTotals::consumers, &StreamTotals::pending,  &StreamTotals::parked,
            &StreamTotals::letters,   &StreamTotals::rejected, &StreamTotals::scheduled};
  }
  bool operator==(const StreamTotals&) const = default;

  void Add(const StreamTotals& more);
  void Subtract(const StreamTotals& less);
};

// What the stream, with its groups, or the group adds to the sums.
StreamTotals TotalsOf(const Stream& stream);
StreamTotals TotalsOf(const Group& group);

}  // namespace engine
