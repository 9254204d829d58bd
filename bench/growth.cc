#include "bench/growth.h"

#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>

#include "bench/load.h"
#include "bench/result_file.h"

namespace bench {
namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

constexpr double kMib = 1048576;
constexpr double kIdleLimitSeconds = 60;
// After the last work allocators give memory back for a while.
constexpr std::chrono::seconds kSettleTime{2};
// And a server may wait for longer until it is sure that it is not needed again.
constexpr std::chrono::seconds kRestTime{35};
constexpr std::chrono::seconds kRewriteLimit{300};
constexpr std::chrono::seconds kRestartLimit{900};
constexpr uint64_t kTrimStep = 1000;
constexpr size_t kTrimPipeline = 16;

double SecondsSince(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

double Middle(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0 : values[values.size() / 2];
}

// Waits until the server rests, also from rewriting its append-only file.
void Settle(const ServerProcess& server) {
  const auto begin = Clock::now();
  do {
    server.WaitUntilIdle(kIdleLimitSeconds);
    std::this_thread::sleep_for(kSettleTime);
  } while (InfoField(server.endpoint(), "persistence", "aof_rewrite_in_progress") == "1" &&
           Clock::now() - begin < kRewriteLimit);
}

double ResidentMib(const ServerProcess& server) { return server.Usage().resident_mib; }
double DiskMib(const ServerProcess& server) {
  return static_cast<double>(server.DiskBytes()) / kMib;
}

// Ends the server with `signal`, starts it again, and waits until XLEN of `key` answers `length`.
Problem Restart(ServerProcess* server, int signal, const std::string& key, uint64_t length,
                double* seconds) {
  if (Problem problem = server->End(signal); !problem.empty()) return problem;
  const auto begin = Clock::now();
  if (Problem problem = server->StartAgain(); !problem.empty()) return problem;
  while (Clock::now() - begin < kRestartLimit) {
    Client client;
    if (client.Open(server->endpoint()).empty()) {
      const auto reply = client.Call({"XLEN", key});
      // A server that is still loading answers an error.
      if (reply.has_value() && reply->type == resp::Reply::Type::kInteger) {
        *seconds = SecondsSince(begin);
        const auto found = static_cast<uint64_t>(reply->integer);
        return found == length ? "" : "after a restart: " + std::to_string(found) + " entries";
      }
    }
    if (!server->IsRunning()) return "the server does not start again";
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return "no answer after a restart";
}

// One server at one size, step by step.
class GrowthRun {
 public:
  GrowthRun(const GrowthOptions& options, const ServerSpec& spec, uint64_t entries)
      : options_(options), spec_(spec) {
    point_.entries = entries;
    // The drains of all runs together take less than the stream has.
    operations_ = std::max<uint64_t>(
        1, std::min(options.operations, entries / static_cast<uint64_t>(options.runs + 1)));
  }

  Problem Run() {
    for (const auto step : {&GrowthRun::Start, &GrowthRun::Load, &GrowthRun::Add, &GrowthRun::Trim,
                            &GrowthRun::AddAndTrim, &GrowthRun::Drain, &GrowthRun::HoldPending,
                            &GrowthRun::DrainAll, &GrowthRun::RestartTwice}) {
      if (Problem problem = (this->*step)(); !problem.empty()) return problem;
    }
    return "";
  }
  const GrowthPoint& point() const { return point_; }

 private:
  Problem Start() {
    if (Problem problem = server_.Start(spec_); !problem.empty()) return problem;
    Settle(server_);
    point_.empty_mib = ResidentMib(server_);
    return client_.Open(server_.endpoint());
  }

  Problem Load() {
    Throughput loaded;
    if (Problem problem = Measure("xadd-p128", point_.entries, 1, 0, &loaded); !problem.empty()) {
      return problem;
    }
    point_.load_per_s = loaded.operations_per_s;
    Settle(server_);
    point_.loaded_mib = ResidentMib(server_);
    std::this_thread::sleep_for(kRestTime);
    point_.rested_mib = ResidentMib(server_);
    point_.loaded_disk_mib = DiskMib(server_);
    return ExpectLength(point_.entries, 0);
  }

  Problem Add() {
    if (Problem problem = Measure("xadd-p16", operations_, options_.runs, 0, &point_.add);
        !problem.empty()) {
      return problem;
    }
    return ExpectLength(point_.entries + operations_ * static_cast<uint64_t>(options_.runs), 0);
  }

  Problem AddAndTrim() {
    if (Problem problem =
            Measure("xadd-maxlen", operations_, options_.runs, point_.entries, &point_.trim);
        !problem.empty()) {
      return problem;
    }
    return ExpectLength(point_.entries, 100);
  }

  Problem Drain() {
    if (Problem problem = CreateGroup(client_, options_.dataset); !problem.empty()) return problem;
    if (Problem problem = Measure("drain-8", operations_, options_.runs, 0, &point_.drain);
        !problem.empty()) {
      return problem;
    }
    return Call({"XGROUP", "DESTROY", Key(), kGroup});
  }

  Problem Trim();
  Problem HoldPending();
  Problem DrainAll();
  Problem RestartTwice();
  Problem Measure(std::string_view name, uint64_t operations, int runs, uint64_t max_length,
                  Throughput* throughput);
  Problem Call(const std::vector<std::string_view>& words);
  Problem Length(uint64_t* length) {
    Workload one_stream = *FindWorkload("xadd-p16");
    return CountEntries(client_, one_stream, options_.dataset, length);
  }
  Problem ExpectLength(uint64_t least, uint64_t more);
  Problem ExpectPending(Client& client) const;
  std::string Key() const { return StreamKey(options_.dataset, 0); }

  const GrowthOptions& options_;
  const ServerSpec& spec_;
  uint64_t operations_ = 0;
  ServerProcess server_;
  Client client_;
  GrowthPoint point_;
};

// Takes what Add has added off the head again.
Problem GrowthRun::Trim() {
  uint64_t length = 0;
  if (Problem problem = Length(&length); !problem.empty()) return problem;
  Settle(server_);
  const uint64_t before = length;
  const auto begin = Clock::now();
  while (length > point_.entries) {
    std::string requests;
    size_t count = 0;
    for (; count < kTrimPipeline && length > point_.entries; ++count) {
      length -= std::min(kTrimStep, length - point_.entries);
      AppendRequest({"XTRIM", Key(), "MAXLEN", "~", std::to_string(length)}, &requests);
    }
    const auto replies = client_.CallMany(requests, count);
    if (!replies.has_value()) return "the server closed the connection";
    for (const resp::Reply& reply : *replies) {
      if (reply.is_error()) return reply.text;
    }
  }
  const double elapsed_s = SecondsSince(begin);
  if (Problem problem = Length(&length); !problem.empty()) return problem;
  point_.trimmed_per_s = static_cast<double>(before - length) / elapsed_s;
  return ExpectLength(point_.entries, 100);
}

Problem GrowthRun::HoldPending() {
  Settle(server_);
  const double before_mib = ResidentMib(server_);
  uint64_t length = 0;
  if (Problem problem = Length(&length); !problem.empty()) return problem;
  // Whole replies of 100 entries.
  point_.pending = std::min(options_.pending, length) / 100 * 100;
  if (Problem problem = CreateGroup(client_, options_.dataset); !problem.empty()) return problem;
  if (Problem problem = Deliver(client_, point_.pending, options_.dataset); !problem.empty()) {
    return problem;
  }
  Settle(server_);
  point_.pending_mib = ResidentMib(server_) - before_mib;
  return ExpectPending(client_);
}

// All other entries are read and acknowledged.
Problem GrowthRun::DrainAll() {
  uint64_t length = 0;
  if (Problem problem = Length(&length); !problem.empty()) return problem;
  LoadOptions load = {.endpoint = server_.endpoint(),
                      .workload = *FindWorkload("drain-8"),
                      .dataset = options_.dataset};
  load.make_traffic = [&](int client, Tally* tally) {
    return MakeTraffic(load.workload, options_.dataset, client, tally);
  };
  const LoadResult result = RunLoad(load);
  if (!result.problem.empty()) return result.problem;
  if (result.operations != length - point_.pending) {
    return std::to_string(result.operations) + " entries drained of " +
           std::to_string(length - point_.pending);
  }
  point_.full_drain_per_s = result.operations_per_s();
  Settle(server_);
  point_.drained_mib = ResidentMib(server_);
  point_.drained_disk_mib = DiskMib(server_);
  point_.peak_mib = server_.PeakResidentMib();
  return ExpectPending(client_);
}

Problem GrowthRun::RestartTwice() {
  uint64_t length = 0;
  if (Problem problem = Length(&length); !problem.empty()) return problem;
  if (Problem problem = Restart(&server_, SIGKILL, Key(), length, &point_.restart_kill_s);
      !problem.empty()) {
    return problem;
  }
  Settle(server_);
  point_.restarted_mib = ResidentMib(server_);
  Client client;
  if (Problem problem = client.Open(server_.endpoint()); !problem.empty()) return problem;
  if (Problem problem = ExpectPending(client); !problem.empty()) return problem;
  return Restart(&server_, SIGTERM, Key(), length, &point_.restart_term_s);
}

// Runs a workload of the table on the stream as it is, a few times.
Problem GrowthRun::Measure(std::string_view name, uint64_t operations, int runs,
                           uint64_t max_length, Throughput* throughput) {
  LoadOptions load = {
      .endpoint = server_.endpoint(), .workload = *FindWorkload(name), .dataset = options_.dataset};
  load.workload.operations = operations;
  load.workload.read_limit = operations;
  load.workload.max_length = max_length;
  load.make_traffic = [&](int client, Tally* tally) {
    return MakeTraffic(load.workload, options_.dataset, client, tally);
  };
  std::vector<double> rates;
  std::vector<double> cpu_s;
  for (int i = 0; i < runs; ++i) {
    server_.WaitUntilIdle(kIdleLimitSeconds);
    const double cpu_before_s = server_.Usage().cpu_s;
    const LoadResult result = RunLoad(load);
    if (!result.problem.empty()) return std::string(name) + ": " + result.problem;
    if (result.operations < operations) return std::string(name) + ": too few operations";
    rates.push_back(result.operations_per_s());
    cpu_s.push_back((server_.Usage().cpu_s - cpu_before_s) /
                    static_cast<double>(result.operations) * 1e6);
  }
  *throughput = {.operations_per_s = Middle(rates), .server_cpu_s_per_million = Middle(cpu_s)};
  return "";
}

Problem GrowthRun::Call(const std::vector<std::string_view>& words) {
  const auto reply = client_.Call(words);
  if (!reply.has_value()) return "the server closed the connection";
  return reply->is_error() ? reply->text : "";
}

Problem GrowthRun::ExpectLength(uint64_t least, uint64_t more) {
  uint64_t length = 0;
  if (Problem problem = Length(&length); !problem.empty()) return problem;
  if (length >= least && length <= least + more) return "";
  return std::to_string(length) + " entries instead of " + std::to_string(least);
}

Problem GrowthRun::ExpectPending(Client& client) const {
  uint64_t pending = 0;
  if (Problem problem = CountPending(client, options_.dataset, &pending); !problem.empty()) {
    return problem;
  }
  if (pending == point_.pending) return "";
  return std::to_string(pending) + " entries pending instead of " + std::to_string(point_.pending);
}

Problem MeasureIdle(const GrowthOptions& options, const ServerSpec& spec, IdlePoint* point) {
  point->streams = options.idle_streams;
  point->groups = std::min(options.idle_groups, options.idle_streams);
  ServerProcess server;
  if (Problem problem = server.Start(spec); !problem.empty()) return problem;
  Settle(server);
  point->empty_mib = ResidentMib(server);
  Client client;
  if (Problem problem = client.Open(server.endpoint()); !problem.empty()) return problem;
  if (Problem problem = AddOneEach(client, point->streams, options.dataset); !problem.empty()) {
    return problem;
  }
  Settle(server);
  point->streams_mib = ResidentMib(server);
  if (Problem problem = CreateGroups(client, point->groups, options.dataset); !problem.empty()) {
    return problem;
  }
  Settle(server);
  point->groups_mib = ResidentMib(server);
  std::this_thread::sleep_for(std::chrono::seconds(options.idle_rest_s));
  point->rested_mib = ResidentMib(server);
  double seconds = 0;
  const std::string key = StreamKey(options.dataset, point->streams - 1);
  if (Problem problem = Restart(&server, SIGKILL, key, 1, &seconds); !problem.empty()) {
    return problem;
  }
  Settle(server);
  point->restarted_mib = ResidentMib(server);
  return "";
}

Json ToJson(const Throughput& throughput) {
  return {{"operations_per_s", throughput.operations_per_s},
          {"server_cpu_s_per_million", throughput.server_cpu_s_per_million}};
}

Json ToJson(const GrowthPoint& p) {
  return {{"entries", p.entries},
          {"load_per_s", p.load_per_s},
          {"empty_mib", p.empty_mib},
          {"loaded_mib", p.loaded_mib},
          {"rested_mib", p.rested_mib},
          {"loaded_disk_mib", p.loaded_disk_mib},
          {"add", ToJson(p.add)},
          {"trim", ToJson(p.trim)},
          {"trimmed_per_s", p.trimmed_per_s},
          {"drain", ToJson(p.drain)},
          {"pending", p.pending},
          {"pending_mib", p.pending_mib},
          {"full_drain_per_s", p.full_drain_per_s},
          {"drained_mib", p.drained_mib},
          {"drained_disk_mib", p.drained_disk_mib},
          {"peak_mib", p.peak_mib},
          {"restart_kill_s", p.restart_kill_s},
          {"restart_term_s", p.restart_term_s},
          {"restarted_mib", p.restarted_mib}};
}

Json ToJson(const IdlePoint& p) {
  return {{"streams", p.streams},
          {"groups", p.groups},
          {"empty_mib", p.empty_mib},
          {"streams_mib", p.streams_mib},
          {"groups_mib", p.groups_mib},
          {"rested_mib", p.rested_mib},
          {"restarted_mib", p.restarted_mib},
          {"bytes_per_stream", p.BytesPerStream()}};
}

void PrintRow(std::string_view server, const GrowthPoint& p) {
  std::printf(
      "%-5s %10llu %7.0f %7.0f %7.0f %8.0f %9.0f %9.0f %9.0f %9.0f %7.1f %7.0f %8.0f %8.3f %8.3f\n",
      std::string(server).c_str(), static_cast<unsigned long long>(p.entries), p.empty_mib,
      p.loaded_mib, p.rested_mib, p.loaded_disk_mib, p.add.operations_per_s,
      p.trim.operations_per_s, p.trimmed_per_s, p.drain.operations_per_s, p.pending_mib,
      p.drained_mib, p.drained_disk_mib, p.restart_kill_s, p.restart_term_s);
  std::fflush(stdout);
}

void PrintHeader() {
  std::printf("%-5s %10s %7s %7s %7s %8s %9s %9s %9s %9s %7s %7s %8s %8s %8s\n", "", "entries",
              "empty", "loaded", "rested", "disk", "xadd", "maxlen", "xtrim", "drain", "pending",
              "drained", "disk", "killed", "stopped");
  std::printf("%-5s %10s %7s %7s %7s %8s %9s %9s %9s %9s %7s %7s %8s %8s %8s\n", "", "", "MiB",
              "MiB", "MiB", "MiB", "/s", "/s", "entries/s", "entries/s", "+MiB", "MiB", "MiB", "s",
              "s");
}

// All sizes on one server; what failed is in the report, and the next size is tried.
bool MeasureServer(const GrowthOptions& options, std::string_view name, const ServerSpec& spec,
                   uint64_t max_entries, Json* report) {
  bool good = true;
  Json points = Json::array();
  for (const uint64_t entries : options.sizes) {
    if (entries > max_entries) continue;
    GrowthRun run(options, spec, entries);
    const Problem problem = run.Run();
    points.push_back(ToJson(run.point()));
    if (problem.empty()) {
      PrintRow(name, run.point());
    } else {
      std::printf("%-5s %10llu FAILED: %s\n", std::string(name).c_str(),
                  static_cast<unsigned long long>(entries), problem.c_str());
      points.back()["problem"] = problem;
      good = false;
    }
  }
  *report = {{"name", name}, {"binary", spec.binary}, {"appendfsync", spec.appendfsync}};
  (*report)["args"] = spec.args;
  (*report)["points"] = std::move(points);
  if (options.idle_streams == 0) return good;
  IdlePoint idle;
  const Problem problem = MeasureIdle(options, spec, &idle);
  (*report)["idle"] = ToJson(idle);
  if (!problem.empty()) (*report)["idle"]["problem"] = problem;
  std::printf(
      "%-5s %llu streams, %llu groups: %.1f MiB, %.1f and %.1f with them, %.1f at rest, %.1f "
      "restarted;"
      " %.0f bytes a stream%s%s\n",
      std::string(name).c_str(), static_cast<unsigned long long>(idle.streams),
      static_cast<unsigned long long>(idle.groups), idle.empty_mib, idle.streams_mib,
      idle.groups_mib, idle.rested_mib, idle.restarted_mib, idle.BytesPerStream(),
      problem.empty() ? "" : " FAILED: ", problem.c_str());
  return good && problem.empty();
}

}  // namespace

double IdlePoint::BytesPerStream() const {
  if (streams == 0) return 0;
  return (rested_mib - empty_mib) * kMib / static_cast<double>(streams);
}

int RunGrowth(const GrowthOptions& options) {
  Json servers = Json::array();
  bool good = true;
  PrintHeader();
  Json server;
  good = MeasureServer(options, "weir", options.weir, UINT64_MAX, &server) && good;
  servers.push_back(server);
  if (!options.peer.binary.empty()) {
    good = MeasureServer(options, "peer", options.peer, options.peer_max_entries, &server) && good;
    servers.push_back(server);
  }
  const Json report = {{"kind", "growth"},
                       {"environment", bench::ToJson(DescribeEnvironment(options.weir.directory))},
                       {"command_line", options.command_line},
                       {"servers", std::move(servers)}};
  const Problem problem = WriteResult(options.json_path, report);
  if (!problem.empty()) std::fprintf(stderr, "weir-bench: %s\n", problem.c_str());
  return good && problem.empty() ? 0 : 1;
}

}  // namespace bench
