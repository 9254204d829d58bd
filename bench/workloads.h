// The named workloads, in one table: `load` and `compare` run exactly these, so that a number
// always has a name that says how it came about.
//
// Thread: any.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "bench/client.h"

namespace bench {

enum class TrafficKind : uint8_t {
  kAppend,   // XADD, one operation per request
  kDrain,    // XREADGROUP and XACK in turn until the stream has nothing new; one per entry
  kScan,     // XRANGE page by page from end to end of the stream; one per entry
  kClaim,    // XAUTOCLAIM from each reply's cursor to the next; one per call
  kSummary,  // XPENDING of the group; one per call
  kDeliver,  // client 0 waits in XREADGROUP and acknowledges what the others add; one per entry
};

struct Workload {
  std::string_view name;
  TrafficKind kind;
  int clients;
  int pipeline = 1;     // kAppend: requests sent at once
  uint64_t operations;  // kAppend, kClaim, kSummary: requests in all; kDrain, kScan: entries
                        // loaded; kDeliver: entries added
  uint64_t stream_count = 1;
  int read_count = 0;         // COUNT of kDrain, kScan, kClaim and kDeliver
  uint64_t read_limit = 0;    // kDrain: stop after about so many entries; 0 = none
  uint64_t max_length = 0;    // kAppend: MAXLEN ~; 0 = none
  uint64_t pending = 0;       // kClaim, kSummary: entries loaded, and delivered, before
  int64_t min_idle_ms = 0;    // kClaim
  double requests_per_s = 0;  // open loop at this rate; 0: closed loop
  std::string_view summary;
};

std::span<const Workload> Workloads();

// Null if there is none of that name.
const Workload* FindWorkload(std::string_view name);

// The data a run works on. Keys are of one length, so that requests can be patched in place.
struct Dataset {
  std::string key_prefix = "weir-bench";
  size_t value_bytes = 100;
  uint64_t seed = 1;
};

inline constexpr std::string_view kField = "f";
inline constexpr std::string_view kGroup = "workers";

std::string StreamKey(const Dataset& dataset, uint64_t index);

// Brings the server into the state a run of `workload` starts from. Other keys are left alone.
Problem Prepare(Client& client, const Workload& workload, const Dataset& dataset);

// Makes the group of the workloads on stream 0, as one that has read nothing.
Problem CreateGroup(Client& client, const Dataset& dataset);
// The same on the first `count` streams.
Problem CreateGroups(Client& client, uint64_t count, const Dataset& dataset);

// Has `count` entries, whole hundreds, delivered to one consumer, which does not acknowledge them.
Problem Deliver(Client& client, uint64_t count, const Dataset& dataset);

// Adds one entry to each of `streams` streams.
Problem AddOneEach(Client& client, uint64_t streams, const Dataset& dataset);

// Entries in all streams of the workload together.
Problem CountEntries(Client& client, const Workload& workload, const Dataset& dataset,
                     uint64_t* count);

// Entries delivered and not acknowledged in the workload's group.
Problem CountPending(Client& client, const Dataset& dataset, uint64_t* count);

}  // namespace bench
