// Which keys are to go when: one place per key with an expiry, in order of time.
//
// The store has all places as of the newest checkpoint (family `system`, docs/disk-format.md); what
// changed since is here, and so is a window on the earliest ones, which is refilled page by page.
// So nothing depends on which keys are in memory, and nothing is read at start but one page. Places
// of flushed databases stay until they are due.
// Owner: Core. Thread: loop.
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

namespace engine {

struct ExpiryPlace {
  int64_t due_ms = 0;  // Unix time.
  uint32_t physical_db = 0;
  std::string key;

  auto operator<=>(const ExpiryPlace&) const = default;
  bool operator==(const ExpiryPlace&) const = default;
};

// A run of places as the store has them.
struct ExpiryPage {
  ExpiryPlace from;
  std::vector<ExpiryPlace> places;  // Ascending.
  std::optional<ExpiryPlace> next;  // The first one behind them; nothing at the end.
};

class ExpiryIndex {
 public:
  // The key of a place in family `system`, in the order of places.
  static std::string StoreKey(const ExpiryPlace& place);
  // Nothing when it is not the key of a place.
  static std::optional<ExpiryPlace> ParseStoreKey(std::string_view stored);
  static std::string StoreEnd();
  // The value under each of these keys.
  static std::string StoreValue();

  void Add(const ExpiryPlace& place);
  void Remove(const ExpiryPlace& place);

  // The earliest place at or after `from` that the window has; null when it has none. Ends with
  // the next change.
  const ExpiryPlace* EarliestFrom(const ExpiryPlace& from) const;
  const ExpiryPlace* Earliest() const { return EarliestFrom({}); }
  // Takes a place out of the window, though not out of the index: it is in the way of others.
  void PassOver(const ExpiryPlace& place) { window_.erase(place); }

  // Whether the window is to be refilled, from where.
  bool WantsPage() const;
  const ExpiryPlace& window_end() const { return end_; }
  // A page that begins elsewhere than at window_end() is of no use any more and ignored.
  void InstallPage(const ExpiryPage& page);

  // What changed goes into the running checkpoint, in slices of about `max_bytes`; true when all of
  // it has.
  void Freeze();
  bool EncodeSlice(Checkpoint* checkpoint, size_t max_bytes);
  // The checkpoint is durable: what it holds is forgotten, in slices, all before the next Freeze.
  // Takes what it has done from `*max_places`; true when all is.
  bool ConfirmSlice(size_t* max_places);
  void Revert();

  // Whether a key has this place, as far as it is known without the store.
  std::optional<bool> Knows(const ExpiryPlace& place) const;
  // Every place that was added since the newest checkpoint and is still there.
  std::vector<ExpiryPlace> Added() const;

 private:
  struct Change {
    bool exists = false;
    // The store neither has it nor is about to: it may be forgotten without a trace.
    bool is_fresh = false;
  };
  using Changes = absl::btree_map<ExpiryPlace, Change>;

  bool InWindow(const ExpiryPlace& place) const { return is_complete_ || place < end_; }
  void PutIntoWindow(const ExpiryPlace& place);
  void PutIntoWindow(const Changes& changes, const ExpiryPlace& from);

  Changes changes_;  // Since the last freeze.
  Changes frozen_;   // Of the running checkpoint.
  Changes::const_iterator next_to_encode_;
  // All places before `end_`, or all there are.
  absl::btree_set<ExpiryPlace> window_;
  ExpiryPlace end_;
  bool is_complete_ = false;
};

}  // namespace engine
