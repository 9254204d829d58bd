#include "server/core/dispatcher.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/check.h"
#include "engine/stream.h"
#include "server/core/command_table.h"
#include "server/core/password.h"
#include "server/limits.h"
#include "tests/support/test_server.h"

namespace server {
namespace {

using tests::TestClient;
using tests::TestServer;

std::string Inline(const std::string& line) { return line + "\r\n"; }

TEST(Dispatcher, PipelinedCommandsAreAnsweredInOrder) {
  TestServer server;
  TestClient& client = server.Connect();
  client.SendBytes("PING\r\nECHO a\r\nNOPE\r\nPING b\r\n");
  EXPECT_EQ(client.TakeBytes(),
            "+PONG\r\n$1\r\na\r\n-ERR unknown command 'NOPE', with args beginning with: \r\n"
            "$1\r\nb\r\n");
}

TEST(Dispatcher, AnEmptyNameIsUnknownFirstOfAll) {
  TestServer server;
  TestClient& client = server.Connect();
  client.SendBytes("*1\r\n$0\r\n\r\nPING\r\n*1\r\n$0\r\n\r\n");
  const std::string unknown = "-ERR unknown command '', with args beginning with: \r\n";
  EXPECT_EQ(client.TakeBytes(), unknown + "+PONG\r\n" + unknown);
}

TEST(Dispatcher, InputMayComeByteByByte) {
  TestServer server;
  TestClient& client = server.Connect();
  for (char c : std::string("*2\r\n$4\r\nECHO\r\n$3\r\nabc\r\n")) client.SendBytes({&c, 1});
  EXPECT_EQ(client.NextReply(), "\"abc\"");
}

TEST(Dispatcher, UnknownCommandErrorIsCut) {
  TestServer server;
  TestClient& client = server.Connect();
  const std::string name(200, 'n');
  EXPECT_EQ(client.CallWords({name, "a", std::string(300, 'x'), "y"}),
            "-ERR unknown command '" + std::string(128, 'n') +
                "', with args beginning with: 'a' '" + std::string(124, 'x') + "' ");
  EXPECT_EQ(client.CallWords({"x\r\ny"}),
            "-ERR unknown command 'x  y', with args beginning with: ");
}

TEST(Dispatcher, OneTurnGivesAConnectionABoundedNumberOfCommands) {
  TestServer server;
  TestClient& busy = server.Connect();
  TestClient& other = server.Connect();
  std::string bytes;
  for (size_t i = 0; i < kCommandsPerTurn + 10; ++i) bytes += Inline("PING");
  busy.Queue(bytes);
  other.Queue(Inline("PING"));
  server.RunTurn();
  EXPECT_EQ(busy.TakeBytes().size(), kCommandsPerTurn * 7);
  EXPECT_EQ(other.TakeBytes(), "+PONG\r\n");
  server.RunTurn();
  EXPECT_EQ(busy.TakeBytes().size(), 10u * 7);
}

TEST(Dispatcher, CommandsBehindABlockedOneWait) {
  TestServer server;
  TestClient& reader = server.Connect();
  TestClient& writer = server.Connect();
  reader.SendBytes("XREAD BLOCK 0 STREAMS s $\r\nPING\r\nECHO x\r\n");
  EXPECT_TRUE(reader.is_blocked());
  EXPECT_EQ(reader.NextReply(), "");
  EXPECT_EQ(writer.Call("XADD s 1-1 f v"), "\"1-1\"");
  EXPECT_EQ(reader.TakeBytes(),
            "*1\r\n*2\r\n$1\r\ns\r\n*1\r\n*2\r\n$3\r\n1-1\r\n*2\r\n$1\r\nf\r\n$1\r\nv\r\n"
            "+PONG\r\n$1\r\nx\r\n");
}

TEST(Dispatcher, DisconnectedReaderTakesNothing) {
  TestServer server;
  TestClient& writer = server.Connect();
  TestClient& gone = server.Connect();
  TestClient& next = server.Connect();
  ASSERT_EQ(writer.Call("XGROUP CREATE s g $ MKSTREAM"), "+OK");
  gone.Call("XREADGROUP GROUP g gone BLOCK 0 STREAMS s >");
  next.Call("XREADGROUP GROUP g next BLOCK 0 STREAMS s >");
  gone.Disconnect();
  EXPECT_EQ(server.context().waiters().client_count(), 1u);
  writer.Call("XADD s 1-1 f v");
  EXPECT_EQ(next.NextReply(), "[[\"s\", [[\"1-1\", [\"f\", \"v\"]]]]]");
  EXPECT_EQ(writer.Call("XPENDING s g"), "[:1, \"1-1\", \"1-1\", [[\"next\", \"1\"]]]");
}

TEST(Dispatcher, NobodyRunsBetweenAnEntryAndItsReaders) {
  TestServer server;
  TestClient& writer = server.Connect();
  TestClient& thief = server.Connect();
  std::vector<TestClient*> readers;
  for (size_t i = 0; i < kWakeUpsPerTurn + 100; ++i) {
    readers.push_back(&server.Connect());
    readers.back()->Queue(Inline("XREAD BLOCK 0 STREAMS s $"));
  }
  server.Run();
  writer.Queue(Inline("XADD s 1-1 f v"));
  thief.Queue(Inline("XDEL s 1-1"));
  server.Run();
  EXPECT_EQ(thief.NextReply(), ":1");
  for (TestClient* reader : readers) EXPECT_NE(reader->NextReply(), "") << reader->id();
}

TEST(Dispatcher, TimeOutEndsTheWaitOnlyWhenItsTimeIsUp) {
  TestServer server;
  TestClient& reader = server.Connect();
  reader.Call("XREAD BLOCK 100 STREAMS s $");
  EXPECT_EQ(server.dispatcher().NextDueMicros(), server.clock().MonotonicMicros() + 100'000);
  server.AdvanceMs(99);
  EXPECT_TRUE(reader.is_blocked());
  // The wall clock has no say.
  server.clock().StepWallMs(1'000'000);
  server.Run();
  EXPECT_TRUE(reader.is_blocked());
  server.AdvanceMs(1);
  EXPECT_EQ(reader.NextReply(), "NIL");
  EXPECT_EQ(server.dispatcher().NextDueMicros(), Waiters::kForever);
}

TEST(Dispatcher, UnblockAnswersForTheClient) {
  TestServer server;
  TestClient& reader = server.Connect();
  TestClient& other = server.Connect();
  const std::string id = std::to_string(reader.id());
  EXPECT_EQ(other.Call("CLIENT UNBLOCK " + id), ":0");
  reader.Call("XREAD BLOCK 0 STREAMS s $");
  EXPECT_EQ(other.Call("CLIENT UNBLOCK " + id + " ERROR"), ":1");
  EXPECT_EQ(reader.NextReply(), "-UNBLOCKED client unblocked via CLIENT UNBLOCK");
  reader.Call("XREAD BLOCK 0 STREAMS s $");
  EXPECT_EQ(other.Call("CLIENT UNBLOCK " + id), ":1");
  EXPECT_EQ(reader.NextReply(), "NIL");
  EXPECT_EQ(reader.Call("PING"), "+PONG");
}

TEST(Dispatcher, KilledClientsAreGoneAtOnceTheKillerAfterItsReply) {
  TestServer server;
  TestClient& killer = server.Connect();
  TestClient& victim = server.Connect();
  victim.Call("XREAD BLOCK 0 STREAMS s $");
  killer.SendBytes("CLIENT KILL TYPE normal SKIPME no\r\nPING\r\n");
  EXPECT_TRUE(victim.is_closed());
  EXPECT_EQ(killer.NextReply(), ":2");
  EXPECT_EQ(killer.NextReply(), "(closed)");
  EXPECT_EQ(server.context().clients().size(), 0u);
  EXPECT_EQ(server.context().waiters().client_count(), 0u);
}

TEST(Dispatcher, ReplyModesLeaveOutExactlyWhatTheySay) {
  TestServer server;
  TestClient& client = server.Connect();
  client.SendBytes("CLIENT REPLY SKIP\r\nECHO a\r\nECHO b\r\n");
  EXPECT_EQ(client.TakeBytes(), "$1\r\nb\r\n");
  client.SendBytes("CLIENT REPLY SKIP\r\nCLIENT REPLY SKIP\r\nECHO a\r\nECHO b\r\n");
  EXPECT_EQ(client.TakeBytes(), "$1\r\nb\r\n");
  client.SendBytes("CLIENT REPLY OFF\r\nECHO a\r\nCLIENT REPLY SKIP\r\nNOPE\r\n");
  EXPECT_EQ(client.TakeBytes(), "");
  client.SendBytes("CLIENT REPLY ON\r\nECHO a\r\n");
  EXPECT_EQ(client.TakeBytes(), "+OK\r\n$1\r\na\r\n");
  client.SendBytes("CLIENT REPLY OFF\r\nRESET\r\nECHO a\r\n");
  EXPECT_EQ(client.TakeBytes(), "+RESET\r\n$1\r\na\r\n");
}

TEST(Dispatcher, SkippedReplyOfABlockedReadIsTheOneOfItsEnd) {
  TestServer server;
  TestClient& reader = server.Connect();
  TestClient& writer = server.Connect();
  reader.SendBytes("CLIENT REPLY SKIP\r\nXREAD BLOCK 0 STREAMS s $\r\nECHO a\r\n");
  writer.Call("XADD s 1-1 f v");
  EXPECT_EQ(reader.TakeBytes(), "$1\r\na\r\n");
}

TEST(Dispatcher, ProtocolErrorClosesAfterEarlierReplies) {
  TestServer server;
  TestClient& client = server.Connect();
  client.SendBytes("PING\r\n*x\r\nPING\r\n");
  EXPECT_EQ(client.TakeBytes(), "+PONG\r\n-ERR Protocol error: invalid multibulk length\r\n");
  EXPECT_TRUE(client.is_closed());
}

TEST(Dispatcher, UnauthenticatedClientsAreKeptSmall) {
  TestServer server;
  TestClient& admin = server.Connect();
  ASSERT_EQ(admin.Call("CONFIG SET requirepass secret"), "+OK");
  TestClient& stranger = server.Connect();
  EXPECT_EQ(stranger.Call("PING"), "-NOAUTH Authentication required.");
  stranger.SendBytes("*11\r\n");
  EXPECT_EQ(stranger.NextReply(), "-ERR Protocol error: unauthenticated multibulk length");
  EXPECT_TRUE(stranger.is_closed());

  TestClient& deaf = server.Connect();
  deaf.set_bytes_per_turn(0);
  std::string bytes;
  for (size_t i = 0; i < kUnauthenticatedOutputBytes; ++i) bytes += Inline("PING");
  deaf.Queue(bytes);
  for (int turn = 0; turn < 5; ++turn) server.RunTurn();
  // Nothing more is executed until its replies are gone.
  EXPECT_LT(deaf.session()->output.size(), 2 * kUnauthenticatedOutputBytes);
  deaf.set_bytes_per_turn(100'000);
  server.Run();
  EXPECT_EQ(deaf.TakeBytes().size(),
            kUnauthenticatedOutputBytes * Inline("-NOAUTH Authentication required.").size());
  EXPECT_EQ(admin.Call("PING"), "+PONG");
}

TEST(Dispatcher, RepliesLeaveWhenTheirTurnIsReleased) {
  TestServer server(
      [](engine::EngineOptions& options) { options.fsync = engine::FsyncMode::kAlways; });
  TestClient& client = server.Connect();
  EXPECT_EQ(client.Call("XADD s 1-1 f v"), "\"1-1\"");
  client.Queue(Inline("XADD s 1-2 f v") + Inline("PING"));
  server.RunTurn();
  server.Run();
  EXPECT_EQ(client.NextReply(), "\"1-2\"");
  EXPECT_EQ(client.NextReply(), "+PONG");
}

TEST(Dispatcher, ColdStreamsAreFetchedOnTheWay) {
  TestServer server;
  TestClient& before = server.Connect();
  ASSERT_EQ(before.Call("XGROUP CREATE s g 0 MKSTREAM"), "+OK");
  ASSERT_EQ(before.Call("XADD s 1-1 f v"), "\"1-1\"");
  server.Reopen();
  EXPECT_TRUE(before.is_closed());
  TestClient& after = server.Connect();
  EXPECT_EQ(after.Call("XREADGROUP GROUP g c STREAMS s >"),
            "[[\"s\", [[\"1-1\", [\"f\", \"v\"]]]]]");
}

// A server with a cold stream `s` of one entry and a group `g`, and a reader thread.
class LoadingTest : public testing::Test {
 protected:
  LoadingTest() : server_([](engine::EngineOptions& options) { options.reader_threads = 1; }) {
    TestClient& client = server_.Connect();
    client.SendBytes(Inline("XGROUP CREATE s g 0 MKSTREAM") + Inline("XADD s 1-1 f v"));
    EXPECT_EQ(Await(client), "+OK");
    EXPECT_EQ(Await(client), "\"1-1\"");
    server_.Reopen();
  }
  // Until the client has a reply.
  std::string Await(TestClient& client) {
    for (;;) {
      const std::string reply = client.NextReply();
      if (!reply.empty()) return reply;
      server_.RunPosted();
    }
  }

  TestServer server_;
};

TEST_F(LoadingTest, OnlyItsOwnConnectionWaitsForACommandThatLoads) {
  TestClient& cold = server_.Connect();
  TestClient& other = server_.Connect();
  cold.SendBytes(Inline("XRANGE s - +") + Inline("PING"));
  EXPECT_EQ(cold.NextReply(), "");
  EXPECT_EQ(other.Call("PING"), "+PONG");
  EXPECT_FALSE(cold.is_blocked());
  EXPECT_EQ(Await(cold), "[[\"1-1\", [\"f\", \"v\"]]]");
  EXPECT_EQ(cold.NextReply(), "+PONG");
}

TEST_F(LoadingTest, ClientMayGoWhileItsCommandLoads) {
  TestClient& cold = server_.Connect();
  TestClient& other = server_.Connect();
  cold.SendBytes(Inline("XREADGROUP GROUP g gone STREAMS s >"));
  cold.Disconnect();
  EXPECT_EQ(other.Call("PING"), "+PONG");
  other.SendBytes(Inline("XPENDING s g"));
  EXPECT_EQ(Await(other), "[:0, nil, nil, NIL]");
}

TEST_F(LoadingTest, KilledWhileLoadingGetsNothing) {
  TestClient& cold = server_.Connect();
  TestClient& other = server_.Connect();
  cold.SendBytes(Inline("XRANGE s - +"));
  EXPECT_EQ(other.Call("CLIENT KILL ID " + std::to_string(cold.id())), ":1");
  server_.RunPosted();
  EXPECT_EQ(cold.NextReply(), "(closed)");
}

TEST_F(LoadingTest, WhatWasFetchedForAClientThatGoesMayLeaveTheMemory) {
  TestClient& cold = server_.Connect();
  cold.SendBytes(Inline("XRANGE s - +"));
  // It has what it needs, and must not run yet.
  size_t noted = 0;
  server_.context().client_memory().Note(size_t{2} << 30, &noted);
  server_.RunPosted();
  ASSERT_EQ(cold.session()->state, SessionState::kRetry);
  engine::Op op;
  const auto stream = server_.engine().OpenStream(op, "s");
  ASSERT_TRUE(stream.ok());
  EXPECT_EQ((*stream)->pins, 1u);
  cold.Disconnect();
  EXPECT_EQ((*stream)->pins, 0u);
}

TEST_F(LoadingTest, WhatManyWaitForIsFetchedOnce) {
  const uint64_t loads = server_.engine().GetStats().loads;
  std::vector<TestClient*> clients;
  constexpr size_t kClients = 20;
  for (size_t i = 0; i < kClients; ++i) {
    clients.push_back(&server_.Connect());
    clients.back()->Queue(Inline("XRANGE s - +"));
  }
  server_.Run();
  for (TestClient* client : clients) EXPECT_EQ(Await(*client), "[[\"1-1\", [\"f\", \"v\"]]]");
  // The key and its block; and what the server looks for after a start.
  EXPECT_LT(server_.engine().GetStats().loads, loads + kClients);
  engine::Op op;
  const auto stream = server_.engine().OpenStream(op, "s");
  ASSERT_TRUE(stream.ok());
  EXPECT_EQ((*stream)->pins, 0u);
}

TEST_F(LoadingTest, ReadThatLoadsBlocksAfterwards) {
  TestClient& reader = server_.Connect();
  TestClient& writer = server_.Connect();
  reader.SendBytes(Inline("XREAD BLOCK 50 STREAMS s $"));
  while (!reader.is_blocked()) server_.RunPosted();
  EXPECT_EQ(writer.Call("XADD s 1-2 f w"), "\"1-2\"");
  EXPECT_EQ(Await(reader), "[[\"s\", [[\"1-2\", [\"f\", \"w\"]]]]]");
}

TEST(Dispatcher, CountsCallsFailuresAndRefusals) {
  TestServer server;
  TestClient& client = server.Connect();
  client.SendBytes("XLEN s\r\nXLEN\r\nXADD s x f v\r\nNOPE\r\n");
  const Stats& stats = server.context().stats();
  const CommandCounters& xlen = stats.commands()[CommandIndex(*FindCommand("xlen"))];
  const CommandCounters& xadd = stats.commands()[CommandIndex(*FindCommand("xadd"))];
  EXPECT_EQ(xlen.calls, 1u);
  EXPECT_EQ(xlen.rejected, 1u);
  EXPECT_EQ(xadd.calls, 1u);
  EXPECT_EQ(xadd.failed, 1u);
  EXPECT_EQ(stats.error_replies, 3u);
  EXPECT_EQ(stats.errors().at("ERR"), 3u);
}

TEST(Dispatcher, IdleClientsAreClosedBlockedOnesAreNot) {
  TestServer server;
  TestClient& idle = server.Connect();
  TestClient& blocked = server.Connect();
  ASSERT_EQ(idle.Call("CONFIG SET timeout 10"), "+OK");
  blocked.Call("XREAD BLOCK 0 STREAMS s $");
  server.AdvanceMs(10'000);
  server.dispatcher().Tick();
  EXPECT_FALSE(idle.is_closed());
  server.AdvanceMs(1);
  server.dispatcher().Tick();
  EXPECT_TRUE(idle.is_closed());
  EXPECT_TRUE(blocked.is_blocked());
}

TEST(Dispatcher, BlockedClientsHoldLittleMemory) {
  TestServer server;
  TestClient& reader = server.Connect();
  reader.Call("XREAD BLOCK 0 STREAMS s $");
  EXPECT_LT(reader.session()->output.memory_bytes(), 100u);
}

TEST(Password, MatchesOnlyItself) {
  EXPECT_TRUE(PasswordsMatch("secret", "secret"));
  EXPECT_FALSE(PasswordsMatch("secret", "secreT"));
  EXPECT_FALSE(PasswordsMatch("", "secret"));
  EXPECT_FALSE(PasswordsMatch("secret1", "secret"));
}

}  // namespace
}  // namespace server
