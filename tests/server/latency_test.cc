// How long commands take, as it is counted and noted: histogram, monitor, slow log.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/core/latency_histogram.h"
#include "server/core/latency_monitor.h"
#include "server/core/slow_log.h"
#include "server/limits.h"
#include "tests/support/test_server.h"

namespace server {
namespace {

using tests::TestClient;
using tests::TestServer;

using Steps = std::vector<std::pair<int64_t, uint64_t>>;

Steps StepsOf(const LatencyHistogram& histogram) {
  Steps steps;
  histogram.ForEachPowerOfTwo(
      [&steps](int64_t micros, uint64_t runs) { steps.emplace_back(micros, runs); });
  return steps;
}

TEST(LatencyHistogram, CountsUpToEachPowerOfTwo) {
  LatencyHistogram histogram;
  EXPECT_EQ(StepsOf(histogram), Steps{});
  for (int64_t micros : {0, 1, 2, 3, 4, 5, 8, 9, 1000}) histogram.Add(micros);
  EXPECT_EQ(histogram.total(), 9u);
  EXPECT_EQ(StepsOf(histogram), (Steps{{1, 2}, {2, 3}, {4, 5}, {8, 7}, {16, 8}, {1024, 9}}));
}

TEST(LatencyHistogram, APowerOfTwoCountsAtItselfAndOneMoreAtTheNext) {
  for (int power = 0; power < 20; ++power) {
    const int64_t micros = int64_t{1} << power;
    LatencyHistogram exact;
    exact.Add(micros);
    EXPECT_EQ(StepsOf(exact), (Steps{{micros, 1}})) << micros;
    LatencyHistogram above;
    above.Add(micros + 1);
    EXPECT_EQ(StepsOf(above), (Steps{{2 * micros, 1}})) << micros;
  }
}

TEST(LatencyHistogram, WhatTakesVeryLongCountsInTheLastBucket) {
  LatencyHistogram histogram;
  histogram.Add(INT64_MAX);
  histogram.Add(int64_t{1} << 20);
  EXPECT_EQ(StepsOf(histogram), (Steps{{int64_t{1} << 20, 2}}));
}

TEST(LatencyHistogram, PercentilesAreRightToAQuarter) {
  LatencyHistogram histogram;
  EXPECT_EQ(histogram.PercentileMicros(50), 0);
  for (int64_t micros = 1; micros <= 1000; ++micros) histogram.Add(micros);
  for (const double percent : {0.1, 1.0, 10.0, 50.0, 99.0, 99.9, 100.0}) {
    const double exact = percent * 10;
    const auto told = static_cast<double>(histogram.PercentileMicros(percent));
    EXPECT_GE(told, exact) << percent;
    EXPECT_LE(told, exact * 1.25 + 1) << percent;
  }
  EXPECT_EQ(histogram.PercentileMicros(0), 1);
}

TEST(LatencyMonitor, KeepsTheWorstOfASecondAndABoundedNumberOfSeconds) {
  LatencyMonitor monitor;
  monitor.Add("e", 100, 5);
  monitor.Add("e", 100, 9);
  monitor.Add("e", 100, 7);
  ASSERT_EQ(monitor.Find("e")->samples.size(), 1u);
  EXPECT_EQ(monitor.Find("e")->samples[0].millis, 9);
  for (size_t i = 1; i <= kLatencySamples; ++i) {
    monitor.Add("e", 100 + static_cast<int64_t>(i), 3);
  }
  EXPECT_EQ(monitor.Find("e")->samples.size(), kLatencySamples);
  EXPECT_EQ(monitor.Find("e")->samples[0].unix_seconds, 101);
  EXPECT_EQ(monitor.Find("e")->worst_millis, 9);
}

TEST(LatencyMonitor, ForgetsOneEventOrAll) {
  LatencyMonitor monitor;
  for (const char* event : {"a", "b", "c"}) monitor.Add(event, 1, 1);
  EXPECT_TRUE(monitor.Reset("b"));
  EXPECT_FALSE(monitor.Reset("b"));
  EXPECT_EQ(monitor.Find("b"), nullptr);
  EXPECT_EQ(monitor.ResetAll(), 2u);
  EXPECT_TRUE(monitor.events().empty());
}

TEST(LatencyGraph, DrawsAColumnForEachSample) {
  LatencySeries series;
  series.samples = {{100, 10}, {3700, 21}, {3790, 15}};
  series.worst_millis = 99;
  EXPECT_EQ(DrawLatencyGraph("e", series, 3800),
            "e - high 21 ms, low 10 ms (all time high 99 ms)\n" + std::string(80, '-') +
                "\n"
                " # \n"
                " # \n"
                " ##\n"
                "_##\n"
                "\n"
                "111\n"
                "hm0\n"
                "  s\n");
}

TEST(LatencyGraph, OneSampleIsLowAndHigh) {
  LatencySeries series;
  series.samples = {{100, 10}};
  series.worst_millis = 10;
  EXPECT_NE(DrawLatencyGraph("e", series, 90).find("\n_\n\n0\ns\n"), std::string::npos);
}

TEST(SlowLog, KeepsTheNewestAndNeverRepeatsAnId) {
  SlowLog log;
  for (int i = 0; i < 5; ++i) log.Add(SlowCommand(), 3);
  ASSERT_EQ(log.entries().size(), 3u);
  EXPECT_EQ(log.entries()[0].id, 4u);
  EXPECT_EQ(log.entries()[2].id, 2u);
  log.Clear();
  log.Add(SlowCommand(), 3);
  EXPECT_EQ(log.entries()[0].id, 5u);
}

TEST(SlowLog, CutsManyAndLongArguments) {
  const std::string exact(kSlowLogArgumentBytes, 'x');
  const std::string longer(kSlowLogArgumentBytes + 3, 'x');
  EXPECT_EQ(CutArguments(std::vector<std::string_view>{exact, longer}),
            (std::vector<std::string>{exact, exact + "... (3 more bytes)"}));
  const std::vector<std::string_view> all(kSlowLogArguments, "a");
  EXPECT_EQ(CutArguments(all), std::vector<std::string>(kSlowLogArguments, "a"));
  const std::vector<std::string_view> more(kSlowLogArguments + 2, "a");
  const std::vector<std::string> cut = CutArguments(more);
  ASSERT_EQ(cut.size(), kSlowLogArguments);
  EXPECT_EQ(cut[kSlowLogArguments - 2], "a");
  EXPECT_EQ(cut.back(), "... (3 more arguments)");
}

TEST(SlowLog, ACommandIsLoggedFromItsThresholdOn) {
  TestServer server(nullptr, "enable-debug-command yes");
  TestClient& client = server.Connect();
  client.Call("CONFIG SET slowlog-log-slower-than 5000");
  client.Call("DEBUG SLEEP 0.0049");
  EXPECT_EQ(client.Call("SLOWLOG LEN"), ":0");
  client.Call("CLIENT SETNAME me");
  client.Call("DEBUG SLEEP 0.005");
  EXPECT_EQ(client.Call("SLOWLOG GET"),
            "[[:0, :1700000000, :5000, [\"DEBUG\", \"SLEEP\", \"0.005\"], \"127.0.0.1:50001\", "
            "\"me\"]]");
}

TEST(LatencyMonitor, TellsFastCommandsFromOthers) {
  TestServer server(nullptr, "enable-debug-command yes");
  TestClient& client = server.Connect();
  client.Call("DEBUG SLEEP 0.1");
  EXPECT_EQ(client.Call("LATENCY LATEST"), "[]");
  client.Call("CONFIG SET latency-monitor-threshold 100");
  client.Call("DEBUG SLEEP 0.0999");
  EXPECT_EQ(client.Call("LATENCY LATEST"), "[]");
  client.Call("DEBUG SLEEP 0.3");
  server.AdvanceMs(1000);
  client.Call("DEBUG SLEEP 0.1");
  EXPECT_EQ(client.Call("LATENCY LATEST"), "[[\"command\", :1700000001, :100, :300]]");
  EXPECT_EQ(client.Call("LATENCY HISTORY command"), "[[:1700000000, :300], [:1700000001, :100]]");
}

TEST(InfoCommand, ShowsPercentilesOfEachCommand) {
  TestServer server(nullptr, "enable-debug-command yes");
  TestClient& client = server.Connect();
  client.Call("DEBUG SLEEP 0.001");
  EXPECT_EQ(client.Call("INFO latencystats"),
            "\"# Latencystats\\r\\nlatency_percentiles_usec_debug:p50=1024.000,p99=1024.000,"
            "p99.9=1024.000\\r\\n\"");
}

}  // namespace
}  // namespace server
