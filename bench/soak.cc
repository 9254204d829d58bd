#include "bench/soak.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <list>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "bench/delivery_traffic.h"
#include "bench/load.h"
#include "bench/result_file.h"

namespace bench {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kMib = 1048576;
constexpr std::string_view kHistoryGroup = "history";
constexpr int kSecondsPerLine = 10;

double Milliseconds(uint64_t ns) { return static_cast<double>(ns) / 1e6; }

// Looks at the server process once a second, in a thread of its own, so that the load loop does
// not wait for the file system.
class Watcher {
 public:
  struct Sample {
    double resident_mib = 0;
    double disk_mib = 0;
    double cpu_cores = 0;
  };

  explicit Watcher(const ServerProcess& server) : server_(server), thread_([this] { Run(); }) {}
  ~Watcher() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    wake_.notify_all();
    thread_.join();
  }
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

  Sample latest() const {
    const std::lock_guard lock(mutex_);
    return latest_;
  }

 private:
  void Run() {
    using Clock = std::chrono::steady_clock;
    auto before = Clock::now();
    double cpu_before_s = server_.Usage().cpu_s;
    std::unique_lock lock(mutex_);
    while (!wake_.wait_until(lock, before + std::chrono::seconds(1), [this] { return stop_; })) {
      lock.unlock();
      const ProcessUsage usage = server_.Usage();
      const auto now = Clock::now();
      const double elapsed_s = std::chrono::duration<double>(now - before).count();
      const Sample sample = {.resident_mib = usage.resident_mib,
                             .disk_mib = static_cast<double>(server_.DiskBytes()) / kMib,
                             .cpu_cores = (usage.cpu_s - cpu_before_s) / elapsed_s};
      before = now;
      cpu_before_s = usage.cpu_s;
      lock.lock();
      latest_ = sample;
    }
  }

  const ServerProcess& server_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  Sample latest_;
  bool stop_ = false;
  std::thread thread_;
};

// Turns running sums into one row a second.
class Recorder {
 public:
  Recorder(const Watcher& watcher, std::vector<SoakSecond>* seconds)
      : watcher_(watcher), seconds_(seconds) {}

  void BeginPhase(bool growing) {
    growing_ = growing;
    added_ = read_ = acknowledged_ = 0;
  }

  void Add(double at_s, uint64_t added, uint64_t read, uint64_t acknowledged,
           const Histogram& latency_ns) {
    const Watcher::Sample sample = watcher_.latest();
    seconds_->push_back({.growing = growing_,
                         .at_s = at_s,
                         .added = added - added_,
                         .read = read - read_,
                         .acknowledged = acknowledged - acknowledged_,
                         .p50_ms = Milliseconds(latency_ns.ValueAt(0.5)),
                         .p99_ms = Milliseconds(latency_ns.ValueAt(0.99)),
                         .p999_ms = Milliseconds(latency_ns.ValueAt(0.999)),
                         .max_ms = Milliseconds(latency_ns.max()),
                         .resident_mib = sample.resident_mib,
                         .disk_mib = sample.disk_mib,
                         .cpu_cores = sample.cpu_cores});
    added_ = added;
    read_ = read;
    acknowledged_ = acknowledged;
    if (seconds_->size() % kSecondsPerLine == 0) Print(seconds_->back());
  }

 private:
  static void Print(const SoakSecond& s) {
    std::printf(
        "%-5s %6.0f s: %8llu added %8llu read %8llu acked/s  p99 %8.2f p99.9 %8.2f max"
        " %8.2f ms  %6.0f MiB  disk %7.0f MiB  cpu %.2f\n",
        s.growing ? "load" : "run", s.at_s, static_cast<unsigned long long>(s.added),
        static_cast<unsigned long long>(s.read), static_cast<unsigned long long>(s.acknowledged),
        s.p99_ms, s.p999_ms, s.max_ms, s.resident_mib, s.disk_mib, s.cpu_cores);
    std::fflush(stdout);
  }

  const Watcher& watcher_;
  std::vector<SoakSecond>* seconds_;
  bool growing_ = true;
  uint64_t added_ = 0;
  uint64_t read_ = 0;
  uint64_t acknowledged_ = 0;
};

