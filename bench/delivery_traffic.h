// Traffic of groups: consumers that read and acknowledge, and producers whose entries carry the
// time they were due, so that a consumer of the same program knows how long they took to reach it.
//
// Thread: the load loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "bench/reply_cursor.h"
#include "bench/traffic.h"

namespace bench {

// What a consumer reads and when it stops.
struct GroupReader {
  std::string key;
  std::string group{kGroup};
  std::string consumer;
  int count = 100;
  // Stop once all readers of the same tally have read so many; 0: when there is nothing new.
  uint64_t entries = 0;
  bool blocks = false;         // with BLOCK 0
  bool has_due_times = false;  // entries are those of TimedAppendTraffic
  double entries_per_s = 0;    // at most, on average from the first read on; 0: no limit
  // Unless null: stop when that tally has appended so many. Nothing new means to ask again later.
  const Tally* producers = nullptr;
  uint64_t producers_append = 0;
};

// XREADGROUP, XACK of what came, and so on, waiting for each reply. Ids have to rise: an entry that
// comes twice is a reply that is not expected.
class GroupTraffic : public Traffic {
 public:
  GroupTraffic(GroupReader reader, Tally* tally);

  bool is_paced() const override { return false; }
  Batch NextBatch(uint64_t due_ns) override;
  void TakeReply(std::string_view reply, uint64_t now_ns) override;

 private:
  bool Finished() const;
  void TakeEntries(ReplyCursor& cursor, uint64_t now_ns);
  void TakeEntry(ReplyCursor& cursor, uint64_t now_ns);
  bool Rises(std::string_view id);

  const GroupReader reader_;
  std::string read_request_;
  std::string ack_prefix_;  // XACK key group, encoded
  std::string ack_request_;
  std::string ids_;  // of the last read, encoded
  size_t id_count_ = 0;
  uint64_t read_ = 0;
  uint64_t first_read_ns_ = 0;
  uint64_t not_before_ns_ = 0;
  uint64_t last_id_ms_ = 0;
  uint64_t last_id_seq_ = 0;
  bool acknowledging_ = false;
  bool stopped_ = false;
  Tally* tally_;
};

// One XADD at a time; the value begins with the time it was due.
class TimedAppendTraffic : public Traffic {
 public:
  TimedAppendTraffic(const Workload& workload, const Dataset& dataset, Tally* tally);

  Batch NextBatch(uint64_t due_ns) override;
  void TakeReply(std::string_view reply, uint64_t now_ns) override;

 private:
  std::string request_;
  size_t time_at_ = 0;
  Tally* tally_;
};

}  // namespace bench
