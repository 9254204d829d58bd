// What one connection of a load run sends and how it takes the replies. The load loop owns the
// sockets and the clock, a Traffic owns the meaning.
//
// Thread: the load loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "bench/histogram.h"
#include "bench/workloads.h"

namespace bench {

// Sums over all connections of one run.
struct Tally {
  uint64_t unsent = 0;  // kAppend, kClaim, kSummary, kDeliver: requests nobody sent yet
  uint64_t appended = 0;
  uint64_t read = 0;
  uint64_t acknowledged = 0;
  uint64_t answered = 0;        // kClaim, kSummary
  uint64_t unexpected = 0;      // replies of the wrong shape
  Histogram delivered_ns = {};  // entries that carry when they were due, until a consumer had them
};

struct Batch {
  std::string_view bytes;      // valid until the next call of NextBatch or TakeReply
  size_t requests = 0;         // 0: this connection has nothing more to send,
  uint64_t not_before_ns = 0;  // or, unless 0, nothing before this time
};

class Traffic {
 public:
  virtual ~Traffic() = default;
  // Whether the rate of an open loop says when it sends. Otherwise it sends when what it sent
  // before is answered, in an open loop, too, and its latencies do not count there.
  virtual bool is_paced() const { return true; }
  // `due_ns`: when it is to be sent; now, if nothing paces it.
  virtual Batch NextBatch(uint64_t due_ns) = 0;
  // Takes the encoded bytes of one whole reply that is no error.
  virtual void TakeReply(std::string_view reply, uint64_t now_ns) = 0;
};

// `tally` must outlive the traffic; `client` numbers the connections from 0.
std::unique_ptr<Traffic> MakeTraffic(const Workload& workload, const Dataset& dataset, int client,
                                     Tally* tally);

}  // namespace bench