// One soak on a server that runs.
class Soak {
 public:
  Soak(const SoakOptions& options, const ServerProcess& server)
      : options_(options), server_(server), watcher_(server), recorder_(watcher_, &seconds_) {}

  Problem Run();
  void PrintSummary() const;
  Json Report() const;

 private:
  struct Group {
    std::string name;
    bool follows = true;  // Else it begins with the oldest entry.
    Tally tally;
  };

  Problem Grow();
  Problem CreateGroups();
  Problem RunAll();
  std::unique_ptr<Traffic> MakeClient(int client, Tally* tally);
  void EndSecond(double at_s, const Tally& tally, const Histogram& latency_ns);
  Problem Verify(uint64_t added);
  Problem VerifyGroup(Client& client, const Group& group, uint64_t added) const;
  std::string Key() const { return StreamKey(options_.dataset, 0); }

  const SoakOptions& options_;
  const ServerProcess& server_;
  Workload workload_ = {
      .name = "soak", .kind = TrafficKind::kDeliver, .clients = 0, .operations = 0, .summary = ""};
  std::list<Group> groups_;  // Traffic has pointers to them.
  std::vector<SoakSecond> seconds_;
  Watcher watcher_;
  Recorder recorder_;
  LoadResult grown_;
  LoadResult result_;
};

Problem Soak::Run() {
  if (Problem problem = Grow(); !problem.empty()) return "growing: " + problem;
  if (Problem problem = CreateGroups(); !problem.empty()) return problem;
  return RunAll();
}

Problem Soak::Grow() {
  recorder_.BeginPhase(true);
  LoadOptions load = {.endpoint = server_.endpoint(),
                      .workload = *FindWorkload("xadd-p128"),
                      .dataset = options_.dataset,
                      .stall_seconds = options_.stall_seconds};
  load.workload.operations = options_.entries;
  load.on_second = [this](double at_s, const Tally& tally, const Histogram& latency_ns) {
    recorder_.Add(at_s, tally.appended, 0, 0, latency_ns);
  };
  grown_ = RunLoad(load);
  return grown_.problem;
}

Problem Soak::CreateGroups() {
  for (int i = 0; i < options_.groups; ++i) {
    groups_.push_back({.name = "follower-" + std::to_string(i), .tally = {}});
  }
  groups_.push_back({.name = std::string(kHistoryGroup), .follows = false, .tally = {}});
  Client client;
  if (Problem problem = client.Open(server_.endpoint()); !problem.empty()) return problem;
  for (const Group& group : groups_) {
    const auto reply =
        client.Call({"XGROUP", "CREATE", Key(), group.name, group.follows ? "$" : "0"});
    if (!reply.has_value()) return "the server closed the connection";
    if (reply->is_error()) return reply->text;
  }
  return "";
}

Problem Soak::RunAll() {
  workload_.clients = static_cast<int>(groups_.size()) + options_.producers;
  workload_.operations = static_cast<uint64_t>(options_.minutes * 60 * options_.requests_per_s) + 1;
  workload_.max_length = options_.entries;
  recorder_.BeginPhase(false);
  LoadOptions load = {.endpoint = server_.endpoint(),
                      .workload = workload_,
                      .dataset = options_.dataset,
                      .requests_per_s = options_.requests_per_s,
                      .stall_seconds = options_.stall_seconds};
  load.make_traffic = [this](int client, Tally* tally) { return MakeClient(client, tally); };
  load.on_second = [this](double at_s, const Tally& tally, const Histogram& latency_ns) {
    EndSecond(at_s, tally, latency_ns);
  };
  result_ = RunLoad(load);
  return result_.problem.empty() ? Verify(workload_.operations) : result_.problem;
}

// The first clients are the groups' consumers, one each; `tally` is the producers'.
std::unique_ptr<Traffic> Soak::MakeClient(int client, Tally* tally) {
  if (static_cast<size_t>(client) >= groups_.size()) {
    return std::make_unique<TimedAppendTraffic>(workload_, options_.dataset, tally);
  }
  Group& group = *std::next(groups_.begin(), client);
  GroupReader reader = {.key = Key(), .group = group.name, .consumer = "c"};
  if (group.follows) {
    reader.blocks = true;
    reader.entries = workload_.operations;
  } else {
    reader.entries_per_s = options_.drain_per_s;
    reader.producers = tally;
    reader.producers_append = workload_.operations;
  }
  return std::make_unique<GroupTraffic>(std::move(reader), &group.tally);
}

