// Clients on real connections: order, blocking, many at once.

#include <sys/socket.h>
#include <sys/time.h>

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/process/server_process.h"

namespace tests {
namespace {

std::string Number(size_t n) { return std::to_string(n); }

class TrafficTest : public testing::TestWithParam<const char*> {
 protected:
  ServerProcess server_{{"--appendfsync", GetParam()}};
};

TEST_P(TrafficTest, ALongPipelineIsAnsweredInOrder) {
  Client client = server_.Connect();
  constexpr size_t kCommands = 20'000;
  for (size_t i = 1; i <= kCommands; ++i) {
    if (i % 3 == 0) {
      client.Append({"ECHO", Number(i)});
    } else {
      client.Append({"XADD", "s", Number(i) + "-1", "f", Number(i)});
    }
  }
  for (size_t i = 1; i <= kCommands; ++i) {
    ASSERT_EQ(client.NextReply(), i % 3 == 0 ? Number(i) : Number(i) + "-1");
  }
  EXPECT_EQ(client.Call({"XLEN", "s"}), "(integer) " + Number(kCommands - kCommands / 3));
}

TEST_P(TrafficTest, EachBlockedReaderGetsEachEntry) {
  Client writer = server_.Connect();
  std::vector<Client> readers;
  for (int i = 0; i < 50; ++i) {
    readers.push_back(server_.Connect());
    EXPECT_EQ(readers.back().Call({"PING"}), "PONG");
    readers.back().Append({"XREAD", "BLOCK", "0", "STREAMS", "s", "0"});
    int done = 0;
    while (done == 0) ASSERT_EQ(redisBufferWrite(readers.back().context(), &done), REDIS_OK);
  }
  EXPECT_EQ(writer.Call({"XADD", "s", "1-1", "f", "v"}), "1-1");
  for (Client& reader : readers) EXPECT_EQ(reader.NextReply(), "[[s, [[1-1, [f, v]]]]]");
}

TEST_P(TrafficTest, AnEntryGoesToOneReaderOfAGroup) {
  Client writer = server_.Connect();
  EXPECT_EQ(writer.Call({"XGROUP", "CREATE", "s", "g", "$", "MKSTREAM"}), "OK");
  constexpr size_t kReaders = 20;
  std::vector<Client> readers;
  for (size_t i = 0; i < kReaders; ++i) {
    readers.push_back(server_.Connect());
    readers.back().Append(
        {"XREADGROUP", "GROUP", "g", Number(i), "COUNT", "1", "BLOCK", "0", "STREAMS", "s", ">"});
    int done = 0;
    while (done == 0) ASSERT_EQ(redisBufferWrite(readers.back().context(), &done), REDIS_OK);
  }
  for (size_t i = 1; i <= kReaders; ++i) writer.Append({"XADD", "s", Number(i), "f", "v"});
  for (size_t i = 1; i <= kReaders; ++i) EXPECT_EQ(writer.NextReply(), Number(i) + "-0");
  std::vector<bool> seen(kReaders + 1, false);
  for (Client& reader : readers) {
    const std::string reply = reader.NextReply();
    const size_t id = std::stoul(reply.substr(std::string("[[s, [[").size()));
    ASSERT_TRUE(id >= 1 && id <= kReaders) << reply;
    EXPECT_FALSE(seen[id]) << reply;
    seen[id] = true;
  }
  EXPECT_TRUE(writer.Call({"XPENDING", "s", "g"}).starts_with("[(integer) 20, 1-0, 20-0,"));
}

TEST_P(TrafficTest, ABlockedReadEndsWithItsTime) {
  Client client = server_.Connect();
  EXPECT_EQ(client.Call({"XREAD", "BLOCK", "20", "STREAMS", "s", "$"}), "(nil)");
  EXPECT_EQ(client.Call({"PING"}), "PONG");
}

TEST_P(TrafficTest, ManyClientsAtOnce) {
  constexpr size_t kClients = 400;
  std::vector<Client> clients;
  for (size_t i = 0; i < kClients; ++i) {
    clients.push_back(server_.Connect());
    ASSERT_TRUE(clients.back().is_connected());
  }
  for (size_t round = 0; round < 5; ++round) {
    for (size_t i = 0; i < kClients; ++i) {
      clients[i].Append({"XADD", "s" + Number(i % 10), "*", "f", Number(i)});
      int done = 0;
      while (done == 0) ASSERT_EQ(redisBufferWrite(clients[i].context(), &done), REDIS_OK);
    }
    for (Client& client : clients) ASSERT_FALSE(client.NextReply().starts_with("("));
  }
  for (size_t i = 0; i < 10; ++i) {
    EXPECT_EQ(clients[0].Call({"XLEN", "s" + Number(i)}), "(integer) 200");
  }
}

TEST_P(TrafficTest, AReplyLargerThanAllBuffersArrives) {
  Client client = server_.Connect();
  const std::string value(1'000'000, 'v');
  for (int i = 1; i <= 30; ++i) {
    EXPECT_EQ(client.Call({"XADD", "s", Number(static_cast<size_t>(i)), "f", value}),
              std::to_string(i) + "-0");
  }
  EXPECT_GT(client.Call({"XRANGE", "s", "-", "+"}).size(), 30 * value.size());
  EXPECT_EQ(client.Call({"PING"}), "PONG");
}

INSTANTIATE_TEST_SUITE_P(Fsync, TrafficTest, testing::Values("always", "everysec"),
                         [](const auto& parameter) { return std::string(parameter.param); });

}  // namespace
}  // namespace tests
