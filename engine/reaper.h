// Reaper: deletes keys whose time has come, a bounded number per turn.
//
// What is due comes from the expiry index; a key that is not in memory is fetched first, since
// deleting it takes the list of what it has stored. Owner: Core. Thread: loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/core.h"
#include "engine/limits.h"
#include "engine/op.h"
#include "engine/status.h"
#include "engine/types.h"

namespace engine {

class Reaper {
 public:
  static constexpr int64_t kNever = INT64_MAX;

  explicit Reaper(Core* core) : core_(*core) {}

  // One step. Does nothing while the engine takes no effects.
  void Run(Now now);
  // The Unix time from which on Run() has something to do; kNever while it waits for a fetch, whose
  // end comes to the loop.
  int64_t next_due_ms() const;
  bool is_fetching() const { return is_fetching_; }

 private:
  void ReapLoaded(Now now, size_t* left, std::vector<LoadItem>* missing);
  // False when the place is nobody's any more.
  bool ReapPlace(const TimePlace& place);
  void Fetch(std::vector<LoadItem> items);
  void OnFetched(const std::vector<LoadItem>& items, const Status& status);

  Core& core_;
  Pins pins_;  // Due keys that were fetched.
  bool is_fetching_ = false;
  size_t fetch_size_ = kReapLoads;
  int64_t retry_ms_ = 0;  // Unix time before which Run() does nothing.
  int64_t now_ms_ = 0;
};

}  // namespace engine
