// What the clients of a short history send: drawn from a seed, on few keys, groups and ids, so that
// they get in each other's way. Thread: any.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/torture/linear_call.h"

namespace tests {

struct PlannedOperation {
  std::vector<Call> calls;         // Several: in MULTI.
  bool is_sent_on_its_own = true;  // Or with the next one, before its reply.
};

struct LinearPlan {
  enum class Blow : uint8_t { kNone, kKill, kStop, kReload };

  std::vector<std::string> keys;
  std::vector<PlannedOperation> setup;
  std::vector<std::vector<PlannedOperation>> clients;
  std::vector<PlannedOperation> observation;  // When all others are done: the whole state.
  Blow blow = Blow::kNone;
  int64_t blow_after_us = 0;
  bool has_checkpoint = false;  // One begins with the blow.
  // The server drops all from memory before the clients begin, and reads again what they ask for.
  bool begins_unloaded = false;
};

// History number `number` of the seed; the same choices each time. One in `blow_every` has a blow;
// 0 = none. The keys are named after the number.
LinearPlan PlanHistory(uint64_t seed, uint64_t number, uint64_t blow_every);

// An id of a plan stands for one that the server has given: id 0-n for the n-th of those known to
// the client, around and around. 0-0 is itself.
Call WithKnownIds(Call call, const std::vector<engine::StreamId>& known);

}  // namespace tests
