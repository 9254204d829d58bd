// `weir-bench soak`: a stream of many entries, and then for minutes what a server does all day:
// entries come at a given rate, the oldest are trimmed, groups read and acknowledge. Every second
// is recorded, so that a pause shows.
//
// Thread: main, and one that watches the server process.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/server_process.h"
#include "bench/workloads.h"

namespace bench {

struct SoakOptions {
  ServerSpec server;
  Dataset dataset;
  uint64_t entries = 1'000'000;   // the stream grows to so many and keeps that length
  double minutes = 10;            // after it has grown
  double requests_per_s = 20000;  // XADD, open loop
  int producers = 16;             // connections
  int groups = 1;                 // that wait for new entries
  double drain_per_s = 20000;     // entries that one more group reads, from the oldest on; 0: no
                                  // limit
  double stall_seconds = 120;     // give up when nothing was received for so long
  std::string json_path;          // no file if empty
  std::string command_line;       // for the report
};

// One second of a soak.
struct SoakSecond {
  bool growing = false;  // before the stream has its length
  double at_s = 0;       // end of the second, from the beginning of its phase
  uint64_t added = 0;
  uint64_t read = 0;
  uint64_t acknowledged = 0;
  double p50_ms = 0;  // of XADD; when growing of whole batches, else from the time it was due
  double p99_ms = 0;
  double p999_ms = 0;
  double max_ms = 0;
  // As the process was at most a second before.
  double resident_mib = 0;
  double disk_mib = 0;
  double cpu_cores = 0;

  bool HasProgress() const { return added > 0 && (growing || acknowledged > 0); }
};

// What a phase comes down to.
struct SoakSummary {
  size_t seconds = 0;
  size_t without_progress = 0;
  uint64_t fewest_added = 0;
  double worst_p999_ms = 0;
  double worst_at_s = 0;  // when it was that bad
  double resident_mib_max = 0;
  double disk_mib_max = 0;
  double cpu_cores_mean = 0;
};

// Of the seconds of one phase.
SoakSummary Summarize(const std::vector<SoakSecond>& seconds, bool growing);

// The process exit code: 0 if there was no error and the counts add up.
int RunSoak(const SoakOptions& options);

}  // namespace bench
