// Keyspace: names to values, per logical database.
//
// A name that is not here may still be in the store; only a MissingKey, or a database with nothing
// stored, says that it is not. Owner: Core. Thread: loop.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "engine/key_hash.h"
#include "engine/slack.h"
#include "engine/stream.h"
#include "engine/string_value.h"
#include "engine/totals.h"
#include "engine/types.h"

namespace engine {

// A step of SCAN as the store has it, before keys that came and went since the last checkpoint are
// taken into account.
struct ScanPage {
  struct Row {
    uint64_t hash = 0;
    std::string key;
    KeyType type = KeyType::kNone;  // None when the record cannot be read.
    int64_t expire_ms = 0;
  };
  uint32_t physical_db = 0;
  uint64_t from = 0;
  std::string pattern;    // Rows that do not match are left out.
  std::vector<Row> rows;  // In order of (hash, key).
  bool at_end = false;    // Nothing follows.
  uint64_t next = 0;      // Where to go on, if not.
};

// What is known of the names of a database. Each holder is listed under its own key.
class HolderMap {
 public:
  // Null when nothing is known of it. `hashes` may know its hash.
  KeyHolder* Find(std::string_view name, NameHashes* hashes = nullptr);
  // What is most likely listed under a name with this hash, without a look at its name.
  const KeyHolder* Guess(size_t hash) const;
  // Brings what Guess() reads near the processor.
  void Fetch(size_t hash) const { holders_.prefetch(NameGuess{hash}); }
  // Precondition: nothing is listed under its key.
  void Add(std::unique_ptr<KeyHolder> holder);
  // Null when nothing was listed. The name may lie in the holder.
  std::unique_ptr<KeyHolder> Take(std::string_view name);
  // Takes up to `most` of them, in no order.
  void TakeSome(size_t most, absl::FunctionRef<void(std::unique_ptr<KeyHolder>)> visit);
  bool empty() const { return holders_.empty(); }
  size_t size() const { return holders_.size(); }
  void Trim() { TrimMap(&holders_); }

 private:
  absl::flat_hash_map<std::string_view, std::unique_ptr<KeyHolder>, KeyedHash, BytesEqual> holders_;
  // The one found last: one command after the other is about the same key.
  KeyHolder* last_found_ = nullptr;
};

struct Database {
  explicit Database(uint32_t physical_number) : physical(physical_number) {}

  // Whether the key came into being or went since the last checkpoint, and in which turn.
  struct Change {
    bool exists = false;
    Turn turn = 0;
    KeyType type = KeyType::kNone;  // Of a key that exists.
    int64_t expire_ms = 0;
  };

  const uint32_t physical;
  uint64_t key_count = 0;
  // Keys the store may have: 0 makes every miss in memory a certain one.
  uint64_t stored_key_count = 0;
  Turn last_delete_turn = 0;
  // When the logical database became this one; everything it shows is at least as new.
  Turn shown_turn = 0;
  // Keys with an expiry, and the sum of their times in seconds, for the mean.
  uint64_t expiring_count = 0;
  uint64_t expiry_sum_s = 0;
  StreamTotals totals;
  HolderMap holders;
  absl::btree_map<std::pair<uint64_t, std::string>, Change> changes;  // By (scan hash, key).

  // A key with this expiry has come or gone; 0 is none.
  void CountExpiry(int64_t expire_ms, bool is_there);
};

class Keyspace {
 public:
  explicit Keyspace(uint32_t database_count) : databases_(database_count) {}

  Database& at(uint32_t logical) { return *databases_[logical]; }
  const Database& at(uint32_t logical) const { return *databases_[logical]; }
  uint32_t size() const { return static_cast<uint32_t>(databases_.size()); }
  std::unique_ptr<Database>& slot(uint32_t logical) { return databases_[logical]; }
  // Null when no logical database is stored there any more.
  Database* ByPhysical(uint32_t physical);

  // Null when nothing is known in memory.
  static KeyHolder* Find(Database& database, std::string_view key, NameHashes* hashes = nullptr);
  // The number of a database that is shown.
  uint32_t LogicalOf(const Database& database) const;

  // Streams in memory, whatever they are called.
  Stream* StreamByUid(Uid uid) const;
  void ListStream(Stream& stream) { streams_[stream.uid] = &stream; }
  void UnlistStream(const Stream& stream) { streams_.erase(stream.uid); }
  // Streams of flushed databases that are not freed yet are left out. Nothing may come or go
  // meanwhile.
  void ForEachStream(absl::FunctionRef<void(Stream&)> visit);
  // Gives back room that is not needed any more (engine/slack.h).
  void Trim();

 private:
  std::vector<std::unique_ptr<Database>> databases_;
  absl::flat_hash_map<Uid, Stream*> streams_;
};

}  // namespace engine
