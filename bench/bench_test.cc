// The parts of weir-bench that a wrong number could hide in.
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "bench/delivery_traffic.h"
#include "bench/flags.h"
#include "bench/histogram.h"
#include "bench/report.h"
#include "bench/soak.h"
#include "bench/traffic.h"
#include "resp/parser.h"

namespace bench {
namespace {

std::vector<std::vector<std::string>> Requests(std::string_view bytes) {
  std::vector<std::vector<std::string>> requests;
  resp::Parser parser;
  while (parser.Next(bytes, {}) == resp::ParseResult::kRequest) {
    requests.emplace_back(parser.request().args.begin(), parser.request().args.end());
    bytes.remove_prefix(parser.consumed());
  }
  EXPECT_TRUE(bytes.empty());
  return requests;
}

TEST(Histogram, IsOffByAtMostOneInThirtyTwo) {
  for (uint64_t value = 1; value < (uint64_t{1} << 62); value += value / 7 + 1) {
    Histogram histogram;
    histogram.Record(value);
    histogram.Record(UINT64_MAX);
    const uint64_t reported = histogram.ValueAt(0.5);
    ASSERT_GE(reported, value);
    ASSERT_LE(reported - value, value / 32);
  }
}

TEST(Histogram, FindsQuantiles) {
  Histogram histogram;
  EXPECT_EQ(histogram.ValueAt(0.5), 0u);
  for (uint64_t value = 1; value <= 30; ++value) histogram.Record(value);
  EXPECT_EQ(histogram.ValueAt(0), 1u);
  EXPECT_EQ(histogram.ValueAt(0.5), 15u);
  EXPECT_EQ(histogram.ValueAt(1), 30u);
  histogram.Record(1000);
  EXPECT_EQ(histogram.ValueAt(1), 1000u);
  EXPECT_EQ(histogram.max(), 1000u);
  EXPECT_EQ(histogram.total(), 31u);
}

TEST(AppendTraffic, SendsWhatIsLeftAndNoMore) {
  const Workload workload = *FindWorkload("xadd-p16");
  const Dataset dataset = {.key_prefix = "k", .value_bytes = 3};
  Tally tally = {.unsent = 20};
  const auto traffic = MakeTraffic(workload, dataset, 0, &tally);
  const Batch first = traffic->NextBatch(0);
  EXPECT_EQ(first.requests, 16u);
  EXPECT_EQ(Requests(first.bytes),
            (std::vector<std::vector<std::string>>(16, {"XADD", "k:00000000", "*", "f", "xxx"})));
  const Batch second = traffic->NextBatch(0);
  EXPECT_EQ(second.requests, 4u);
  EXPECT_EQ(Requests(second.bytes).size(), 4u);
  EXPECT_EQ(traffic->NextBatch(0).requests, 0u);
}

TEST(AppendTraffic, SpreadsOverTheStreamsAndOnlyThem) {
  Workload workload = *FindWorkload("xadd-10k-streams");
  workload.stream_count = 12;
  const Dataset dataset;
  Tally tally = {.unsent = 1600};
  const auto traffic = MakeTraffic(workload, dataset, 0, &tally);
  std::set<std::string> expected;
  for (uint64_t i = 0; i < 12; ++i) expected.insert(StreamKey(dataset, i));
  std::set<std::string> keys;
  for (int i = 0; i < 100; ++i) {
    for (const auto& request : Requests(traffic->NextBatch(0).bytes)) keys.insert(request[1]);
  }
  EXPECT_EQ(keys, expected);
}

TEST(DrainTraffic, AcknowledgesWhatItReadUntilThereIsNothing) {
  const Dataset dataset = {.key_prefix = "k"};
  Tally tally;
  const auto traffic = MakeTraffic(*FindWorkload("drain-8"), dataset, 3, &tally);
  EXPECT_EQ(Requests(traffic->NextBatch(0).bytes)[0],
            (std::vector<std::string>{"XREADGROUP", "GROUP", "workers", "c3", "COUNT", "100",
                                      "STREAMS", "k:00000000", ">"}));
  traffic->TakeReply(
      "*1\r\n*2\r\n$10\r\nk:00000000\r\n*2\r\n"
      "*2\r\n$3\r\n1-0\r\n*2\r\n$1\r\nf\r\n$1\r\nv\r\n"
      "*2\r\n$4\r\n12-3\r\n*4\r\n$1\r\nf\r\n$0\r\n\r\n$1\r\ng\r\n$1\r\nw\r\n",
      0);
  EXPECT_EQ(Requests(traffic->NextBatch(0).bytes)[0],
            (std::vector<std::string>{"XACK", "k:00000000", "workers", "1-0", "12-3"}));
  traffic->TakeReply(":2\r\n", 0);
  EXPECT_EQ(Requests(traffic->NextBatch(0).bytes)[0][0], "XREADGROUP");
  traffic->TakeReply("*-1\r\n", 0);
  EXPECT_EQ(traffic->NextBatch(0).requests, 0u);
  EXPECT_EQ(tally.read, 2u);
  EXPECT_EQ(tally.acknowledged, 2u);
  EXPECT_EQ(tally.unexpected, 0u);
}

TEST(DrainTraffic, CountsRepliesItDidNotExpect) {
  const Dataset dataset;
  for (const char* reply : {":1\r\n", "*0\r\n", "*1\r\n*2\r\n$1\r\nk\r\n*1\r\n$-1\r\n"}) {
    Tally tally;
    const auto traffic = MakeTraffic(*FindWorkload("drain-1"), dataset, 0, &tally);
    traffic->NextBatch(0);
    traffic->TakeReply(reply, 0);
    EXPECT_EQ(tally.unexpected, 1u) << reply;
    EXPECT_EQ(traffic->NextBatch(0).requests, 0u) << reply;
  }
}

std::string EntryReply(std::string_view id, std::string_view value) {
  std::string reply;
  AppendRequest({id}, &reply);
  reply.replace(0, 4, "*1\r\n*2\r\n$10\r\nk:00000000\r\n*1\r\n*2\r\n");
  AppendRequest({kField, value}, &reply);
  return reply;
}

TEST(DeliverTraffic, MeasuresFromWhenTheEntryWasDue) {
  Workload workload = *FindWorkload("end-to-end");
  workload.operations = 1;
  const Dataset dataset = {.key_prefix = "k", .value_bytes = 22};
  Tally tally = {.unsent = 1};
  const auto consumer = MakeTraffic(workload, dataset, 0, &tally);
  const auto producer = MakeTraffic(workload, dataset, 1, &tally);
  EXPECT_FALSE(consumer->is_paced());
  EXPECT_TRUE(producer->is_paced());
  EXPECT_EQ(Requests(consumer->NextBatch(5).bytes)[0],
            (std::vector<std::string>{"XREADGROUP", "GROUP", "workers", "c0", "COUNT", "100",
                                      "BLOCK", "0", "STREAMS", "k:00000000", ">"}));
  const auto added = Requests(producer->NextBatch(1234).bytes)[0];
  EXPECT_EQ(added,
            (std::vector<std::string>{"XADD", "k:00000000", "*", "f", "00000000000000001234xx"}));
  EXPECT_EQ(producer->NextBatch(2000).requests, 0u);
  producer->TakeReply("$3\r\n1-0\r\n", 1300);
  consumer->TakeReply(EntryReply("1-0", added.back()), 1264);
  EXPECT_EQ(tally.delivered_ns.total(), 1u);
  EXPECT_EQ(tally.delivered_ns.max(), 30u);
  EXPECT_EQ(Requests(consumer->NextBatch(1264).bytes)[0].back(), "1-0");
  consumer->TakeReply(":1\r\n", 1400);
  EXPECT_EQ(consumer->NextBatch(1400).requests, 0u);
  EXPECT_EQ(tally.appended, 1u);
  EXPECT_EQ(tally.acknowledged, 1u);
  EXPECT_EQ(tally.unexpected, 0u);
}

TEST(GroupTraffic, DoesNotExpectAnEntryTwice) {
  Tally tally;
  GroupTraffic traffic({.key = "k", .consumer = "c", .blocks = true}, &tally);
  for (const char* id : {"5-2", "5-2"}) {
    traffic.NextBatch(1);
    traffic.TakeReply(EntryReply(id, "v"), 2);
    traffic.NextBatch(3);
    traffic.TakeReply(":1\r\n", 4);
  }
  EXPECT_EQ(tally.unexpected, 1u);
  traffic.NextBatch(5);
  traffic.TakeReply("*-1\r\n", 6);
  EXPECT_EQ(tally.unexpected, 2u);
}

TEST(GroupTraffic, ReadsNoFasterThanAskedAndStopsWithTheProducers) {
  Tally producers;
  Tally tally;
  GroupTraffic traffic({.key = "k",
                        .consumer = "c",
                        .entries_per_s = 1000,
                        .producers = &producers,
                        .producers_append = 7},
                       &tally);
  EXPECT_EQ(traffic.NextBatch(100).requests, 1u);
  traffic.TakeReply(EntryReply("1-1", "v"), 200);
  EXPECT_EQ(traffic.NextBatch(200).requests, 1u);
  traffic.TakeReply(":1\r\n", 300);
  const Batch later = traffic.NextBatch(300);
  EXPECT_EQ(later.requests, 0u);
  EXPECT_EQ(later.not_before_ns, 1'000'100u);
  EXPECT_EQ(traffic.NextBatch(1'000'100).requests, 1u);
  traffic.TakeReply("*-1\r\n", 1'000'200);
  EXPECT_EQ(traffic.NextBatch(1'000'200).not_before_ns, 101'000'200u);
  producers.appended = 7;
  EXPECT_EQ(traffic.NextBatch(1'000'200).not_before_ns, 0u);
  EXPECT_EQ(tally.unexpected, 0u);
}

TEST(ScanTraffic, GoesOnBehindTheLastEntryOfThePage) {
  const Dataset dataset = {.key_prefix = "k"};
  Tally tally;
  const auto traffic = MakeTraffic(*FindWorkload("xrange-scan"), dataset, 0, &tally);
  EXPECT_EQ(Requests(traffic->NextBatch(0).bytes)[0],
            (std::vector<std::string>{"XRANGE", "k:00000000", "-", "+", "COUNT", "1000"}));
  traffic->TakeReply(
      "*2\r\n*2\r\n$3\r\n1-0\r\n*2\r\n$1\r\nf\r\n$1\r\nv\r\n"
      "*2\r\n$4\r\n12-3\r\n*2\r\n$1\r\nf\r\n$0\r\n\r\n",
      0);
  EXPECT_EQ(Requests(traffic->NextBatch(0).bytes)[0][2], "(12-3");
  traffic->TakeReply("*0\r\n", 0);
  EXPECT_EQ(traffic->NextBatch(0).requests, 0u);
  EXPECT_EQ(tally.read, 2u);
  EXPECT_EQ(tally.unexpected, 0u);
}

TEST(ClaimTraffic, FollowsTheCursor) {
  const Dataset dataset = {.key_prefix = "k"};
  Tally tally = {.unsent = 2};
  const auto traffic = MakeTraffic(*FindWorkload("autoclaim-busy"), dataset, 0, &tally);
  EXPECT_EQ(Requests(traffic->NextBatch(0).bytes)[0],
            (std::vector<std::string>{"XAUTOCLAIM", "k:00000000", "workers", "claimer", "3600000",
                                      "0-0", "COUNT", "100"}));
  traffic->TakeReply("*3\r\n$3\r\n7-1\r\n*0\r\n*0\r\n", 0);
  EXPECT_EQ(Requests(traffic->NextBatch(0).bytes)[0][5], "7-1");
  traffic->TakeReply(":1\r\n", 0);
  EXPECT_EQ(traffic->NextBatch(0).requests, 0u);
  EXPECT_EQ(tally.answered, 1u);
  EXPECT_EQ(tally.unexpected, 1u);
}

TEST(Report, TakesMedianSpreadAndRatio) {
  Comparison comparison;
  for (double rate : {300.0, 100.0, 200.0}) comparison.weir.push_back({.operations_per_s = rate});
  for (double rate : {100.0, 50.0}) comparison.peer.push_back({.operations_per_s = rate});
  EXPECT_EQ(Median(comparison.weir, &Measurement::operations_per_s), 200);
  EXPECT_EQ(Median(comparison.peer, &Measurement::operations_per_s), 75);
  EXPECT_EQ(Spread(comparison.weir, &Measurement::operations_per_s), 1);
  EXPECT_DOUBLE_EQ(comparison.ratio(), 200.0 / 75);
}

TEST(Report, JudgesAGivenRateByLatency) {
  Comparison comparison;
  comparison.judged_by_latency = true;
  for (double us : {10.0, 20.0, 90.0}) {
    comparison.weir.push_back({.operations_per_s = 5000, .p99_us = us, .p999_us = 100});
    comparison.peer.push_back({.operations_per_s = 5000, .p99_us = 30, .p999_us = 2 * us});
  }
  EXPECT_DOUBLE_EQ(comparison.ratio(), 1.5);
  EXPECT_DOUBLE_EQ(comparison.LatencyRatio(&Measurement::p999_us), 0.4);
  EXPECT_NE(TableRow(comparison).find("p99 1.50, p99.9 0.40"), std::string::npos);
  Report report;
  report.comparisons.push_back(comparison);
  EXPECT_NE(ToJson(report).find("\"ratio\": 1.5000, \"ratio_of\": \"p99\""), std::string::npos);
}

TEST(Soak, SumsUpOnePhase) {
  const SoakSummary summary = Summarize(
      {{.growing = true, .at_s = 1, .added = 1, .p999_ms = 99, .resident_mib = 900},
       {.at_s = 1, .added = 10, .acknowledged = 5, .p999_ms = 3, .disk_mib = 7, .cpu_cores = 1},
       {.at_s = 2, .added = 12, .acknowledged = 0, .p999_ms = 8, .resident_mib = 4},
       {.at_s = 3, .added = 0, .acknowledged = 9, .p999_ms = 0.5, .cpu_cores = 2}},
      false);
  EXPECT_EQ(summary.seconds, 3u);
  EXPECT_EQ(summary.without_progress, 2u);
  EXPECT_EQ(summary.fewest_added, 0u);
  EXPECT_EQ(summary.worst_p999_ms, 8);
  EXPECT_EQ(summary.worst_at_s, 2);
  EXPECT_EQ(summary.resident_mib_max, 4);
  EXPECT_EQ(summary.disk_mib_max, 7);
  EXPECT_EQ(summary.cpu_cores_mean, 1);
}

TEST(Flags, NamesWhatIsWrong) {
  const auto problem = [](std::vector<std::string> words) {
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    Flags flags(static_cast<int>(argv.size()), argv.data(), 0);
    flags.Whole("n", 1, 1);
    flags.Text("t", "");
    return flags.Problem();
  };
  EXPECT_EQ(problem({"--n", "3", "--t=a=b"}), "");
  EXPECT_EQ(problem({"--n", "0"}), "--n needs a whole number of at least 1, not '0'");
  EXPECT_EQ(problem({"--n", "3x"}), "--n needs a whole number of at least 1, not '3x'");
  EXPECT_EQ(problem({"--t"}), "--t needs a value");
  EXPECT_EQ(problem({"--x", "1"}), "unknown --x");
  EXPECT_EQ(problem({"x"}), "unexpected word 'x'");
}

TEST(Flags, SplitsQuotedWords) {
  EXPECT_EQ(SplitWords("--save \"\" --appendonly yes"),
            (std::vector<std::string>{"--save", "", "--appendonly", "yes"}));
  EXPECT_EQ(SplitWords(""), std::vector<std::string>());
}

}  // namespace
}  // namespace bench
