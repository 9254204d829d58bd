// Something of some keys that has its time, in order of it: which keys are to go, which streams are
// to be looked at. One place per key.
//
// The store has all places as of the newest checkpoint (family `system`, docs/disk-format.md); what
// changed since is here, and so is a window on the earliest ones, which is refilled page by page.
// So nothing depends on which keys are in memory, and nothing is read at start but one page. Places
// of flushed databases stay until they are due.
// Owner: Core, one of each kind. Thread: loop, but for what says otherwise.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "engine/checkpoint.h"
#include "engine/op.h"

namespace engine {

struct TimePlace {
  int64_t due_ms = 0;  // On the clock of the index.
  uint32_t physical_db = 0;
  std::string key;

  auto operator<=>(const TimePlace&) const = default;
  bool operator==(const TimePlace&) const = default;
};

// A run of places as the store has them.
struct TimePage {
  TimePlace from;
  std::vector<TimePlace> places;  // Ascending.
  std::optional<TimePlace> next;  // The first one behind them; nothing at the end.
};

class TimeIndex {
 public:
  // `tag` is the first byte of its keys in family `system` (engine/schema.h).
  explicit TimeIndex(char tag) : tag_(tag) {}

  // The key of a place in family `system`, in the order of places. Thread: any.
  std::string StoreKey(const TimePlace& place) const;
  // Nothing when it is not the key of a place. Thread: any.
  std::optional<TimePlace> ParseStoreKey(std::string_view stored) const;
  // Thread: any.
  std::string StoreEnd() const;
  // The value under each of these keys.
  static std::string StoreValue();

  void Add(const TimePlace& place);
  void Remove(const TimePlace& place);

  // The earliest place at or after `from` that the window has; null when it has none. Ends with
  // the next change.
  const TimePlace* EarliestFrom(const TimePlace& from) const;
  const TimePlace* Earliest() const { return EarliestFrom({}); }
  // Takes a place out of the window, though not out of the index: it is in the way of others.
  void PassOver(const TimePlace& place) { window_.erase(place); }

  // Whether the window is to be refilled, from where.
  bool WantsPage() const;
  const TimePlace& window_end() const { return end_; }
  LoadItem PageWanted() const;
  // A page that begins elsewhere than at window_end() is of no use any more and ignored.
  void InstallPage(const TimePage& page);

  // What changed goes into the running checkpoint, in slices of about `max_bytes`; true when all of
  // it has.
  void Freeze();
  bool EncodeSlice(Checkpoint* checkpoint, size_t max_bytes);
  // The checkpoint is durable: what it holds is forgotten, in slices, all before the next Freeze.
  // Takes what it has done from `*max_places`; true when all is.
  bool ConfirmSlice(size_t* max_places);
  void Revert();

  // Whether a key has this place, as far as it is known without the store.
  std::optional<bool> Knows(const TimePlace& place) const;
  // Every place that was added since the newest checkpoint and is still there.
  std::vector<TimePlace> Added() const;

 private:
  struct Change {
    bool exists = false;
    // The store neither has it nor is about to: it may be forgotten without a trace.
    bool is_fresh = false;
  };
  using Changes = absl::btree_map<TimePlace, Change>;

  bool InWindow(const TimePlace& place) const { return is_complete_ || place < end_; }
  void PutIntoWindow(const TimePlace& place);
  void PutIntoWindow(const Changes& changes, const TimePlace& from);

  const char tag_;
  Changes changes_;  // Since the last freeze.
  Changes frozen_;   // Of the running checkpoint.
  Changes::const_iterator next_to_encode_;
  // All places before `end_`, or all there are.
  absl::btree_set<TimePlace> window_;
  TimePlace end_;
  bool is_complete_ = false;
};

}  // namespace engine
