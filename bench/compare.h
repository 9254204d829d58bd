// `weir-bench compare`: the same workloads on two servers, runs interleaved, so that whatever
// changes on the machine over time hits both.
//
// Thread: main.
#pragma once

#include <string>
#include <vector>

#include "bench/server_process.h"
#include "bench/workloads.h"

namespace bench {

struct CompareOptions {
  ServerSpec weir;
  ServerSpec peer;
  std::vector<std::string> appendfsync_modes;
  std::string peer_mode;            // the peer's mode in all of them; empty: the same
  std::vector<Workload> workloads;  // with their final numbers
  Dataset dataset;
  int runs = 5;
  std::string json_path;     // no file if empty
  std::string command_line;  // for the report
};

// Prints the table while it goes. The process exit code: 0 if every run was good.
int RunCompare(const CompareOptions& options);

}  // namespace bench
