// One load run: opens the connections, sends a workload, measures, checks the outcome.
//
// Closed loop: each connection sends its batch, waits for all its replies, sends the next. Open
// loop: requests are due at a fixed rate whatever the replies do, and a latency counts from the
// time a request was due, so a stalled server cannot hide the wait it caused. Of kDeliver the
// latencies are those of entries, until the consumer had them.
//
// Thread: one run at a time per thread; a run uses one thread, which polls.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "bench/client.h"
#include "bench/histogram.h"
#include "bench/traffic.h"
#include "bench/workloads.h"

namespace bench {

struct LoadOptions {
  Endpoint endpoint;
  Workload workload;  // a row of the table, perhaps with other numbers
  Dataset dataset;
  double seconds = 0;          // stop sending after this time; 0: after workload.operations
  double requests_per_s = 0;   // open loop at this rate; 0: closed loop
  double stall_seconds = 120;  // give up when nothing was received for so long
  // Makes the traffic in place of MakeTraffic; the counts are then not checked at the end.
  std::function<std::unique_ptr<Traffic>(int client, Tally*)> make_traffic = {};
  // Called every second with the sums so far and the latencies of replies since the last call.
  std::function<void(double elapsed_s, const Tally&, const Histogram& latency_ns)> on_second = {};
};

struct LoadResult {
  Problem problem;  // not empty: the numbers below say nothing
  uint64_t operations = 0;
  uint64_t requests = 0;
  uint64_t error_replies = 0;
  double elapsed_s = 0;
  double client_cpu_s = 0;
  Histogram latency_ns;
  // Open loop: how much later than due the client itself sent a batch, and the latencies counted
  // from there. What of latency_ns is not in served_ns is the client's own doing: on a machine
  // that is busy it does not get a processor in time. kDeliver: served_ns is about the XADD.
  Histogram late_ns;
  Histogram served_ns;

  double operations_per_s() const {
    return elapsed_s > 0 ? static_cast<double>(operations) / elapsed_s : 0;
  }
};

// Runs against data that Prepare made. Any error reply, unexpected reply or wrong final count makes
// the run a failed one.
LoadResult RunLoad(const LoadOptions& options);

}  // namespace bench
