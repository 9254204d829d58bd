// Messages: to whom, past which gates, beside which replies, and when a subscriber has to go.
#include "server/core/pubsub.h"

#include <string>
#include <string_view>

#include "gtest/gtest.h"
#include "server/core/session.h"
#include "tests/support/test_server.h"

namespace server {
namespace {

using tests::TestClient;
using tests::TestServer;

class PubSubTest : public testing::Test {
 protected:
  PubSubTest()
      : server_([](engine::EngineOptions& options) { options.fsync = engine::FsyncMode::kAlways; }),
        writer_(server_.Connect()),
        reader_(server_.Connect()) {}

  // Runs commands, and does not end the turn.
  void Feed(TestClient& client, std::string_view input) {
    server_.dispatcher().Feed(*client.session(), input);
  }
  // What may be sent to the client now.
  std::string Sendable(TestClient& client) {
    std::string_view pieces[4];
    std::string bytes;
    const size_t count = client.session()->output.Collect(server_.engine().released_turn(), pieces);
    for (size_t i = 0; i < count; ++i) bytes += pieces[i];
    return bytes;
  }

  TestServer server_;
  TestClient& writer_;
  TestClient& reader_;
};

TEST_F(PubSubTest, NotificationWaitsForTheTurnItTellsAbout) {
  ASSERT_EQ(writer_.Call("CONFIG SET notify-keyspace-events Kt"), "+OK");
  reader_.Call("SUBSCRIBE __keyspace@0__:s");
  Feed(writer_, "XADD s 1-1 f v\r\n");
  EXPECT_FALSE(reader_.session()->output.empty());
  EXPECT_EQ(Sendable(reader_), "");
  server_.Run();
  EXPECT_EQ(reader_.NextReply(), "[\"message\", \"__keyspace@0__:s\", \"xadd\"]");
}

TEST_F(PubSubTest, MessageThatTellsNothingLeavesAtOnce) {
  reader_.Call("SUBSCRIBE a");
  Feed(writer_, "XADD s 1-1 f v\r\nPUBLISH a x\r\n");
  EXPECT_EQ(Sendable(reader_), "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nx\r\n");
}

TEST_F(PubSubTest, MessageOfATransactionWaitsForWhatWasDoneBeforeIt) {
  reader_.Call("SUBSCRIBE a");
  Feed(writer_, "MULTI\r\nPUBLISH a 1\r\nXADD s 1-1 f v\r\nPUBLISH a 2\r\nEXEC\r\n");
  EXPECT_EQ(Sendable(reader_), "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\n1\r\n");
  server_.Run();
  EXPECT_EQ(reader_.NextReply(), "[\"message\", \"a\", \"1\"]");
  EXPECT_EQ(reader_.NextReply(), "[\"message\", \"a\", \"2\"]");
}

TEST_F(PubSubTest, OwnMessagesNeverStandInsideAReply) {
  reader_.SendBytes("HELLO 3\r\nSUBSCRIBE a\r\n");
  reader_.NextReply();
  EXPECT_EQ(reader_.NextReply(), ">[\"subscribe\", \"a\", :1]");
  reader_.SendBytes("MULTI\r\nPING\r\nPUBLISH a 1\r\nPUBLISH a 2\r\nEXEC\r\nPING\r\n");
  for (int i = 0; i < 4; ++i) reader_.NextReply();
  EXPECT_EQ(reader_.NextReply(), "[+PONG, :1, :1]");
  EXPECT_EQ(reader_.NextReply(), ">[\"message\", \"a\", \"1\"]");
  EXPECT_EQ(reader_.NextReply(), ">[\"message\", \"a\", \"2\"]");
  EXPECT_EQ(reader_.NextReply(), "+PONG");
}

TEST_F(PubSubTest, OwnMessagesSurviveASuppressedOrFailedReply) {
  reader_.SendBytes("HELLO 3\r\nSUBSCRIBE a\r\nCLIENT REPLY OFF\r\nPUBLISH a 1\r\nPING\r\n");
  reader_.NextReply();
  reader_.NextReply();
  EXPECT_EQ(reader_.NextReply(), ">[\"message\", \"a\", \"1\"]");
  EXPECT_EQ(reader_.NextReply(), "");
}

TEST_F(PubSubTest, SubscriberThatDoesNotReadIsClosedAtTheHardLimit) {
  ASSERT_EQ(writer_.CallWords({"CONFIG", "SET", "client-output-buffer-limit", "pubsub 1000 0 0"}),
            "+OK");
  reader_.Call("SUBSCRIBE a");
  reader_.set_bytes_per_turn(0);
  const std::string text(300, 'x');
  EXPECT_EQ(writer_.CallWords({"PUBLISH", "a", text}), ":1");
  EXPECT_EQ(writer_.CallWords({"PUBLISH", "a", text}), ":1");
  EXPECT_FALSE(reader_.is_closed());
  writer_.CallWords({"PUBLISH", "a", text});
  writer_.CallWords({"PUBLISH", "a", text});
  EXPECT_TRUE(reader_.is_closed());
  EXPECT_EQ(writer_.CallWords({"PUBLISH", "a", text}), ":0");
  EXPECT_EQ(server_.context().pubsub().channel_count(), 0u);
}

TEST_F(PubSubTest, OneTransactionCannotFillTheMemory) {
  ASSERT_EQ(writer_.CallWords({"CONFIG", "SET", "client-output-buffer-limit", "pubsub 1000 0 0"}),
            "+OK");
  reader_.Call("SUBSCRIBE a");
  writer_.Call("MULTI");
  for (int i = 0; i < 100; ++i) writer_.CallWords({"PUBLISH", "a", std::string(300, 'x')});
  Feed(writer_, "EXEC\r\n");
  EXPECT_LE(reader_.session()->pending_bytes(), 1000u);
  server_.Run();
  EXPECT_TRUE(reader_.is_closed());
}

TEST_F(PubSubTest, WaitingMessageTakesLittleMoreThanItsBytes) {
  reader_.Call("SUBSCRIBE a");
  reader_.set_bytes_per_turn(0);
  writer_.Call("PUBLISH a hello");
  EXPECT_LT(reader_.session()->output.memory_bytes(), 200u);
}

TEST_F(PubSubTest, SubscribersMayBeSilent) {
  reader_.Call("SUBSCRIBE a");
  ASSERT_EQ(writer_.Call("CONFIG SET timeout 10"), "+OK");
  server_.AdvanceMs(20'000);
  server_.dispatcher().Tick();
  EXPECT_TRUE(writer_.is_closed());
  EXPECT_FALSE(reader_.is_closed());
}

TEST_F(PubSubTest, ClientsThatGoGiveEverythingUp) {
  reader_.Call("SUBSCRIBE a b");
  reader_.Call("PSUBSCRIBE a*");
  reader_.Call("SSUBSCRIBE s");
  const PubSub& pubsub = server_.context().pubsub();
  EXPECT_EQ(pubsub.channel_count(), 2u);
  EXPECT_EQ(pubsub.pattern_count(), 1u);
  EXPECT_EQ(pubsub.shard_channel_count(), 1u);
  EXPECT_EQ(pubsub.client_count(), 1u);
  reader_.Disconnect();
  EXPECT_EQ(pubsub.channel_count(), 0u);
  EXPECT_EQ(pubsub.pattern_count(), 0u);
  EXPECT_EQ(pubsub.shard_channel_count(), 0u);
  EXPECT_EQ(pubsub.client_count(), 0u);
  EXPECT_EQ(writer_.Call("PUBLISH a x"), ":0");
}

TEST_F(PubSubTest, KeyWhoseTimeIsUpIsToldToAllWhoCare) {
  ASSERT_EQ(writer_.Call("CONFIG SET notify-keyspace-events Ex"), "+OK");
  ASSERT_EQ(writer_.Call("XADD s 1-1 f v"), "\"1-1\"");
  ASSERT_EQ(writer_.Call("WATCH s"), "+OK");
  TestClient& late = server_.Connect();
  ASSERT_EQ(late.Call("WATCH none"), "+OK");
  reader_.Call("SUBSCRIBE __keyevent@0__:expired");
  TestClient& other = server_.Connect();
  Feed(other, "XADD t 1-1 f v\r\n");
  ReportExpired(server_.context(), server_.engine(), 0, "s");
  ReportExpired(server_.context(), server_.engine(), 0, "none");
  EXPECT_EQ(Sendable(reader_), "");
  server_.Run();
  EXPECT_EQ(reader_.NextReply(), "[\"message\", \"__keyevent@0__:expired\", \"s\"]");
  writer_.SendBytes("MULTI\r\nEXEC\r\n");
  EXPECT_EQ(writer_.NextReply(), "+OK");
  EXPECT_EQ(writer_.NextReply(), "NIL");
  late.SendBytes("MULTI\r\nEXEC\r\n");
  EXPECT_EQ(late.NextReply(), "+OK");
  EXPECT_EQ(late.NextReply(), "[]");
}

TEST_F(PubSubTest, BlockedReaderHoldsItsOwnNotificationNoLongerThanTheTurn) {
  ASSERT_EQ(writer_.Call("CONFIG SET notify-keyspace-events Kt"), "+OK");
  ASSERT_EQ(writer_.Call("XGROUP CREATE s g $ MKSTREAM"), "+OK");
  reader_.SendBytes("HELLO 3\r\nSUBSCRIBE __keyspace@0__:s\r\n");
  reader_.NextReply();
  reader_.NextReply();
  reader_.SendBytes("XREADGROUP GROUP g c BLOCK 0 STREAMS s >\r\n");
  EXPECT_TRUE(reader_.is_blocked());
  EXPECT_EQ(reader_.NextReply(), ">[\"message\", \"__keyspace@0__:s\", \"xgroup-createconsumer\"]");
}

}  // namespace
}  // namespace server
