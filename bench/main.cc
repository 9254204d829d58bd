// weir-bench: command line only. See README.md in this folder for the method.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "bench/compare.h"
#include "bench/flags.h"
#include "bench/growth.h"
#include "bench/load.h"
#include "bench/server_process.h"
#include "bench/soak.h"
#include "bench/workloads.h"

namespace bench {
namespace {

constexpr char kUsage[] = R"(usage:
  weir-bench list
  weir-bench load [flags]     one run against a server
    --host H --port P | --socket PATH       a running server (127.0.0.1 6379)
    --server BINARY [--server-args "..."] [--fsync MODE] [--data-dir DIR]
                                            or one started for this run
    --workload NAME                         see `weir-bench list` (xadd-p16)
    --clients N --pipeline N --streams N --count N --requests N
                                            other numbers than the workload's
    --seconds S                             send for S seconds instead of --requests
    --rate R                                open loop, R requests per second
    --value-bytes N --key-prefix P --seed N
  weir-bench compare --weir BINARY [flags]  two servers side by side
    --weir-args "..."
    --peer BINARY (redis-server) --peer-args "..." (--save "" --appendonly yes)
    --peer-command "..."                    instead: any RESP server; {port} {dir} {fsync}
    --peer-mode none|everysec|always        the peer's own mode (that of --fsync); none:
                                            --save "" --appendonly no unless --peer-args
    --fsync everysec|always|both (both)     --runs N (5)
    --workloads a,b (all)                   --scale F (1)
    --data-dir DIR ($TMPDIR or /tmp)        --json FILE
    --value-bytes N --seed N
  weir-bench growth --weir BINARY [flags]   memory, disk, restart and throughput by size
    --weir-args "..." --peer BINARY (none) --peer-args "..." (--save "" --appendonly yes)
    --fsync MODE (everysec) --entries N,N,... (1000000,5000000)
    --peer-max-entries N (5000000)          larger sizes without the peer
    --operations N (300000) --runs N (3)    of each throughput; the median counts
    --pending N (1000000) --idle-streams N (100000) --idle-groups N (10000)
    --idle-rest SECONDS (135)
    --data-dir DIR --json FILE --value-bytes N
  weir-bench soak --server BINARY [flags]   a long run, recorded every second; exit code 1 if a
                                            reply was an error or counts do not add up
    --server-args "..." --fsync MODE (everysec)
    --entries N (1000000)                   length of the stream, grown first, trimmed to then
    --minutes M (10) --rate R (20000)       XADD MAXLEN ~, open loop
    --producers N (16) --groups N (1)       connections; groups that wait for new entries
    --drain-rate R (20000)                  of one more group, from the oldest entry on; 0: all
    --data-dir DIR --json FILE --value-bytes N
)";

int Fail(const std::string& text) {
  std::fprintf(stderr, "weir-bench: %s\n", text.c_str());
  return 1;
}

std::string DefaultDataDirectory() {
  const char* const directory = std::getenv("TMPDIR");
  return directory == nullptr || *directory == '\0' ? "/tmp" : directory;
}

Dataset ReadDataset(Flags& flags) {
  Dataset dataset;
  dataset.key_prefix = flags.Text("key-prefix", dataset.key_prefix);
  dataset.value_bytes = static_cast<size_t>(flags.Whole("value-bytes", 100, 0));
  dataset.seed = static_cast<uint64_t>(flags.Whole("seed", 1, 0));
  return dataset;
}

int List() {
  for (const Workload& workload : Workloads()) {
    std::printf("%-18s %9llu  %s\n", std::string(workload.name).c_str(),
                static_cast<unsigned long long>(workload.operations),
                std::string(workload.summary).c_str());
  }
  return 0;
}

void PrintMilliseconds(const char* what, const Histogram& ns) {
  const auto ms = [&](double quantile) { return static_cast<double>(ns.ValueAt(quantile)) / 1e6; };
  std::printf("  %s ms: p50 %.3f  p99 %.3f  p99.9 %.3f  max %.3f\n", what, ms(0.5), ms(0.99),
              ms(0.999), static_cast<double>(ns.max()) / 1e6);
}

void PrintLoad(const LoadOptions& options, const LoadResult& result) {
  std::printf(
      "%s: %.0f op/s  (%llu operations, %llu requests, %.2f s, %llu errors, client cpu %.0f%%)\n",
      std::string(options.workload.name).c_str(), result.operations_per_s(),
      static_cast<unsigned long long>(result.operations),
      static_cast<unsigned long long>(result.requests), result.elapsed_s,
      static_cast<unsigned long long>(result.error_replies),
      result.elapsed_s > 0 ? result.client_cpu_s / result.elapsed_s * 100 : 0);
  PrintMilliseconds("latency", result.latency_ns);
  if (options.requests_per_s > 0) {
    PrintMilliseconds(options.workload.kind == TrafficKind::kDeliver ? "XADD, counted from sending"
                                                                     : "counted from sending",
                      result.served_ns);
    PrintMilliseconds("client late by", result.late_ns);
  }
  if (!result.problem.empty()) std::printf("  FAILED: %s\n", result.problem.c_str());
}

int PrepareAndRun(const LoadOptions& options) {
  Client client;
  Problem problem = client.Open(options.endpoint);
  if (problem.empty()) problem = Prepare(client, options.workload, options.dataset);
  if (!problem.empty()) return Fail(problem);
  const LoadResult result = RunLoad(options);
  PrintLoad(options, result);
  return result.problem.empty() ? 0 : 1;
}

// Reads the numbers of a workload that flags may change.
void Customize(Flags& flags, Workload* workload) {
  const auto whole = [&](std::string_view name, auto fallback) {
    return flags.Whole(name, static_cast<long long>(fallback), 1);
  };
  workload->clients = static_cast<int>(whole("clients", workload->clients));
  workload->pipeline = static_cast<int>(whole("pipeline", workload->pipeline));
  workload->operations = static_cast<uint64_t>(whole("requests", workload->operations));
  workload->stream_count = static_cast<uint64_t>(whole("streams", workload->stream_count));
  if (workload->kind == TrafficKind::kDrain) {
    workload->read_count = static_cast<int>(whole("count", workload->read_count));
  }
}

std::string CheckLoad(const LoadOptions& options) {
  if (options.workload.kind == TrafficKind::kAppend) return "";
  if (options.workload.kind == TrafficKind::kDeliver) {
    return options.workload.clients < 2 ? "end-to-end needs two clients" : "";
  }
  if (options.requests_per_s > 0) return "--rate is for appending workloads only";
  if (options.workload.stream_count != 1) return "this workload has one stream";
  return "";
}

int Load(Flags& flags) {
  const std::string name = flags.Text("workload", "xadd-p16");
  const Workload* const workload = FindWorkload(name);
  if (workload == nullptr) return Fail("no workload " + name + "; see weir-bench list");
  LoadOptions options;
  options.workload = *workload;
  Customize(flags, &options.workload);
  options.dataset = ReadDataset(flags);
  options.seconds = flags.Number("seconds", 0);
  options.requests_per_s = flags.Number("rate", options.workload.requests_per_s);
  if (options.workload.kind == TrafficKind::kDeliver && options.seconds > 0) {
    // Its consumer stops after a number of entries.
    options.workload.operations =
        static_cast<uint64_t>(options.seconds * options.requests_per_s) + 1;
    options.seconds = 0;
  }
  options.endpoint.host = flags.Text("host", options.endpoint.host);
  options.endpoint.port = static_cast<int>(flags.Whole("port", options.endpoint.port, 1));
  options.endpoint.socket_path = flags.Text("socket", "");
  ServerSpec spec;
  spec.binary = flags.Text("server", "");
  spec.args = SplitWords(flags.Text("server-args", ""));
  spec.appendfsync = flags.Text("fsync", spec.appendfsync);
  spec.directory = flags.Text("data-dir", DefaultDataDirectory());
  if (const std::string problem = flags.Problem(); !problem.empty()) return Fail(problem);
  if (const std::string problem = CheckLoad(options); !problem.empty()) return Fail(problem);
  if (spec.binary.empty()) return PrepareAndRun(options);
  ServerProcess server;
  if (const Problem problem = server.Start(spec); !problem.empty()) return Fail(problem);
  options.endpoint = server.endpoint();
  return PrepareAndRun(options);
}

// The chosen rows of the table, scaled. False if a name is unknown.
bool ChooseWorkloads(std::string_view names, double scale, std::vector<Workload>* chosen) {
  if (names.empty()) chosen->assign(Workloads().begin(), Workloads().end());
  for (const std::string& name : Split(names, ',')) {
    const Workload* const workload = FindWorkload(name);
    if (workload == nullptr) return false;
    chosen->push_back(*workload);
  }
  for (Workload& workload : *chosen) {
    const double operations = static_cast<double>(workload.operations) * scale;
    workload.operations = operations < 1 ? 1 : static_cast<uint64_t>(operations);
  }
  return true;
}

int CompareServers(Flags& flags, std::string command_line) {
  CompareOptions options;
  options.command_line = std::move(command_line);
  options.weir.binary = flags.Text("weir", "");
  options.weir.args = SplitWords(flags.Text("weir-args", ""));
  options.weir.directory = flags.Text("data-dir", DefaultDataDirectory());
  options.peer.binary = flags.Text("peer", "redis-server");
  options.peer_mode = flags.Text("peer-mode", "");
  options.peer.args = SplitWords(flags.Text("peer-args", options.peer_mode == kNoFsyncMode
                                                             ? "--save \"\" --appendonly no"
                                                             : "--save \"\" --appendonly yes"));
  options.peer.command = SplitWords(flags.Text("peer-command", ""));
  options.peer.directory = options.weir.directory;
  const std::string fsync = flags.Text("fsync", "both");
  options.appendfsync_modes = fsync == "both" ? std::vector<std::string>{"everysec", "always"}
                                              : std::vector<std::string>{fsync};
  options.runs = static_cast<int>(flags.Whole("runs", 5, 1));
  options.dataset = ReadDataset(flags);
  options.json_path = flags.Text("json", "");
  const std::string names = flags.Text("workloads", "");
  const double scale = flags.Number("scale", 1);
  if (const std::string problem = flags.Problem(); !problem.empty()) return Fail(problem);
  if (options.weir.binary.empty()) return Fail("compare needs --weir BINARY");
  if (!ChooseWorkloads(names, scale, &options.workloads)) {
    return Fail("unknown name in --workloads; see weir-bench list");
  }
  return RunCompare(options);
}

int Grow(Flags& flags, std::string command_line) {
  GrowthOptions options;
  options.command_line = std::move(command_line);
  options.weir.binary = flags.Text("weir", "");
  options.weir.args = SplitWords(flags.Text("weir-args", ""));
  options.weir.appendfsync = flags.Text("fsync", options.weir.appendfsync);
  options.weir.directory = flags.Text("data-dir", DefaultDataDirectory());
  options.peer = options.weir;
  options.peer.binary = flags.Text("peer", "");
  options.peer.args = SplitWords(flags.Text("peer-args", "--save \"\" --appendonly yes"));
  options.dataset = ReadDataset(flags);
  for (const std::string& size : Split(flags.Text("entries", "1000000,5000000"), ',')) {
    options.sizes.push_back(std::strtoull(size.c_str(), nullptr, 10));
    if (options.sizes.back() == 0) return Fail("--entries needs numbers, not '" + size + "'");
  }
  const auto whole = [&](std::string_view name, uint64_t fallback, long long minimum) {
    return static_cast<uint64_t>(flags.Whole(name, static_cast<long long>(fallback), minimum));
  };
  options.peer_max_entries = whole("peer-max-entries", options.peer_max_entries, 0);
  options.operations = whole("operations", options.operations, 1);
  options.runs = static_cast<int>(flags.Whole("runs", options.runs, 1));
  options.pending = whole("pending", options.pending, 0);
  options.idle_streams = whole("idle-streams", options.idle_streams, 0);
  options.idle_groups = whole("idle-groups", options.idle_groups, 0);
  options.idle_rest_s = whole("idle-rest", options.idle_rest_s, 0);
  options.json_path = flags.Text("json", "");
  if (const std::string problem = flags.Problem(); !problem.empty()) return Fail(problem);
  if (options.weir.binary.empty()) return Fail("growth needs --weir BINARY");
  return RunGrowth(options);
}

int SoakServer(Flags& flags, std::string command_line) {
  SoakOptions options;
  options.command_line = std::move(command_line);
  options.server.binary = flags.Text("server", "");
  options.server.args = SplitWords(flags.Text("server-args", ""));
  options.server.appendfsync = flags.Text("fsync", options.server.appendfsync);
  options.server.directory = flags.Text("data-dir", DefaultDataDirectory());
  options.dataset = ReadDataset(flags);
  options.entries = static_cast<uint64_t>(flags.Whole("entries", 1'000'000, 1));
  options.minutes = flags.Number("minutes", options.minutes);
  options.requests_per_s = flags.Number("rate", options.requests_per_s);
  options.producers = static_cast<int>(flags.Whole("producers", options.producers, 1));
  options.groups = static_cast<int>(flags.Whole("groups", options.groups, 0));
  options.drain_per_s = flags.Number("drain-rate", options.drain_per_s);
  options.json_path = flags.Text("json", "");
  if (const std::string problem = flags.Problem(); !problem.empty()) return Fail(problem);
  if (options.server.binary.empty()) return Fail("soak needs --server BINARY");
  if (options.requests_per_s <= 0) return Fail("--rate must not be 0");
  return RunSoak(options);
}

int Main(int argc, char** argv) {
  const std::string_view command = argc > 1 ? argv[1] : "";
  std::string command_line;
  for (int i = 0; i < argc; ++i) command_line += (i > 0 ? " " : "") + std::string(argv[i]);
  if (command == "list") return List();
  Flags flags(argc, argv, 2);
  if (command == "load") return Load(flags);
  if (command == "compare") return CompareServers(flags, std::move(command_line));
  if (command == "growth") return Grow(flags, std::move(command_line));
  if (command == "soak") return SoakServer(flags, std::move(command_line));
  std::fputs(kUsage, stderr);
  return 2;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) { return bench::Main(argc, argv); }
