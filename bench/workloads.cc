#include "bench/workloads.h"

#include <algorithm>
#include <cstdio>
#include <vector>

namespace bench {
namespace {

constexpr uint64_t kMillion = 1'000'000;

constexpr Workload kWorkloads[] = {
    // name, kind, clients, pipeline, operations, streams, read count, summary
    {"xadd-p1", TrafficKind::kAppend, 50, 1, 300'000, 1, 0,
     "XADD to one stream, 50 clients, one request at a time"},
    {"xadd-p16", TrafficKind::kAppend, 50, 16, kMillion, 1, 0,
     "XADD to one stream, 50 clients, 16 requests at a time"},
    {"xadd-p128", TrafficKind::kAppend, 8, 128, 2 * kMillion, 1, 0,
     "XADD to one stream, 8 clients, 128 requests at a time"},
    {"xadd-10k-streams", TrafficKind::kAppend, 50, 16, kMillion, 10'000, 0,
     "XADD to 10,000 streams at random, 50 clients, 16 requests at a time"},
    {"drain-1", TrafficKind::kDrain, 1, 1, kMillion, 1, 100,
     "XREADGROUP COUNT 100, then XACK of them, 1 consumer, until drained"},
    {"drain-8", TrafficKind::kDrain, 8, 1, kMillion, 1, 100,
     "XREADGROUP COUNT 100, then XACK of them, 8 consumers, until drained"},
    {"group-1x50", TrafficKind::kDrain, 50, 1, 200'000, 1, 1,
     "XREADGROUP COUNT 1, then XACK of it, 50 consumers, until drained"},
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

Problem Preload(Client& client, const Workload& workload, const Dataset& dataset) {
  const std::string key = StreamKey(dataset, 0);
  const std::string value(dataset.value_bytes, 'x');
  std::string request;
  AppendRequest({"XADD", key, "*", kField, value}, &request);
  const auto append = [&](uint64_t, std::string* out) { out->append(request); };
  if (Problem problem = InBatches(client, workload.operations, append, Ignore); !problem.empty()) {
    return problem;
  }
  const auto reply = client.Call({"XGROUP", "CREATE", key, kGroup, "0", "MKSTREAM"});
  if (!reply.has_value()) return "the server closed the connection";
  return reply->is_error() ? reply->text : "";
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

Problem Prepare(Client& client, const Workload& workload, const Dataset& dataset) {
  if (Problem problem = DeleteStreams(client, workload, dataset); !problem.empty()) return problem;
  return workload.kind == TrafficKind::kDrain ? Preload(client, workload, dataset) : "";
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
