#include "bench/compare.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "bench/load.h"
#include "bench/report.h"
#include "bench/result_file.h"

namespace bench {
namespace {

// Part of a workload's operations that warms a server up, unmeasured.
constexpr double kWarmUpShare = 0.1;
constexpr double kIdleLimitSeconds = 20;

// Brings what earlier runs wrote to the disk, so that this run's fsync does not wait for it.
void SyncDisk(const std::string& directory) {
  const FileDescriptor fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.valid()) ::syncfs(fd.get());
}

double Microseconds(uint64_t ns) { return static_cast<double>(ns) / 1000; }

Measurement ToMeasurement(const LoadResult& result, double server_cpu_s, double resident_mib) {
  const Histogram& latency = result.latency_ns;
  return {
      .operations_per_s = result.operations_per_s(),
      .p50_us = Microseconds(latency.ValueAt(0.5)),
      .p99_us = Microseconds(latency.ValueAt(0.99)),
      .p999_us = Microseconds(latency.ValueAt(0.999)),
      .max_us = Microseconds(latency.max()),
      .late_p999_us = Microseconds(result.late_ns.ValueAt(0.999)),
      .server_cpu_s_per_million = server_cpu_s / static_cast<double>(result.operations) * 1e6,
      .client_cpu_share = result.client_cpu_s / result.elapsed_s,
      .resident_mib = resident_mib,
  };
}

Problem FlushAll(Client& client) {
  const auto reply = client.Call({"FLUSHALL"});
  if (!reply.has_value()) return "the server closed the connection";
  return reply->is_error() ? reply->text : "";
}

// One run on an empty server: prepare, let both servers come to rest, measure.
Problem Measure(const ServerProcess& server, const ServerProcess& other, const Workload& workload,
                const Dataset& dataset, Measurement* measurement) {
  Client client;
  Problem problem = client.Open(server.endpoint());
  if (problem.empty()) problem = FlushAll(client);
  if (problem.empty()) problem = Prepare(client, workload, dataset);
  if (!problem.empty()) return problem;
  SyncDisk(server.directory());
  server.WaitUntilIdle(kIdleLimitSeconds);
  other.WaitUntilIdle(kIdleLimitSeconds);

  const double cpu_before_s = server.Usage().cpu_s;
  const LoadResult result = RunLoad({.endpoint = server.endpoint(),
                                     .workload = workload,
                                     .dataset = dataset,
                                     .requests_per_s = workload.requests_per_s});
  const ProcessUsage usage = server.Usage();
  if (!result.problem.empty()) return result.problem;
  if (result.operations == 0) return "no operation was done";
  *measurement = ToMeasurement(result, usage.cpu_s - cpu_before_s, usage.resident_mib);
  return FlushAll(client);
}

Workload Scaled(Workload workload, double factor) {
  const double operations = static_cast<double>(workload.operations) * factor;
  workload.operations = std::max<uint64_t>(static_cast<uint64_t>(operations), 1);
  return workload;
}

Comparison Compare(const ServerProcess& weir, const ServerProcess& peer, const Workload& workload,
                   const CompareOptions& options) {
  Comparison comparison;
  comparison.workload = workload.name;
  comparison.judged_by_latency = workload.requests_per_s > 0;
  const auto run = [&](bool on_weir, const Workload& load, Measurement* measurement) {
    if (!comparison.problem.empty()) return;
    const ServerProcess& server = on_weir ? weir : peer;
    const ServerProcess& other = on_weir ? peer : weir;
    const Problem problem = Measure(server, other, load, options.dataset, measurement);
    if (!problem.empty()) comparison.problem = (on_weir ? "weir: " : "peer: ") + problem;
  };
  const Workload warm_up = Scaled(workload, kWarmUpShare);
  for (bool on_weir : {true, false}) {
    Measurement ignored;
    run(on_weir, warm_up, &ignored);
  }
  for (int i = 0; i < options.runs; ++i) {
    // Who goes first changes from run to run: going second may mean a warmer or a fuller machine.
    const bool weir_first = i % 2 == 0;
    for (bool on_weir : {weir_first, !weir_first}) {
      Measurement measurement;
      run(on_weir, workload, &measurement);
      if (!comparison.problem.empty()) return comparison;
      (on_weir ? comparison.weir : comparison.peer).push_back(measurement);
    }
  }
  return comparison;
}

// Runs every workload with both servers in one fsync mode. Returns what kept it from starting.
Problem RunMode(const std::string& mode, const CompareOptions& options, Report* report) {
  ServerSpec weir_spec = options.weir;
  ServerSpec peer_spec = options.peer;
  weir_spec.appendfsync = mode;
  peer_spec.appendfsync = options.peer_mode.empty() ? mode : options.peer_mode;
  ServerProcess weir;
  ServerProcess peer;
  if (Problem problem = weir.Start(weir_spec); !problem.empty()) return problem;
  if (Problem problem = peer.Start(peer_spec); !problem.empty()) return problem;
  report->weir_version = InfoField(weir.endpoint(), "server", "redis_version");
  report->peer_version = InfoField(peer.endpoint(), "server", "redis_version");
  report->weir_command = weir.command_line();
  report->peer_command = peer.command_line();
  for (const Workload& workload : options.workloads) {
    Comparison comparison = Compare(weir, peer, workload, options);
    comparison.appendfsync = mode;
    comparison.peer_mode = peer_spec.appendfsync;
    std::fputs(TableRow(comparison).c_str(), stdout);
    std::fflush(stdout);
    report->comparisons.push_back(std::move(comparison));
  }
  return "";
}

}  // namespace

int RunCompare(const CompareOptions& options) {
  Report report;
  report.environment = DescribeEnvironment(options.weir.directory);
  report.command_line = options.command_line;
  const Environment& environment = report.environment;
  std::printf("%s, commit %s\n%s, %u x %s, %s\n\n", environment.date.c_str(),
              environment.commit.c_str(), environment.kernel.c_str(), environment.cpu_count,
              environment.cpu_model.c_str(), environment.disk.c_str());
  std::fputs(TableHeader().c_str(), stdout);
  std::fflush(stdout);
  for (const std::string& mode : options.appendfsync_modes) {
    if (const Problem problem = RunMode(mode, options, &report); !problem.empty()) {
      std::fprintf(stderr, "weir-bench: %s\n", problem.c_str());
      return 1;
    }
  }
  if (!options.json_path.empty()) {
    const Problem problem = WriteFile(options.json_path, ToJson(report));
    if (!problem.empty()) {
      std::fprintf(stderr, "weir-bench: %s\n", problem.c_str());
      return 1;
    }
  }
  const bool good =
      std::all_of(report.comparisons.begin(), report.comparisons.end(),
                  [](const Comparison& comparison) { return comparison.problem.empty(); });
  return good ? 0 : 1;
}

}  // namespace bench
