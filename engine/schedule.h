// A stream's scheduled entries, in order of the time at which they are added.
//
// The store has one record per entry (family `side`, docs/disk-format.md) as of the newest
// checkpoint. Here is what changed since, and a window on the earliest entries of the store, which
// is refilled page by page: so millions of them take no memory, one may come or go anywhere without
// anything being read, and what is scheduled and due between two checkpoints never gets there.
// Nothing is enumerated: how many there are, and from where on, is part of the stream record.
//
// As a unit it is written in slices: what is frozen is apart from what changes meanwhile.
// Owner: Stream. Thread: loop. State changes only in engine/apply_schedule.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "engine/codec.h"
#include "engine/op.h"
#include "engine/schedule_token.h"
#include "engine/status.h"
#include "engine/types.h"
#include "engine/unit.h"

namespace engine {

class Checkpoint;
class Stream;

struct ScheduledEntry {
  uint32_t arg_count = 0;
  uint64_t data_bytes = 0;
  std::string payload;  // In wire form.
};

// The value of an entry's record.
void EncodeScheduled(const ScheduledEntry& entry, std::string* out);
Result<ScheduledEntry> DecodeScheduled(std::string_view stored);

// A run of entries as the store has them.
struct SchedulePage {
  ScheduleToken from;
  std::vector<std::pair<ScheduleToken, ScheduledEntry>> entries;  // Ascending.
  std::optional<ScheduleToken> next;  // The first one behind them; nothing at the end.
  bool is_full = false;               // It ends there for its size.
};

// Pages that a parked command had fetched to look at, beside the window.
struct ScheduleFinds {
  struct Find {
    uint64_t checkpoint = 0;  // Checkpoint::number() then: another one makes it void.
    SchedulePage page;
  };
  std::map<std::pair<Uid, ScheduleToken>, Find> finds;  // By stream and where the page begins.
};

class Schedule : public Unit {
 public:
  struct Unsaved {
    ScheduledEntry entry;
    bool maybe_stored = false;  // A checkpoint that failed may have reached the store all the same.
  };
  using UnsavedMap = absl::btree_map<ScheduleToken, Unsaved>;
  using Item = std::pair<const ScheduleToken*, const ScheduledEntry*>;

  explicit Schedule(Stream* owner) : Unit(UnitKind::kSchedule), stream(owner) {}

  Stream* const stream;

  uint64_t count() const { return count_; }
  uint64_t payload_bytes() const { return payload_bytes_; }
  uint64_t next_sequence() const { return next_sequence_; }
  // No entry is below it.
  ScheduleToken floor() const { return floor_; }

  void Add(ScheduleToken token, ScheduledEntry entry);
  // Precondition: there are such entries, with so many bytes of payload in all.
  void Remove(Checkpoint* checkpoint, std::span<const ScheduleToken> tokens, uint64_t bytes);

  // The first entry at or after `from`: null pointers when there is none, or when only the store
  // knows (see NeedsPage). Until the next change.
  Item EarliestFrom(ScheduleToken from) const;
  // Whether the store has to be asked for what is at or after `from`.
  bool NeedsPage(ScheduleToken from) const;
  // The entry if it is in memory, else null.
  const ScheduledEntry* Find(ScheduleToken token) const;
  // Whether there is such an entry; nothing when only the store knows.
  std::optional<bool> Has(ScheduleToken token) const;
  // The next page of the window.
  LoadItem PageWanted() const;
  // A page that begins elsewhere than where the window ends is of no use any more and ignored.
  void InstallPage(SchedulePage page);
  // An entry that is due but may not be added under this bound makes room for the window to move
  // on. It stays where it is. Until DropWindow().
  void PassOver(ScheduleToken token, int64_t bound);
  // Whether there are such, and the bound was another one.
  bool MustLookAgain(int64_t bound) const { return !passed_.empty() && bound != passed_bound_; }
  // Some that the store has are neither in the window nor behind it.
  bool has_passed_over() const { return !passed_.empty(); }
  void DropWindow();

  // What memory has in place of the store's records: whether the entry of a record still counts.
  bool IsStale(ScheduleToken token) const;
  // Of the entries that no checkpoint has stored, the first ones within the bounds: `count` of them
  // at least, if there are.
  std::vector<Item> Unstored(ScheduleToken first, ScheduleToken last, size_t count) const;
  // Tokens of all records that the store has or may have; nothing when they are not all known, or
  // too many.
  std::optional<std::vector<ScheduleToken>> StoredTokens() const;

  // For the checkpoint's lists of units.
  void Freeze();
  // True when all of it is encoded.
  bool EncodeSlice(Checkpoint* checkpoint, size_t max_bytes);
  // What was frozen is in the store; the part that memory lets go is moved to `discarded`.
  void Confirm(std::vector<UnsavedMap>* discarded);
  void Revert();

  // The part of the stream record.
  static void Put(std::string* out, const Schedule* schedule);
  // Null when nothing was ever scheduled. Latches `decoder` on values out of range.
  static std::unique_ptr<Schedule> Read(Decoder* decoder, Stream* owner);

  size_t memory_bytes() const;

 private:
  // Every entry of the store that counts is in the window, or was passed over.
  bool WindowHasAll() const {
    return window_.size() + passed_.size() + fresh_.size() + frozen_.size() == count_;
  }
  bool IsKnown(ScheduleToken token) const { return token < end_ || WindowHasAll(); }
  void PutIntoWindow(ScheduleToken token, ScheduledEntry entry);
  void RemoveOne(Checkpoint* checkpoint, ScheduleToken token);
  void EncodeDeletes(Checkpoint* checkpoint);
  void EncodeEntry(Checkpoint* checkpoint, ScheduleToken token, const ScheduledEntry& entry) const;

  // Stored.
  uint64_t next_sequence_ = 1;
  uint64_t count_ = 0;
  uint64_t payload_bytes_ = 0;
  ScheduleToken floor_;

  UnsavedMap fresh_;                            // Since the last freeze.
  UnsavedMap frozen_;                           // Of the running checkpoint.
  absl::btree_set<ScheduleToken> gone_;         // Records that the next checkpoint deletes...
  absl::btree_set<ScheduleToken> frozen_gone_;  // ...that the running one deletes...
  // ...and all those below.
  ScheduleToken gone_below_;
  ScheduleToken frozen_gone_below_;
  bool deletes_encoded_ = false;
  ScheduleToken encoded_below_;  // Of frozen_, those that are in the batch.
  // What the store has from the start up to end_, without what is gone, frozen or fresh.
  absl::btree_map<ScheduleToken, ScheduledEntry> window_;
  absl::btree_set<ScheduleToken> passed_;  // Also part of what is known.
  int64_t passed_bound_ = 0;
  ScheduleToken end_ = ScheduleToken::Max();
  size_t fresh_bytes_ = 0;
  size_t frozen_bytes_ = 0;
  size_t window_bytes_ = 0;
};

}  // namespace engine
