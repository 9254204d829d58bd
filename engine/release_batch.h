// Pending records that one command gives back to their group, as effects that keep their order.
// Owner: the running call. Thread: loop.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/core.h"
#include "engine/effects.h"

namespace engine {

class ReleaseBatch {
 public:
  ReleaseBatch(Core& core, Stream& stream, const Group& group, int64_t released_ms)
      : core_(core), stream_(stream), group_(group), released_ms_(released_ms) {}

  // `record.reason` must stay until Flush().
  void Add(const HandedBackRecord& record) { records_.push_back(record); }
  void Flush();

 private:
  Core& core_;
  Stream& stream_;
  const Group& group_;
  const int64_t released_ms_;
  std::vector<HandedBackRecord> records_;
};

}  // namespace engine
