#include "server/core/info.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"
#include "server/core/config_options.h"
#include "server/core/process_usage.h"

namespace server {
namespace {

using Words = std::vector<std::string_view>;

class Info : public testing::Test {
 protected:
  Info() : settings_(DefaultSettings()), snapshot_(settings_) {
    snapshot_.run_id = kRunId;
    snapshot_.replication_id = kRunId;
    snapshot_.uptime_seconds = 2 * 86400 + 5;
    snapshot_.used_memory = 3 << 20;
    snapshot_.commands = {{"xadd", 2, 94, 1, 1}, {"xgroup|create", 1, 10, 0, 0}};
    snapshot_.errors = {{"NOGROUP", 3}};
    snapshot_.keyspace = {{0, 5}, {3, 1}};
  }

  std::string Text(const Words& sections) const { return FormatInfo(snapshot_, sections); }
  // The titles in order.
  std::string Titles(const Words& sections) const {
    const std::string text = Text(sections);
    std::string titles;
    for (size_t at = 0; (at = text.find("# ", at)) != std::string::npos; ++at) {
      titles += text.substr(at + 2, text.find('\r', at) - at - 2) + " ";
    }
    return titles;
  }

  static constexpr std::string_view kRunId = "0123456789012345678901234567890123456789";
  const Settings settings_;
  InfoSnapshot snapshot_;
};

TEST_F(Info, HasTheDefaultSectionsInTheirOrder) {
  const std::string titles =
      "Server Clients Memory Persistence Stats Replication CPU Modules Errorstats Cluster "
      "Keyspace ";
  EXPECT_EQ(Titles({}), titles);
  EXPECT_EQ(Titles({"default"}), titles);
  EXPECT_EQ(Titles({"keyspace", "DEFAULT"}), titles);
}

TEST_F(Info, AllAddsCommandStatistics) {
  const std::string titles =
      "Server Clients Memory Persistence Stats Replication CPU Modules Commandstats Errorstats "
      "Latencystats Cluster Keyspace Streams ";
  EXPECT_EQ(Titles({"all"}), titles);
  EXPECT_EQ(Titles({"Everything"}), titles);
}

TEST_F(Info, TheOrderIsNotThatOfTheQuestion) {
  EXPECT_EQ(Titles({"KEYSPACE", "cluster", "nope"}), "Cluster Keyspace ");
  EXPECT_EQ(Text({"nope"}), "");
}

TEST_F(Info, SectionsAreSeparatedByAnEmptyLine) {
  EXPECT_EQ(Text({"cluster", "keyspace"}),
            "# Cluster\r\ncluster_enabled:0\r\n\r\n# Keyspace\r\n"
            "db0:keys=5,expires=0,avg_ttl=0,subexpiry=0\r\n"
            "db3:keys=1,expires=0,avg_ttl=0,subexpiry=0\r\n");
}

TEST_F(Info, NamesInStreamsAreEncoded) {
  snapshot_.streams.totals.entries = 7;
  snapshot_.streams.oldest_pending_ms = 12;
  snapshot_.streams.most_pending.push_back(
      {.key = "a,b=c %\n\xff", .group = "Az09_.:{}-", .value = 5, .db = 3});
  snapshot_.streams.most_lag.push_back({.key = "", .group = "g", .value = 6});
  snapshot_.streams.due = 1;
  snapshot_.streams.totals.scheduled = 2;
  snapshot_.blocked_producers = 3;
  EXPECT_EQ(Text({"streams"}),
            "# Streams\r\nstreams:0\r\nentries:7\r\ngroups:0\r\nconsumers:0\r\npending:0\r\n"
            "due:1\r\noldest-pending-ms:12\r\nletters:0\r\nparked:0\r\nscheduled:2\r\n"
            "rejected:0\r\nblocked-producers:3\r\n"
            "top-pending-1:db=3,key=a%2Cb%3Dc%20%25%0A%FF,group=Az09_.:{}-,pending=5\r\n"
            "top-lag-1:db=0,key=,group=g,lag=6\r\n");
}

TEST_F(Info, CommandAndErrorStatisticsAreOneLineEach) {
  EXPECT_EQ(Text({"commandstats"}),
            "# Commandstats\r\n"
            "cmdstat_xadd:calls=2,usec=94,usec_per_call=47.00,rejected_calls=1,failed_calls=1\r\n"
            "cmdstat_xgroup|create:calls=1,usec=10,usec_per_call=10.00,rejected_calls=0,"
            "failed_calls=0\r\n");
  EXPECT_EQ(Text({"errorstats"}), "# Errorstats\r\nerrorstat_NOGROUP:count=3\r\n");
}

TEST_F(Info, HasTheFieldsThatToolsRead) {
  const std::string text = Text({});
  for (const char* field : {"redis_version:8.10.0",
                            "redis_mode:standalone",
                            "os:Linux",
                            "arch_bits:64",
                            "process_id:",
                            "run_id:0123456789012345678901234567890123456789",
                            "tcp_port:6379",
                            "uptime_in_seconds:172805",
                            "uptime_in_days:2",
                            "hz:10",
                            "executable:",
                            "config_file:",
                            "connected_clients:0",
                            "blocked_clients:0",
                            "maxclients:10000",
                            "tracking_clients:0",
                            "watching_clients:0",
                            "total_blocking_keys:0",
                            "total_blocking_keys_on_nokey:0",
                            "used_memory:3145728",
                            "used_memory_human:3.00M",
                            "used_memory_rss:",
                            "used_memory_peak:",
                            "maxmemory:0",
                            "maxmemory_policy:noeviction",
                            "mem_fragmentation_ratio:",
                            "mem_allocator:",
                            "loading:0",
                            "rdb_changes_since_last_save:0",
                            "rdb_bgsave_in_progress:0",
                            "rdb_last_save_time:0",
                            "rdb_last_bgsave_status:ok",
                            "aof_enabled:1",
                            "aof_rewrite_in_progress:0",
                            "aof_last_write_status:ok",
                            "total_connections_received:0",
                            "total_commands_processed:0",
                            "instantaneous_ops_per_sec:0",
                            "total_net_input_bytes:0",
                            "total_net_output_bytes:0",
                            "rejected_connections:0",
                            "expired_keys:0",
                            "evicted_keys:0",
                            "keyspace_hits:0",
                            "keyspace_misses:0",
                            "total_error_replies:0",
                            "role:master",
                            "connected_slaves:0",
                            "master_replid:0123456789012345678901234567890123456789",
                            "master_repl_offset:0",
                            "used_cpu_sys:",
                            "used_cpu_user:",
                            "cluster_enabled:0"}) {
    EXPECT_NE(text.find(std::string("\r\n") + field), std::string::npos) << field;
  }
}

TEST_F(Info, TellsWhenStorageFails) {
  snapshot_.can_write = false;
  snapshot_.engine.last_checkpoint_ok = false;
  const std::string text = Text({"persistence"});
  EXPECT_NE(text.find("aof_last_write_status:err"), std::string::npos);
  EXPECT_NE(text.find("rdb_last_bgsave_status:err"), std::string::npos);
}

TEST_F(Info, KnowsWhichSectionsWillBeShown) {
  EXPECT_FALSE(WantsInfoSection({}, "commandstats"));
  EXPECT_TRUE(WantsInfoSection(Words{"ALL"}, "commandstats"));
  EXPECT_TRUE(WantsInfoSection({}, "keyspace"));
  EXPECT_FALSE(WantsInfoSection(Words{"server"}, "keyspace"));
}

TEST(HumanBytes, UsesTheLargestUnitThatFits) {
  EXPECT_EQ(HumanBytes(0), "0B");
  EXPECT_EQ(HumanBytes(1023), "1023B");
  EXPECT_EQ(HumanBytes(1024), "1.00K");
  EXPECT_EQ(HumanBytes(1536 << 10), "1.50M");
  EXPECT_EQ(HumanBytes(UINT64_MAX), "16.00E");
}

TEST(ProcessUsage, OfThisProcessIsNotNothing) {
  EXPECT_GT(ResidentBytes(), 1u << 20);
  EXPECT_GE(PeakResidentBytes(), 1u << 20);
  EXPECT_GT(SystemMemoryBytes(), ResidentBytes());
  EXPECT_GT(ProcessorTimeUsed().user_seconds + ProcessorTimeUsed().system_seconds, 0);
  EXPECT_TRUE(OperatingSystem().starts_with("Linux ")) << OperatingSystem();
  EXPECT_TRUE(ExecutablePath().starts_with('/')) << ExecutablePath();
}

}  // namespace
}  // namespace server
