#include "engine/release_batch.h"

#include <algorithm>

#include "engine/apply.h"

namespace engine {
namespace {

// Nothing beyond what Released says.
bool IsPlain(const HandedBackRecord& record) {
  return record.due_ms == 0 && record.hops == 0 && !record.parked && record.reason.empty();
}

}  // namespace

void ReleaseBatch::Flush() {
  if (records_.empty()) {
    return;
  }
  if (std::all_of(records_.begin(), records_.end(), IsPlain)) {
    std::vector<ClaimedRecord> plain;
    plain.reserve(records_.size());
    for (const HandedBackRecord& record : records_) {
      plain.push_back({record.id, record.count});
    }
    Emit(core_, stream_, Released{group_.number, released_ms_, group_.next_sequence, plain});
  } else {
    Emit(core_, stream_, HandedBack{group_.number, released_ms_, group_.next_sequence, records_});
  }
  records_.clear();
}

}  // namespace engine
