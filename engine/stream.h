// A stream in memory: its counters, the directory of its blocks, its groups.
//
// Entries live in blocks and pending records in pages, which come and go; everything else of a
// stream that is in memory at all is here. Owner: Keyspace. Thread: loop. State changes only in
// engine/apply.cc.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/btree_map.h"
#include "engine/counters.h"
#include "engine/directory.h"
#include "engine/group.h"
#include "engine/group_positions.h"
#include "engine/key_holder.h"
#include "engine/node_rule.h"
#include "engine/policy.h"
#include "engine/producer_table.h"
#include "engine/retirement.h"
#include "engine/schedule.h"
#include "engine/status.h"
#include "engine/stream_id.h"
#include "engine/totals.h"
#include "engine/types.h"
#include "engine/unit.h"

namespace engine {

// Where the search for idle consumers and groups stands (engine/idle_removal.h).
struct IdleRound {
  GroupNumber next_group = 0;   // Groups from this one on are left of the round.
  int64_t next_ms = INT64_MAX;  // When those before it want to be looked at again.
};

class Stream : public ValueHolder {
 public:
  Stream(uint32_t db, Uid stream_uid, std::string name)
      : ValueHolder(UnitKind::kStream, db, stream_uid, std::move(name)) {}

  uint64_t length = 0;
  uint64_t entries_added = 0;
  uint64_t data_bytes = 0;  // Lengths of all fields and values of live entries.
  uint64_t node_count = 0;  // Nodes with a live entry.
  StreamId last_id;         // Highest ever assigned, or set.
  StreamId first_id;        // Oldest live entry; 0-0 when empty. Entries below it are dead.
  StreamId last_live_id;    // Newest live entry; 0-0 when empty.
  StreamId max_deleted;     // Highest ever deleted, trimming apart.
  // Highest that went while older entries stayed, whatever XSETID says of max_deleted since. From
  // the next id on, every id that was an entry and is not below first_id is one.
  StreamId newest_hole;
  // XSETID went back below entries that were trimmed: an id between two entries that were never
  // deleted may still have been one once.
  bool ids_went_back = false;
  uint32_t idmp_duration_s = 0;  // Set when it is created, from the configuration of then.
  uint32_t idmp_max_size = 0;
  uint64_t iids_added = 0;
  uint64_t iids_duplicates = 0;
  std::unique_ptr<ProducerTable> producers;  // Null until an iid is recorded.
  std::optional<NodeState> open_node;
  Directory directory;
  uint32_t next_directory_page = 1;
  GroupNumber next_group = 1;
  absl::btree_map<std::string_view, std::unique_ptr<Group>> groups;  // By name.
  std::vector<Group*> groups_by_number;                              // Ascending.
  GroupPositions positions;                                          // Of all groups.
  bool holds_letters = false;                  // Dead letters have been added to it at some time.
  std::unique_ptr<PolicySettings> own_policy;  // Null: nothing set.
  std::unique_ptr<StreamCounters> counters;    // Null: all zero.
  std::unique_ptr<Schedule> schedule;          // Null until something is scheduled.
  int64_t expected_ms = INT64_MAX;             // Store time of the next look by the steward.
  Retirement retirement = Retirement::kOff;
  StreamId sweep_from;  // kSweeping: where it goes on; else 0-0.

  // Not stored.
  StreamTotals* totals = nullptr;        // Of its database; set when it is listed there.
  std::unique_ptr<StreamPolicy> policy;  // See Core::PolicyOf().
  uint64_t policy_version = 0;
  IdleRound idle_round;
  bool schedule_waits = false;  // A scheduled entry is due and there is no room for it.
  // The first node that has a live entry, for `~` trimming: spares walks over it.
  struct FirstNode {
    StreamId last_id;         // As in NodeSpan.
    uint32_t live_count = 0;  // 0 = not known.
  } first_node;

  // All ids from this one on that were entries once are live entries; known without any block.
  bool WhollyLiveFrom(StreamId id) const {
    return length > 0 && id >= first_id && id > newest_hole && !ids_went_back;
  }
  Group* FindGroup(std::string_view name) const;
  Group* GroupByNumber(GroupNumber number) const;
  // The number of a new group is above all others; its name is new.
  Group& AddGroup(std::unique_ptr<Group> group);
  void RemoveGroup(Group& group);
  void MoveGroup(Group& group, StreamId position);
  // What is kept of effective policies is made anew when it is needed next.
  void ForgetPolicies();
  // Bytes of the object, its directory and its groups, without blocks and pages.
  size_t memory_bytes() const;
};

// The record under KeyRecordKey. It holds the open directory page; `groups` names the groups and
// `closed_pages` the directory pages that are stored apart, in order.
void EncodeStream(const Stream& stream, std::string* out);
struct StreamParts {
  std::vector<GroupNumber> groups;
  std::vector<uint32_t> closed_pages;
};
Result<std::unique_ptr<Stream>> DecodeStream(uint32_t physical_db, std::string_view key,
                                             std::string_view stored, StreamParts* parts);
// A directory page that is stored apart.
void EncodeClosedPage(const DirectoryPage& page, std::string* out);
Result<std::unique_ptr<DirectoryPage>> DecodeClosedPage(Stream* stream, uint32_t number,
                                                        std::string_view stored);

}  // namespace engine
