// `weir-bench growth`: what a server holds and how fast it is as its stream grows: memory, disk,
// time of a restart, throughput, each at several sizes, and memory with many idle streams.
//
// Thread: main.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/server_process.h"
#include "bench/workloads.h"

namespace bench {

struct GrowthOptions {
  ServerSpec weir;
  ServerSpec peer;  // none if its binary is empty
  Dataset dataset;
  std::vector<uint64_t> sizes;            // entries
  uint64_t peer_max_entries = 5'000'000;  // larger sizes are left out for the peer
  uint64_t operations = 300'000;          // of each run of a throughput
  int runs = 3;                           // of which the median counts
  uint64_t pending = 1'000'000;
  uint64_t idle_streams = 100'000;
  uint64_t idle_groups = 10'000;
  // Until what is not used has left memory: more than twice Weir's cache-idle-time.
  uint64_t idle_rest_s = 135;
  std::string json_path;     // no file if empty
  std::string command_line;  // for the report
};

// What one kind of request does at one size.
struct Throughput {
  double operations_per_s = 0;
  double server_cpu_s_per_million = 0;
};

// One server with one number of entries. Memory is in MiB, resident and of the process.
struct GrowthPoint {
  uint64_t entries = 0;
  double load_per_s = 0;  // until it had so many
  double empty_mib = 0;
  double loaded_mib = 0;
  double rested_mib = 0;  // after half a minute without commands
  double loaded_disk_mib = 0;
  Throughput add;            // XADD, 50 clients, 16 at a time
  Throughput trim;           // the same with MAXLEN ~
  double trimmed_per_s = 0;  // entries, by XTRIM MAXLEN ~ of 1000 at a time
  Throughput drain;          // XREADGROUP COUNT 100 and XACK, 8 consumers
  uint64_t pending = 0;
  double pending_mib = 0;       // what so many pending entries added
  double full_drain_per_s = 0;  // all others, to the end; 0: there were none
  double drained_mib = 0;       // after that
  double drained_disk_mib = 0;
  double peak_mib = 0;        // at any time so far
  double restart_kill_s = 0;  // from exec to the first answer of XLEN, after SIGKILL
  double restart_term_s = 0;  // after SIGTERM
  double restarted_mib = 0;   // after the first of them
};

// A server with many streams of one entry, on some of which there is a group.
struct IdlePoint {
  uint64_t streams = 0;
  uint64_t groups = 0;
  double empty_mib = 0;
  double streams_mib = 0;
  double groups_mib = 0;
  double rested_mib = 0;  // After a rest, as BytesPerStream().
  double restarted_mib = 0;

  double BytesPerStream() const;
};

// The process exit code: 0 if everything could be measured and the counts add up.
int RunGrowth(const GrowthOptions& options);

}  // namespace bench
