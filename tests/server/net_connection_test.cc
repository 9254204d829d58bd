#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "server/limits.h"
#include "server/net/limits.h"
#include "tests/server/net_fixture.h"

namespace server {
namespace {

TEST_F(ConnectionTest, AnswersAPipelineInOnePass) {
  TestPeer client = Connect();
  client.Send(Repeat(kPing, 100));
  Turn();
  EXPECT_EQ(client.Receive(), Repeat(kPong, 100));
}

TEST_F(ConnectionTest, RequestsMayBeCutAnywhere) {
  TestPeer client = Connect();
  const std::string bytes = "*2\r\n$4\r\nECHO\r\n$5\r\nhello\r\nPING\r\n";
  std::string received;
  for (char c : bytes) {
    client.Send({&c, 1});
    Turn();
    received += client.Receive();
  }
  EXPECT_EQ(received, "$5\r\nhello\r\n+PONG\r\n");
}

TEST_F(ConnectionTest, ALargeArgumentArrivesInParts) {
  TestPeer client = Connect();
  const std::string value(5'000'000, 'v');
  const std::string header = "$" + std::to_string(value.size()) + "\r\n";
  const std::string reply = Exchange(client, "*2\r\n$4\r\nECHO\r\n" + header + value + "\r\n");
  EXPECT_EQ(reply, header + value + "\r\n");
  Turn();
  const TransportInfo info = OnlySession().transport.Info();
  EXPECT_EQ(info.input_bytes + info.input_free_bytes, 0u) << "an idle connection holds no buffer";
}

TEST_F(ConnectionTest, QuitClosesBehindItsReply) {
  TestPeer client = Connect();
  client.Send("PING\r\nQUIT\r\nPING\r\n");
  Turns(2);
  EXPECT_EQ(client.Receive(), "+PONG\r\n+OK\r\n");
  EXPECT_TRUE(client.IsClosed());
  EXPECT_EQ(table_->count(), 0u);
}

TEST_F(ConnectionTest, AProtocolErrorClosesBehindItsReply) {
  TestPeer client = Connect();
  client.Send("PING\r\n*1\r\n:4\r\n" + Repeat(kPing, 10));
  Turns(2);
  EXPECT_EQ(client.Receive(), "+PONG\r\n-ERR Protocol error: expected '$', got ':'\r\n");
  EXPECT_TRUE(client.IsClosed());
}

TEST_F(ConnectionTest, AClientThatOnlyStopsSendingGetsItsReplies) {
  TestPeer client = Connect();
  client.Send(Repeat(kPing, 3000));
  client.Shutdown();
  std::string received;
  for (int i = 0; i < 10; ++i) {
    Turn();
    received += client.Receive();
  }
  EXPECT_EQ(received, Repeat(kPong, 3000));
  EXPECT_TRUE(client.IsClosed());
  EXPECT_EQ(table_->count(), 0u);
}

TEST_F(ConnectionTest, ABlockedClientThatGoesAwayIsForgotten) {
  TestPeer client = Connect();
  client.Send("XREAD BLOCK 0 STREAMS s $\r\n");
  Turn();
  EXPECT_EQ(server_.context().waiters().client_count(), 1u);
  client.Close();
  Turns(2);
  EXPECT_EQ(server_.context().waiters().client_count(), 0u);
  EXPECT_EQ(server_.context().clients().size(), 0u);
  EXPECT_EQ(table_->count(), 0u);
}

TEST_F(ConnectionTest, AClientThatGoesAwayWhileItsCommandIsHeldBackByAPauseIsForgotten) {
  TestPeer other = Connect();
  other.Send("CLIENT PAUSE 100000 WRITE\r\n");
  Turn();
  TestPeer client = Connect();
  client.Send("XADD s 1-1 f v\r\nPING\r\n");
  Turns(2);
  EXPECT_EQ(table_->count(), 2u);
  client.Close();
  Turns(2);
  EXPECT_EQ(table_->count(), 1u);
  other.Send("CLIENT UNPAUSE\r\nXLEN s\r\n");
  Turns(3);
  EXPECT_EQ(other.Receive(), "+OK\r\n+OK\r\n:0\r\n");
}

TEST_F(ConnectionTest, CommandsBehindABlockedOneRunAfterIt) {
  TestPeer reader = Connect();
  TestPeer writer = Connect();
  reader.Send("XREAD BLOCK 0 STREAMS s $\r\nPING\r\nECHO x\r\n");
  Turns(3);
  EXPECT_EQ(reader.Receive(), "");
  writer.Send("XADD s 1-2 f v\r\n");
  Turns(3);
  EXPECT_EQ(writer.Receive(), "$3\r\n1-2\r\n");
  EXPECT_EQ(reader.Receive(),
            "*1\r\n*2\r\n$1\r\ns\r\n*1\r\n*2\r\n$3\r\n1-2\r\n*2\r\n$1\r\nf\r\n$1\r\nv\r\n"
            "+PONG\r\n$1\r\nx\r\n");
}

TEST_F(ConnectionTest, ABlockedClientIsReadUpToABoundAndItsGoingAwayIsNoticed) {
  TestPeer client = Connect();
  client.Send("XREAD BLOCK 0 STREAMS s $\r\n");
  Turn();
  // More than any bound, until the socket takes no more.
  const std::string flood = Repeat(kPing, 10'000);
  size_t flooded = 0;
  for (int i = 0; i < 100; ++i) {
    flooded += client.Send(flood);
    Turn();
  }
  EXPECT_GT(flooded, kParkedInputBytes);
  EXPECT_LE(OnlySession().transport.Info().input_bytes, kParkedInputBytes + kReadBufferBytes);
  client.Close();
  Turns(2);
  EXPECT_EQ(table_->count(), 0u);
  EXPECT_EQ(server_.context().waiters().client_count(), 0u);
}

TEST_F(ConnectionTest, WhatABlockedClientSentInExcessIsExecutedLater) {
  TestPeer client = Connect();
  TestPeer writer = Connect();
  client.Send("XREAD BLOCK 0 STREAMS s $\r\n");
  Turn();
  std::string flood = Repeat(kPing, 30'000);
  size_t sent = 0;
  for (int i = 0; i < 20; ++i) {
    sent += client.Send(std::string_view(flood).substr(sent));
    Turn();
  }
  EXPECT_LT(sent, flood.size());
  writer.Send("XADD s 1-2 f v\r\n");
  const std::string received = Exchange(client, std::string_view(flood).substr(sent));
  EXPECT_TRUE(received.ends_with(Repeat(kPong, 30'000)));
}

TEST_F(ConnectionTest, AClientThatDoesNotReadIsNotExecutedUntilItDoes) {
  TestPeer client = Connect();
  const std::string value(100'000, 'v');
  const std::string request = "*2\r\n$4\r\nECHO\r\n$100000\r\n" + value + "\r\n";
  const std::string reply = "$100000\r\n" + value + "\r\n";
  constexpr size_t kRequests = 200;
  std::string requests = Repeat(request, kRequests);
  size_t sent = 0;
  for (int i = 0; i < 2000; ++i) {
    sent += client.Send(std::string_view(requests).substr(sent));
    Turn();
  }
  EXPECT_LT(sent, requests.size());
  EXPECT_LE(OnlySession().output.size(), kOutputPauseBytes + kReadBufferBytes + reply.size());
  const uint64_t executed = OnlySession().command_count;
  Turns(10);
  EXPECT_EQ(OnlySession().command_count, executed);
  EXPECT_EQ(Exchange(client, std::string_view(requests).substr(sent)), Repeat(reply, kRequests));
}

TEST_F(ConnectionTest, ALongPipelineDoesNotKeepOthersWaiting) {
  TestPeer greedy = Connect();
  TestPeer other = Connect();
  size_t sent = 0;
  const std::string pings = Repeat(kPing, 20'000);
  while (const size_t count = greedy.Send(std::string_view(pings).substr(sent))) sent += count;
  Turn();
  other.Send(kPing);
  Turn();
  EXPECT_EQ(other.Receive(), kPong);
  EXPECT_LE(greedy.Receive().size(), 2 * kCommandsPerTurn * kPong.size());
}

TEST_F(ConnectionTest, ClosesAClientWithTooMuchUnsentOutput) {
  Configure({"client-output-buffer-limit", "normal 200000 0 0"});
  TestPeer client = Connect();
  const std::string request = "*2\r\n$4\r\nECHO\r\n$60000\r\n" + std::string(60'000, 'v') + "\r\n";
  for (int i = 0; i < 100; ++i) {
    client.Send(request);
    Turn();
  }
  EXPECT_EQ(table_->count(), 0u);
}

TEST_F(ConnectionTest, ClosesAClientThatStaysAboveTheSoftLimit) {
  Configure({"client-output-buffer-limit", "normal 0 10000 5"});
  TestPeer client = Connect();
  const std::string request = "*2\r\n$4\r\nECHO\r\n$60000\r\n" + std::string(60'000, 'v') + "\r\n";
  for (int i = 0; i < 20; ++i) {
    client.Send(request);
    Turn();
  }
  const auto second_passes = [&] {
    server_.clock().AdvanceMs(1000);
    for (int i = 0; i < kTicksPerOutputCheck; ++i) table_->Tick();
    Turn();
  };
  for (int i = 0; i < 5; ++i) second_passes();
  EXPECT_EQ(table_->count(), 1u);
  for (int i = 0; i < 2; ++i) second_passes();
  EXPECT_EQ(table_->count(), 0u);
}

TEST_F(ConnectionTest, ClosesAClientWithTooMuchUnexecutedInput) {
  Configure({"client-query-buffer-limit", "1mb"});
  TestPeer client = Connect();
  client.Send("*2\r\n$4\r\nECHO\r\n$5000000\r\n");
  const std::string chunk(50'000, 'v');
  for (int i = 0; i < 18; ++i) {
    client.Send(chunk);
    Turn();
  }
  EXPECT_EQ(table_->count(), 1u);
  for (int i = 0; i < 10; ++i) {
    client.Send(chunk);
    Turn();
  }
  EXPECT_EQ(client.Receive(), "");
  EXPECT_EQ(table_->count(), 0u);
}

TEST_F(ConnectionTest, RefusesMoreThanMaxclients) {
  Configure({"maxclients", "2"});
  TestPeer first = Connect();
  TestPeer second = Connect();
  TestPeer third = Connect();
  EXPECT_EQ(third.Receive(), "-ERR max number of clients reached\r\n");
  EXPECT_TRUE(third.IsClosed());
  first.Close();
  Turns(2);
  TestPeer fourth = Connect();
  fourth.Send(kPing);
  Turn();
  EXPECT_EQ(fourth.Receive(), kPong);
  EXPECT_EQ(server_.context().stats().rejected_connections, 1u);
}

TEST_F(ConnectionTest, WithoutAPasswordOthersThanThisMachineAreDenied) {
  const Peer far = {.address = "203.0.113.1:5", .is_loopback = false};
  TestPeer denied = Connect(far);
  EXPECT_TRUE(denied.Receive().starts_with(
      "-DENIED Redis is running in protected mode because protected mode is enabled and no "
      "password is set for the default user."));
  EXPECT_TRUE(denied.IsClosed());
  Configure({"requirepass", "secret"});
  TestPeer admitted = Connect(far);
  admitted.Send("AUTH secret\r\n");
  Turn();
  EXPECT_EQ(admitted.Receive(), "+OK\r\n");
}

TEST_F(ConnectionTest, WhoHasNotLoggedInMustTakeItsReplies) {
  Configure({"requirepass", "secret"});
  constexpr std::string_view kRefused = "-NOAUTH Authentication required.\r\n";
  TestPeer reader = Connect();
  EXPECT_EQ(Exchange(reader, Repeat(kPing, 10'000)), Repeat(kRefused, 10'000));
  EXPECT_FALSE(reader.IsClosed());
  TestPeer deaf = Connect();
  for (int i = 0; i < 10'000 && table_->count() == 2; ++i) {
    deaf.Send(Repeat(kPing, 1'000));
    Turn();
    if (table_->count() == 2) {
      EXPECT_LT(server_.context().clients().After(1)->output.size(),
                2 * kUnauthenticatedOutputBytes);
    }
  }
  EXPECT_EQ(table_->count(), 1u);
}

TEST_F(ConnectionTest, RepliesLeaveWhenTheirTurnIsReleased) {
  TestPeer client = Connect();
  Session& session = OnlySession();
  const engine::Turn released = server_.engine().released_turn();
  const size_t first = session.output.BeginReply();
  session.writer.SimpleString("early");
  session.output.EndReply(first, released, released);
  const size_t second = session.output.BeginReply();
  session.writer.SimpleString("late");
  session.output.EndReply(second, released + 2, released);
  session.transport.OutputReady();
  Turn();
  EXPECT_EQ(client.Receive(), "+early\r\n");
  TestPeer writer = Connect();
  for (int i = 0; i < 3; ++i) {
    writer.Send("XADD s * f v\r\n");
    Turns(2);
  }
  ASSERT_GE(server_.engine().released_turn(), released + 2);
  EXPECT_EQ(client.Receive(), "+late\r\n");
}

TEST_F(ConnectionTest, WhenTheStorageFailsAnErrorStandsForTheRepliesThatWait) {
  TestPeer waiting = Connect();
  Session& session = OnlySession();
  TestPeer idle = Connect();
  const engine::Turn released = server_.engine().released_turn();
  for (const engine::Turn turn : {released, released + 1000}) {
    const size_t mark = session.output.BeginReply();
    session.writer.SimpleString("reply");
    session.output.EndReply(mark, turn, released);
  }
  table_->Abandon(engine::Status(engine::Code::kIo, "disk full"));
  EXPECT_EQ(waiting.Receive(), "+reply\r\n-MISCONF Errors writing to the AOF file: disk full\r\n");
  EXPECT_EQ(idle.Receive(), "");
}

TEST_F(ConnectionTest, AKilledClientIsClosedWithoutItsReplies) {
  TestPeer victim = Connect();
  TestPeer killer = Connect();
  victim.Send("XREAD BLOCK 0 STREAMS s $\r\n");
  Turn();
  killer.Send("CLIENT KILL ID 1\r\n");
  Turns(2);
  EXPECT_EQ(killer.Receive(), ":1\r\n");
  EXPECT_TRUE(victim.IsClosed());
  EXPECT_EQ(table_->count(), 1u);
}

TEST_F(ConnectionTest, ClientsComeAndGoWithoutATrace) {
  for (int round = 0; round < 50; ++round) {
    std::vector<TestPeer> clients;
    for (int i = 0; i < 20; ++i) {
      clients.push_back(Connect());
      clients.back().Send(i % 2 == 0 ? "XREAD BLOCK 0 STREAMS s $\r\n" : "PING\r\n*1\r\n$4\r\nPI");
    }
    Turn();
    clients.clear();
    Turns(2);
    ASSERT_EQ(table_->count(), 0u);
    ASSERT_EQ(server_.context().clients().size(), 0u);
    ASSERT_EQ(server_.context().waiters().client_count(), 0u);
  }
}

}  // namespace
}  // namespace server