void Soak::EndSecond(double at_s, const Tally& tally, const Histogram& latency_ns) {
  uint64_t read = 0;
  uint64_t acknowledged = 0;
  for (const Group& group : groups_) {
    read += group.tally.read;
    acknowledged += group.tally.acknowledged;
  }
  recorder_.Add(at_s, tally.appended, read, acknowledged, latency_ns);
}

Problem Soak::Verify(uint64_t added) {
  Client client;
  if (Problem problem = client.Open(server_.endpoint()); !problem.empty()) return problem;
  uint64_t length = 0;
  if (Problem problem = CountEntries(client, workload_, options_.dataset, &length);
      !problem.empty()) {
    return problem;
  }
  // Trimming leaves up to a node more than was asked for.
  if (length < options_.entries || length > options_.entries + 100) {
    return "entries in the stream: " + std::to_string(length);
  }
  const auto info = client.Call({"XINFO", "STREAM", Key()});
  if (!info.has_value()) return "the server closed the connection";
  if (info->is_error()) return info->text;
  for (size_t i = 0; i + 1 < info->elements.size(); i += 2) {
    if (info->elements[i].text != "entries-added") continue;
    const auto count = static_cast<uint64_t>(info->elements[i + 1].integer);
    if (count != options_.entries + added) return "entries-added: " + std::to_string(count);
  }
  for (const Group& group : groups_) {
    if (Problem problem = VerifyGroup(client, group, added); !problem.empty()) {
      return "group " + group.name + ": " + problem;
    }
  }
  return "";
}

Problem Soak::VerifyGroup(Client& client, const Group& group, uint64_t added) const {
  const Tally& tally = group.tally;
  if (tally.unexpected > 0) return std::to_string(tally.unexpected) + " unexpected replies";
  if (tally.read != tally.acknowledged || (group.follows && tally.read != added)) {
    return std::to_string(tally.read) + " entries read, " + std::to_string(tally.acknowledged) +
           " acknowledged, " + std::to_string(added) + " added";
  }
  const auto reply = client.Call({"XPENDING", Key(), group.name});
  if (!reply.has_value()) return "the server closed the connection";
  if (reply->elements.size() != 4) return "XPENDING answered " + resp::Render(*reply);
  if (reply->elements[0].integer == 0) return "";
  return std::to_string(reply->elements[0].integer) + " entries pending";
}

void PrintPhase(const char* name, const LoadResult& result, const SoakSummary& summary) {
  const auto ms = [&](double q) { return Milliseconds(result.latency_ns.ValueAt(q)); };
  std::printf("%s: %.1f s, %.0f requests/s, p50 %.2f p99 %.2f p99.9 %.2f max %.2f ms\n", name,
              result.elapsed_s, static_cast<double>(result.requests) / result.elapsed_s, ms(0.5),
              ms(0.99), ms(0.999), Milliseconds(result.latency_ns.max()));
  std::printf(
      "  worst second p99.9 %.2f ms at %.0f s; fewest added in a second %llu; %zu of %zu seconds"
      " without progress\n  at most %.0f MiB resident, %.0f MiB on disk; %.2f cores\n",
      summary.worst_p999_ms, summary.worst_at_s,
      static_cast<unsigned long long>(summary.fewest_added), summary.without_progress,
      summary.seconds, summary.resident_mib_max, summary.disk_mib_max, summary.cpu_cores_mean);
}

void Soak::PrintSummary() const {
  PrintPhase("load", grown_, Summarize(seconds_, true));
  PrintPhase("run", result_, Summarize(seconds_, false));
  std::printf("  client late by ms: p99.9 %.2f max %.2f; counted from sending p99.9 %.2f\n",
              Milliseconds(result_.late_ns.ValueAt(0.999)), Milliseconds(result_.late_ns.max()),
              Milliseconds(result_.served_ns.ValueAt(0.999)));
}

