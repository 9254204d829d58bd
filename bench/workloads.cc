#include "bench/workloads.h"

#include <algorithm>
#include <cstdio>
#include <vector>

namespace bench {
namespace {

constexpr uint64_t kMillion = 1'000'000;

constexpr int64_t kHourMs = 3'600'000;

constexpr Workload kWorkloads[] = {
    {.name = "xadd-p1",
     .kind = TrafficKind::kAppend,
     .clients = 50,
     .operations = 300'000,
     .summary = "XADD to one stream, 50 clients, one request at a time"},
    {.name = "xadd-p16",
     .kind = TrafficKind::kAppend,
     .clients = 50,
     .pipeline = 16,
     .operations = kMillion,
     .summary = "XADD to one stream, 50 clients, 16 requests at a time"},
    {.name = "xadd-p128",
     .kind = TrafficKind::kAppend,
     .clients = 8,
     .pipeline = 128,
     .operations = 2 * kMillion,
     .summary = "XADD to one stream, 8 clients, 128 requests at a time"},
    {.name = "xadd-10k-streams",
     .kind = TrafficKind::kAppend,
     .clients = 50,
     .pipeline = 16,
     .operations = kMillion,
     .stream_count = 10'000,
     .summary = "XADD to 10,000 streams at random, 50 clients, 16 requests at a time"},
    {.name = "xadd-maxlen",
     .kind = TrafficKind::kAppend,
     .clients = 50,
     .pipeline = 16,
     .operations = kMillion,
     .max_length = 100'000,
     .summary = "XADD MAXLEN ~ 100000 to one stream, 50 clients, 16 requests at a time"},
    {.name = "drain-1",
     .kind = TrafficKind::kDrain,
     .clients = 1,
     .operations = kMillion,
     .read_count = 100,
     .summary = "XREADGROUP COUNT 100, then XACK of them, 1 consumer, until drained"},
    {.name = "drain-8",
     .kind = TrafficKind::kDrain,
     .clients = 8,
     .operations = kMillion,
     .read_count = 100,
     .summary = "XREADGROUP COUNT 100, then XACK of them, 8 consumers, until drained"},
    {.name = "group-1x50",
     .kind = TrafficKind::kDrain,
     .clients = 50,
     .operations = 200'000,
     .read_count = 1,
     .summary = "XREADGROUP COUNT 1, then XACK of it, 50 consumers, until drained"},
    {.name = "xrange-scan",
     .kind = TrafficKind::kScan,
     .clients = 1,
     .operations = kMillion,
     .read_count = 1000,
     .summary = "XRANGE of the whole stream in pages of 1000"},
    {.name = "autoclaim-idle",
     .kind = TrafficKind::kClaim,
     .clients = 1,
     .operations = 10'000,
     .read_count = 100,
     .pending = kMillion,
     .summary = "XAUTOCLAIM COUNT 100 through a million pending entries, all idle enough"},
    {.name = "autoclaim-busy",
     .kind = TrafficKind::kClaim,
     .clients = 1,
     .operations = 10'000,
     .read_count = 100,
     .pending = kMillion,
     .min_idle_ms = kHourMs,
     .summary = "XAUTOCLAIM COUNT 100 through a million pending entries, none idle enough"},
    {.name = "pending-summary",
     .kind = TrafficKind::kSummary,
     .clients = 1,
     .operations = 10'000,
     .pending = kMillion,
     .summary = "XPENDING of a group with a million pending entries"},
    {.name = "end-to-end",
     .kind = TrafficKind::kDeliver,
     .clients = 6,
     .operations = 100'000,
     .read_count = 100,
     .requests_per_s = 5000,
     .summary = "5,000 XADD a second by 5 clients, until a consumer that waits has each"},
};

constexpr size_t kBatch = 1000;

// Runs `count` requests in batches and hands each reply to `take`, which returns a problem or "".
template <typename Append, typename TakeReply>
Problem InBatches(Client& client, uint64_t count, Append append, TakeReply take) {
  std::string requests;
  for (uint64_t done = 0; done < count;) {
    const size_t batch = static_cast<size_t>(std::min<uint64_t>(kBatch, count - done));
    requests.clear();
    for (size_t i = 0; i < batch; ++i) append(done + i, &requests);
    const auto replies = client.CallMany(requests, batch);
    if (!replies.has_value()) return "the server closed the connection";
    for (const resp::Reply& reply : *replies) {
      if (reply.is_error()) return reply.text;
      if (Problem problem = take(reply); !problem.empty()) return problem;
    }
    done += batch;
  }
  return "";
}

Problem Ignore(const resp::Reply&) { return ""; }

Problem DeleteStreams(Client& client, const Workload& workload, const Dataset& dataset) {
  const auto append = [&](uint64_t i, std::string* out) {
    AppendRequest({"DEL", StreamKey(dataset, i)}, out);
  };
  return InBatches(client, workload.stream_count, append, Ignore);
}

// Adds `count` entries and makes a group that has read none of them.
Problem Preload(Client& client, uint64_t count, const Dataset& dataset) {
  const std::string key = StreamKey(dataset, 0);
  const std::string value(dataset.value_bytes, 'x');
  std::string request;
  AppendRequest({"XADD", key, "*", kField, value}, &request);
  const auto append = [&](uint64_t, std::string* out) { out->append(request); };
  if (Problem problem = InBatches(client, count, append, Ignore); !problem.empty()) {
    return problem;
  }
  return CreateGroup(client, dataset);
}

}  // namespace

std::span<const Workload> Workloads() { return kWorkloads; }

const Workload* FindWorkload(std::string_view name) {
  const auto* const found = std::find_if(std::begin(kWorkloads), std::end(kWorkloads),
                                         [name](const Workload& w) { return w.name == name; });
  return found == std::end(kWorkloads) ? nullptr : found;
}

std::string StreamKey(const Dataset& dataset, uint64_t index) {
  char digits[32];
  std::snprintf(digits, sizeof(digits), ":%08llu", static_cast<unsigned long long>(index));
  return dataset.key_prefix + digits;
}

Problem CreateGroup(Client& client, const Dataset& dataset) {
  return CreateGroups(client, 1, dataset);
}

Problem CreateGroups(Client& client, uint64_t count, const Dataset& dataset) {
  const auto append = [&](uint64_t i, std::string* out) {
    AppendRequest({"XGROUP", "CREATE", StreamKey(dataset, i), kGroup, "0", "MKSTREAM"}, out);
  };
  return InBatches(client, count, append, Ignore);
}

Problem Deliver(Client& client, uint64_t count, const Dataset& dataset) {
  std::string request;
  AppendRequest({"XREADGROUP", "GROUP", kGroup, "holder", "COUNT", "100", "STREAMS",
                 StreamKey(dataset, 0), ">"},
                &request);
  const auto append = [&](uint64_t, std::string* out) { out->append(request); };
  return InBatches(client, (count + 99) / 100, append, Ignore);
}

Problem AddOneEach(Client& client, uint64_t streams, const Dataset& dataset) {
  const std::string value(dataset.value_bytes, 'x');
  const auto append = [&](uint64_t i, std::string* out) {
    AppendRequest({"XADD", StreamKey(dataset, i), "*", kField, value}, out);
  };
  return InBatches(client, streams, append, Ignore);
}

Problem Prepare(Client& client, const Workload& workload, const Dataset& dataset) {
  if (Problem problem = DeleteStreams(client, workload, dataset); !problem.empty()) return problem;
  switch (workload.kind) {
    case TrafficKind::kAppend:
      return "";
    case TrafficKind::kDrain:
    case TrafficKind::kScan:
      return Preload(client, workload.operations, dataset);
    case TrafficKind::kDeliver:
      return Preload(client, 0, dataset);
    case TrafficKind::kClaim:
    case TrafficKind::kSummary:
      break;
  }
  if (Problem problem = Preload(client, workload.pending, dataset); !problem.empty()) {
    return problem;
  }
  return Deliver(client, workload.pending, dataset);
}

Problem CountEntries(Client& client, const Workload& workload, const Dataset& dataset,
                     uint64_t* count) {
  *count = 0;
  const auto append = [&](uint64_t i, std::string* out) {
    AppendRequest({"XLEN", StreamKey(dataset, i)}, out);
  };
  const auto take = [count](const resp::Reply& reply) -> Problem {
    if (reply.type != resp::Reply::Type::kInteger) return "XLEN did not answer an integer";
    *count += static_cast<uint64_t>(reply.integer);
    return "";
  };
  return InBatches(client, workload.stream_count, append, take);
}

Problem CountPending(Client& client, const Dataset& dataset, uint64_t* count) {
  const auto reply = client.Call({"XPENDING", StreamKey(dataset, 0), kGroup});
  if (!reply.has_value()) return "the server closed the connection";
  if (reply->is_error()) return reply->text;
  if (reply->elements.size() != 4) return "XPENDING answered " + resp::Render(*reply);
  *count = static_cast<uint64_t>(reply->elements[0].integer);
  return "";
}

}  // namespace bench
