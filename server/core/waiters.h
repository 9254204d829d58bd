// Blocked readers, in the order in which they blocked, by the keys they wait on.
//
// On each key, readers outside of groups all get what comes; readers of one group compete, each
// group by itself. A key that is signalled is ready; Serve then has its readers run again, oldest
// first: all of those outside of groups, and of each group until the first that gets nothing. A
// reader that stays blocked keeps its place and its deadline, on all its keys. Readers are ids,
// never pointers.
//
// Readers that claim may also find something because time has passed. Those of one group with one
// min-idle on one key form a line of which only the first looks again by the clock: what it leaves
// nobody behind it can get, and when it goes the next one runs at once. So a moment at which a
// record becomes due costs two runs, however many wait. Owner: ServerContext. Thread: loop.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/functional/function_ref.h"
#include "engine/key_hash.h"
#include "server/core/command.h"
#include "server/core/session.h"

namespace server {

class Waiters {
 public:
  // No deadline.
  static constexpr int64_t kForever = std::numeric_limits<int64_t>::max();

  // What became of a reader that was run again.
  enum class WakeUp : uint8_t {
    kServed,   // Has been answered and removed.
    kBlocked,  // Got nothing.
    kBusy,     // Cannot run now; its keys will be signalled again when it has run.
  };

  Waiters();
  ~Waiters();
  Waiters(const Waiters&) = delete;
  Waiters& operator=(const Waiters&) = delete;

  // At the end of its queues; a key that is named twice counts once. `deadline_us` is monotonic.
  // Precondition: the client does not wait.
  void Add(ClientId client, uint32_t db, const WaitRequest& wait, int64_t deadline_us);
  // No effect when the client does not wait.
  void Remove(ClientId client);
  bool Contains(ClientId client) const { return clients_.contains(client); }

  // Cheap when nobody waits.
  void Signal(uint32_t db, std::string_view key) {
    if (!clients_.empty()) MarkReady(db, key);
  }
  // The same for entries that were delivered before. Readers that leave some of them to others
  // (WaitRequest::leaves_some) and get nothing do not keep those behind them from running.
  void SignalPending(uint32_t db, std::string_view key);
  void SignalDatabase(uint32_t db);
  void SignalAll();
  // Every key of this client.
  void SignalKeysOf(ClientId client);

  // The reader, which claims, runs again at `at_us` if it is first in one of its lines. In place of
  // what was said before. No effect when the client does not wait.
  void LookAgain(ClientId client, int64_t at_us);
  // The first of each line of this group runs, the oldest first. Cheap when nobody waits.
  void SignalClaims(uint32_t db, std::string_view key, std::string_view group);
  // Makes those run whose moment has come.
  void StartDueClaims(int64_t now_us);
  // The earliest such moment; kForever when there is none.
  int64_t next_claim_us() const { return looks_.empty() ? kForever : looks_.begin()->at_us; }

  bool has_ready() const { return !ready_.empty() || HasLook(); }
  // Runs readers of ready keys and those that look again, at most `max` of them; the number run.
  // `run` may add, remove and signal; it removes a reader that it has answered.
  size_t Serve(size_t max, absl::FunctionRef<WakeUp(ClientId)> run);

  // Consumers whose reads of the group wait on the key; one that waits twice comes twice.
  void ForEachConsumer(uint32_t db, std::string_view key, std::string_view group,
                       absl::FunctionRef<void(std::string_view consumer)> visit) const;

  // The earliest deadline; kForever when there is none.
  int64_t next_deadline_us() const {
    return deadlines_.empty() ? kForever : deadlines_.begin()->first;
  }
  // A client whose deadline has come, the earliest first. It still waits: the caller removes it.
  std::optional<ClientId> Expired(int64_t now_us) const;

  // How many wait on the key, and who has waited longest of those that do not read in a group, or
  // of its first group; 0 when nobody does.
  size_t CountOn(uint32_t db, std::string_view key) const;
  ClientId FirstOn(uint32_t db, std::string_view key) const;

  size_t client_count() const { return clients_.size(); }
  size_t key_count() const { return keys_.size(); }
  // Keys on which a reader of a group waits.
  size_t group_key_count() const { return group_key_count_; }

 private:
  // A line of readers on one key: number 0 those outside of groups, the others one for each group.
  using LaneNumber = uint32_t;
  using Ticket = uint64_t;  // Order of blocking.
  using Place = std::pair<LaneNumber, Ticket>;
  struct Lane {
    LaneNumber number = 0;
    size_t client_count = 0;
  };
  struct Key;
  // A reader that claims, in its line.
  struct ClaimPlace {
    LaneNumber lane = 0;
    int64_t min_idle_ms = 0;
    Ticket ticket = 0;
    ClientId client = 0;
    auto operator<=>(const ClaimPlace&) const = default;
  };
  struct Look {
    int64_t at_us = 0;
    Ticket ticket = 0;
    ClientId client = 0;
    auto operator<=>(const Look&) const = default;
  };
  // Of a lane, whoever runs next in a pass. Has perhaps gone since.
  struct Head {
    Ticket ticket = 0;
    LaneNumber lane = 0;
    auto operator<=>(const Head&) const = default;
  };
  static constexpr int64_t kAtOnce = -1;  // Before every moment.
  struct KeyName {
    uint32_t db;
    std::string_view name;  // Key::name.
    bool operator==(const KeyName&) const = default;
    template <typename H>
    friend H AbslHashValue(H state, const KeyName& key) {
      return H::combine(std::move(state), key.db, engine::KeyedHash()(key.name));
    }
  };
  struct Client {
    Ticket ticket = 0;
    int64_t deadline_us = kForever;
    std::string group;
    std::string consumer;
    bool group_read = false;
    bool leaves_some = false;
    std::optional<int64_t> claim_min_idle_ms;
    int64_t look_at_us = kForever;
    absl::InlinedVector<std::pair<Key*, LaneNumber>, 1> places;
  };

  void MarkReady(uint32_t db, std::string_view name);
  void MarkReady(Key& key);
  Key& KeyFor(uint32_t db, const std::string& name);
  LaneNumber JoinLane(Key& key, const Client& client);
  void LeaveLane(Key& key, const Client& client);
  // A pass over the readers of a ready key: those that are next in their lanes, the oldest of them,
  // and the one behind it in its lane.
  static void StartPass(Key& key);
  static std::optional<std::pair<Place, ClientId>> TakeNext(Key& key);
  static void GoOnBehind(Key& key, const Place& place);
  void EraseIfUnused(Key& key);
  // The first reader in the line of `place`; null when there is none.
  static const ClaimPlace* FirstInLine(const Key& key, const ClaimPlace& place);
  void LeaveClaimLine(Key& key, const ClaimPlace& place);
  void SetLook(ClientId id, Client& client, int64_t at_us);
  bool HasLook() const { return !looks_.empty() && looks_.begin()->at_us == kAtOnce; }

  Ticket last_ticket_ = 0;
  size_t group_key_count_ = 0;
  absl::flat_hash_map<ClientId, Client> clients_;
  absl::flat_hash_map<KeyName, std::unique_ptr<Key>> keys_;
  std::deque<Key*> ready_;
  absl::btree_set<std::pair<int64_t, ClientId>> deadlines_;
  absl::btree_set<Look> looks_;
};

}  // namespace server