Json PhaseJson(const LoadResult& result, const SoakSummary& summary) {
  const auto ms = [](const Histogram& ns, double q) { return Milliseconds(ns.ValueAt(q)); };
  return {{"elapsed_s", result.elapsed_s},
          {"requests", result.requests},
          {"p50_ms", ms(result.latency_ns, 0.5)},
          {"p99_ms", ms(result.latency_ns, 0.99)},
          {"p999_ms", ms(result.latency_ns, 0.999)},
          {"max_ms", Milliseconds(result.latency_ns.max())},
          {"client_late_p999_ms", ms(result.late_ns, 0.999)},
          {"served_p999_ms", ms(result.served_ns, 0.999)},
          {"seconds", summary.seconds},
          {"seconds_without_progress", summary.without_progress},
          {"fewest_added", summary.fewest_added},
          {"worst_second_p999_ms", summary.worst_p999_ms},
          {"worst_second_at_s", summary.worst_at_s},
          {"resident_mib_max", summary.resident_mib_max},
          {"disk_mib_max", summary.disk_mib_max},
          {"cpu_cores_mean", summary.cpu_cores_mean}};
}

Json ToJson(const SoakSecond& s) {
  return {{"phase", s.growing ? "load" : "run"},
          {"at_s", s.at_s},
          {"added", s.added},
          {"read", s.read},
          {"acknowledged", s.acknowledged},
          {"p50_ms", s.p50_ms},
          {"p99_ms", s.p99_ms},
          {"p999_ms", s.p999_ms},
          {"max_ms", s.max_ms},
          {"resident_mib", s.resident_mib},
          {"disk_mib", s.disk_mib},
          {"cpu_cores", s.cpu_cores}};
}

Json Soak::Report() const {
  Json series = Json::array();
  for (const SoakSecond& second : seconds_) series.push_back(ToJson(second));
  return {{"kind", "soak"},
          {"environment", bench::ToJson(DescribeEnvironment(options_.server.directory))},
          {"command_line", options_.command_line},
          {"server",
           {{"command", server_.command_line()},
            {"version", InfoField(server_.endpoint(), "server", "redis_version")}}},
          {"entries", options_.entries},
          {"requests_per_s", options_.requests_per_s},
          {"load", PhaseJson(grown_, Summarize(seconds_, true))},
          {"run", PhaseJson(result_, Summarize(seconds_, false))},
          {"series", std::move(series)}};
}

}  // namespace

SoakSummary Summarize(const std::vector<SoakSecond>& seconds, bool growing) {
  SoakSummary summary;
  for (const SoakSecond& second : seconds) {
    if (second.growing != growing) continue;
    summary.fewest_added =
        summary.seconds == 0 ? second.added : std::min(summary.fewest_added, second.added);
    ++summary.seconds;
    if (!second.HasProgress()) ++summary.without_progress;
    if (second.p999_ms > summary.worst_p999_ms) {
      summary.worst_p999_ms = second.p999_ms;
      summary.worst_at_s = second.at_s;
    }
    summary.resident_mib_max = std::max(summary.resident_mib_max, second.resident_mib);
    summary.disk_mib_max = std::max(summary.disk_mib_max, second.disk_mib);
    summary.cpu_cores_mean += second.cpu_cores;
  }
  if (summary.seconds > 0) summary.cpu_cores_mean /= static_cast<double>(summary.seconds);
  return summary;
}

int RunSoak(const SoakOptions& options) {
  ServerProcess server;
  Problem problem = server.Start(options.server);
  if (!problem.empty()) {
    std::fprintf(stderr, "weir-bench: %s\n", problem.c_str());
    return 1;
  }
  Soak soak(options, server);
  problem = soak.Run();
  soak.PrintSummary();
  std::fflush(stdout);
  Json report = soak.Report();
  report["problem"] = problem;
  const Problem unwritten = WriteResult(options.json_path, report);
  for (const Problem& text : {problem, unwritten}) {
    if (!text.empty()) std::fprintf(stderr, "weir-bench: soak FAILED: %s\n", text.c_str());
  }
  return problem.empty() && unwritten.empty() ? 0 : 1;
}

}  // namespace bench
