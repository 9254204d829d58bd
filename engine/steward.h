// Steward: the work that streams have by themselves when a time comes, a bounded part per turn.
//
// Each kind of work is a task (steward.cc has the table). A stream that may have something to do is
// expected at a time on the store's line; when it comes the stream is fetched if need be, all tasks
// look at it, and it is expected again at the earliest time that they name. An expectation that is
// too early costs a look, one that is missing would be a bug: whoever makes something that falls
// due calls Expect(). Owner: Core. Thread: loop.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/btree_set.h"
#include "engine/core.h"
#include "engine/op.h"
#include "engine/status.h"
#include "engine/types.h"

namespace engine {

// What a task leaves behind.
struct TaskResult {
  // Store time at which it wants to look again; a time that has come: it has more to do at once.
  int64_t next_ms = INT64_MAX;
};

// Does a bounded part of what is due. kNotLoaded, with op.needs, when something must be fetched
// first; nothing has changed then, and it is called again.
using Task = Result<TaskResult> (*)(Core& core, Op& op, Stream& stream);

class Steward {
 public:
  static constexpr int64_t kNever = INT64_MAX;

  explicit Steward(Core* core) : core_(*core) {}

  // The stream may have something to do at `due_ms`, not before.
  void Expect(Stream& stream, int64_t due_ms) {
    if (due_ms < stream.expected_ms) {
      Move(stream, due_ms);
    }
  }
  // One step. Does nothing while the engine takes no effects.
  void Run(Now now);
  // The store time from which on Run() has something to do; kNever while it waits for a fetch,
  // whose end comes to the loop.
  int64_t next_due_ms() const;
  bool is_fetching() const { return is_fetching_; }

 private:
  struct Place {
    int64_t due_ms = 0;
    uint32_t physical_db = 0;
    std::string key;
    auto operator<=>(const Place&) const = default;
  };

  void Move(Stream& stream, int64_t due_ms);
  // The stream of a place that has come; null when it is nobody's any more, or must be fetched,
  // which `missing` tells then.
  Stream* StreamAt(const Place& place, std::vector<LoadItem>* missing);
  // When it wants to be looked at next; nothing while something is missing.
  std::optional<int64_t> Attend(Now now, Stream& stream, std::vector<LoadItem>* missing);
  void Fetch(std::vector<LoadItem> items);

  Core& core_;
  absl::btree_set<Place> places_;
  Pins pins_;
  bool is_fetching_ = false;
  int64_t now_ms_ = 0;
  int64_t retry_ms_ = 0;  // Store time before which Run() does nothing.
};

}  // namespace engine
