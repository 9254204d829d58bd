#include "engine/totals.h"

#include "engine/group.h"
#include "engine/stream.h"

namespace engine {

void StreamTotals::Add(const StreamTotals& more) {
  for (const auto member : All()) {
    this->*member += more.*member;
  }
}

void StreamTotals::Subtract(const StreamTotals& less) {
  for (const auto member : All()) {
    this->*member -= less.*member;
  }
}

StreamTotals TotalsOf(const Group& group) {
  StreamTotals totals;
  totals.groups = 1;
  totals.consumers = static_cast<int64_t>(group.consumers.size());
  totals.pending = group.pending_count;
  totals.parked = group.parked_count;
  totals.letters = static_cast<int64_t>(group.counters.letters);
  return totals;
}

StreamTotals TotalsOf(const Stream& stream) {
  StreamTotals totals;
  totals.streams = 1;
  totals.entries = static_cast<int64_t>(stream.length);
  totals.rejected =
      stream.counters == nullptr ? 0 : static_cast<int64_t>(stream.counters->rejected);
  totals.scheduled =
      stream.schedule == nullptr ? 0 : static_cast<int64_t>(stream.schedule->count());
  for (const Group* group : stream.groups_by_number) {
    totals.Add(TotalsOf(*group));
  }
  return totals;
}

}  // namespace engine
