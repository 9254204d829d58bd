// MONITOR, CLIENT PAUSE and DEBUG RELOAD on real connections.

#include <signal.h>

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/process/server_process.h"

namespace tests {
namespace {

void Flush(Client& client) {
  int done = 0;
  while (done == 0) ASSERT_EQ(redisBufferWrite(client.context(), &done), REDIS_OK);
}

TEST(MonitorProcess, ShowsAPipelineInItsOrder) {
  ServerProcess server;
  Client monitor = server.Connect();
  Client client = server.Connect();
  EXPECT_EQ(monitor.Call({"MONITOR"}), "OK");
  constexpr int kCommands = 1000;
  for (int i = 1; i <= kCommands; ++i) client.Append({"XADD", "s", std::to_string(i), "f", "v"});
  for (int i = 1; i <= kCommands; ++i) EXPECT_EQ(client.NextReply(), std::to_string(i) + "-0");
  for (int i = 1; i <= kCommands; ++i) {
    const std::string line = monitor.NextReply();
    ASSERT_TRUE(line.ends_with("\"XADD\" \"s\" \"" + std::to_string(i) + "\" \"f\" \"v\"")) << line;
    ASSERT_NE(line.find(" [0 unix:" + server.socket() + "] "), std::string::npos) << line;
  }
}

TEST(PauseProcess, EndsByItself) {
  ServerProcess server;
  Client client = server.Connect();
  Client writer = server.Connect();
  EXPECT_EQ(client.Call({"CLIENT", "PAUSE", "100"}), "OK");
  writer.Append({"XADD", "s", "1-1", "f", "v"});
  writer.Append({"XLEN", "s"});
  EXPECT_EQ(writer.NextReply(), "1-1");
  EXPECT_EQ(writer.NextReply(), "(integer) 1");
  EXPECT_EQ(client.Call({"XLEN", "s"}), "(integer) 1");
}

TEST(PauseProcess, OfWritesIsEndedByUnpause) {
  ServerProcess server;
  Client client = server.Connect();
  Client writer = server.Connect();
  EXPECT_EQ(client.Call({"CLIENT", "PAUSE", "1000000", "WRITE"}), "OK");
  writer.Append({"XADD", "s", "1-1", "f", "v"});
  Flush(writer);
  std::string info;
  do {
    info = client.Call({"INFO", "clients"});
  } while (info.find("blocked_clients:1") == std::string::npos);
  EXPECT_EQ(client.Call({"XLEN", "s"}), "(integer) 0");
  EXPECT_EQ(client.Call({"CLIENT", "UNPAUSE"}), "OK");
  EXPECT_EQ(writer.NextReply(), "1-1");
}

TEST(ReloadProcess, KeepsWhatWasWrittenAndGoesOn) {
  ServerProcess server({"--enable-debug-command", "local", "--appendfsync", "always"});
  Client client = server.Connect();
  constexpr int kRounds = 5;
  for (int round = 1; round <= kRounds; ++round) {
    client.Append({"XADD", "s", std::to_string(2 * round), "f", "v"});
    client.Append({"DEBUG", "RELOAD"});
    client.Append({"XADD", "s", std::to_string(2 * round + 1), "f", "v"});
    client.Append({"XLEN", "s"});
    EXPECT_EQ(client.NextReply(), std::to_string(2 * round) + "-0");
    EXPECT_EQ(client.NextReply(), "OK");
    EXPECT_EQ(client.NextReply(), std::to_string(2 * round + 1) + "-0");
    EXPECT_EQ(client.NextReply(), "(integer) " + std::to_string(2 * round));
  }
  server.Signal(SIGKILL);
  EXPECT_EQ(server.Wait(), -SIGKILL);
  server.Start();
  EXPECT_EQ(server.Connect().Call({"XLEN", "s"}), "(integer) " + std::to_string(2 * kRounds));
}

}  // namespace
}  // namespace tests
