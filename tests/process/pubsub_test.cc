// Publish and subscribe between real connections.

#include <sys/socket.h>

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/process/server_process.h"

namespace tests {
namespace {

TEST(PubSubProcess, EverySubscriberGetsEveryMessageInOrder) {
  ServerProcess server;
  Client publisher = server.Connect();
  std::vector<Client> subscribers;
  for (int i = 0; i < 20; ++i) {
    subscribers.push_back(server.Connect());
    EXPECT_EQ(subscribers.back().Call({"SUBSCRIBE", "news"}), "[subscribe, news, (integer) 1]");
  }
  constexpr int kMessages = 1000;
  for (int i = 0; i < kMessages; ++i) publisher.Append({"PUBLISH", "news", std::to_string(i)});
  for (int i = 0; i < kMessages; ++i) ASSERT_EQ(publisher.NextReply(), "(integer) 20");
  for (Client& subscriber : subscribers) {
    for (int i = 0; i < kMessages; ++i) {
      ASSERT_EQ(subscriber.NextReply(), "[message, news, " + std::to_string(i) + "]");
    }
  }
}

TEST(PubSubProcess, NotificationComesOnceTheChangeIsDurable) {
  ServerProcess server({"--appendfsync", "always", "--notify-keyspace-events", "Kt"});
  Client writer = server.Connect();
  Client subscriber = server.Connect();
  EXPECT_EQ(subscriber.Call({"PSUBSCRIBE", "__keyspace@0__:*"}),
            "[psubscribe, __keyspace@0__:*, (integer) 1]");
  EXPECT_EQ(writer.Call({"XADD", "s", "1-1", "f", "v"}), "1-1");
  EXPECT_EQ(subscriber.NextReply(), "[pmessage, __keyspace@0__:*, __keyspace@0__:s, xadd]");
}

TEST(PubSubProcess, SubscriberThatDoesNotReadIsClosed) {
  ServerProcess server({"--client-output-buffer-limit", "pubsub", "4mb", "0", "0"});
  Client publisher = server.Connect();
  Client deaf = server.Connect();
  EXPECT_EQ(deaf.Call({"SUBSCRIBE", "news"}), "[subscribe, news, (integer) 1]");
  const std::string text(1 << 20, 'x');
  // The system's own buffers take some.
  std::string receivers = "(integer) 1";
  for (int i = 0; i < 200 && receivers == "(integer) 1"; ++i) {
    receivers = publisher.Call({"PUBLISH", "news", text});
  }
  EXPECT_EQ(receivers, "(integer) 0");
}

TEST(PubSubProcess, TransactionOfAPipelineIsAnsweredInOrder) {
  ServerProcess server;
  Client client = server.Connect();
  client.Append({"MULTI"});
  client.Append({"XADD", "s", "1-1", "f", "v"});
  client.Append({"XREAD", "STREAMS", "s", "0"});
  client.Append({"EXEC"});
  client.Append({"PING"});
  EXPECT_EQ(client.NextReply(), "OK");
  EXPECT_EQ(client.NextReply(), "QUEUED");
  EXPECT_EQ(client.NextReply(), "QUEUED");
  EXPECT_EQ(client.NextReply(), "[1-1, [[s, [[1-1, [f, v]]]]]]");
  EXPECT_EQ(client.NextReply(), "PONG");
}

}  // namespace
}  // namespace tests
