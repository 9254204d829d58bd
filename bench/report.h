// The numbers of a comparison, as a table for people and as JSON for keeping.
//
// Thread: main.
#pragma once

#include <string>
#include <vector>

#include "bench/client.h"
#include "bench/environment.h"

namespace bench {

// One measured run on one server.
struct Measurement {
  double operations_per_s = 0;
  double p50_us = 0;
  double p99_us = 0;
  double p999_us = 0;
  double max_us = 0;
  double late_p999_us = 0;              // open loop: how late the client was itself
  double server_cpu_s_per_million = 0;  // user and system, per million operations
  double client_cpu_share = 0;          // of one core; near 1 means the client was the limit
  double resident_mib = 0;              // of the server, at the end of the run
};

// The runs of one workload in one fsync mode, both servers interleaved.
struct Comparison {
  std::string workload;
  std::string appendfsync;
  std::string peer_mode;           // the peer's, most often the same
  bool judged_by_latency = false;  // the rate is given: ratio() is of p99
  std::vector<Measurement> weir;
  std::vector<Measurement> peer;
  Problem problem;  // a failed run; the comparison then has no result

  // Above 1: Weir is ahead. Of the median rates, weir to peer, or of the median p99, peer to weir.
  double ratio() const;
  // Of the medians of a latency, peer to weir.
  double LatencyRatio(double Measurement::*latency) const;
};

struct Report {
  Environment environment;
  std::string command_line;
  std::string weir_version;
  std::string weir_command;
  std::string peer_version;
  std::string peer_command;
  std::vector<Comparison> comparisons;
};

// The median of one field; zero for no runs.
double Median(const std::vector<Measurement>& runs, double Measurement::*field);

// How far the runs lie apart in one field: (highest - lowest) / median.
double Spread(const std::vector<Measurement>& runs, double Measurement::*field);

std::string TableHeader();
std::string TableRow(const Comparison& comparison);
std::string ToJson(const Report& report);

}  // namespace bench
