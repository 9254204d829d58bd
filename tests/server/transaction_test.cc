// EXEC as one command: loading, turns, gates, and what ends a transaction.
#include "server/core/transaction.h"

#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"
#include "server/core/command_table.h"
#include "server/core/session.h"
#include "server/core/watches.h"
#include "server/limits.h"
#include "tests/support/test_server.h"

namespace server {
namespace {

using tests::TestClient;
using tests::TestServer;

std::string Lines(const std::vector<std::string>& commands) {
  std::string bytes;
  for (const std::string& command : commands) bytes += command + "\r\n";
  return bytes;
}

TEST(Transaction, ManyCommandsAreOneTurn) {
  TestServer server;
  TestClient& client = server.Connect();
  const engine::Turn before = server.engine().current_turn();
  std::vector<std::string> commands = {"MULTI"};
  constexpr size_t kCount = kCommandsPerTurn + 10;
  for (size_t i = 1; i <= kCount; ++i) commands.push_back("XADD s " + std::to_string(i) + " f v");
  client.SendBytes(Lines(commands));
  EXPECT_EQ(server.engine().current_turn(), before);
  client.SendBytes("EXEC\r\n");
  EXPECT_EQ(server.engine().current_turn(), before + 1);
  const std::string replies = client.TakeBytes();
  EXPECT_NE(replies.find("*" + std::to_string(kCount) + "\r\n$3\r\n1-0\r\n"), std::string::npos);
}

TEST(Transaction, ClockStandsStillInside) {
  TestServer server;
  TestClient& client = server.Connect();
  server.clock().set_micros_per_reading(1500);
  client.SendBytes(Lines({"MULTI", "XADD s * f v", "XADD s * f v", "XADD s * f v", "EXEC"}));
  for (int i = 0; i < 4; ++i) client.NextReply();
  const std::string reply = client.NextReply();
  const size_t dash = reply.find('-');
  const std::string ms = reply.substr(2, dash - 2);
  EXPECT_EQ(reply, "[\"" + ms + "-0\", \"" + ms + "-1\", \"" + ms + "-2\"]");
}

TEST(Transaction, RepliesWaitForTheWholeOfIt) {
  TestServer server(
      [](engine::EngineOptions& options) { options.fsync = engine::FsyncMode::kAlways; });
  TestClient& client = server.Connect();
  const std::string input = Lines({"PING", "MULTI", "PING", "XADD s 1-1 f v", "EXEC", "PING"});
  server.dispatcher().Feed(*client.session(), input);
  OutputBuffer& output = client.session()->output;
  std::string_view pieces[2];
  ASSERT_EQ(output.Collect(server.engine().released_turn(), pieces), 1u);
  EXPECT_EQ(pieces[0], "+PONG\r\n+OK\r\n+QUEUED\r\n+QUEUED\r\n");
  server.Run();
  EXPECT_TRUE(client.TakeBytes().ends_with("*2\r\n+PONG\r\n$3\r\n1-1\r\n+PONG\r\n"));
}

TEST(Transaction, NullWaitsForTheChangeThatItTellsOf) {
  TestServer server(
      [](engine::EngineOptions& options) { options.fsync = engine::FsyncMode::kAlways; });
  TestClient& client = server.Connect();
  TestClient& other = server.Connect();
  ASSERT_EQ(client.Call("WATCH s"), "+OK");
  ASSERT_EQ(client.Call("MULTI"), "+OK");
  server.dispatcher().Feed(*other.session(), "XADD s 1-1 f v\r\n");
  server.dispatcher().Feed(*client.session(), "EXEC\r\n");
  std::string_view pieces[2];
  EXPECT_EQ(client.session()->output.Collect(server.engine().released_turn(), pieces), 0u);
  server.Run();
  EXPECT_EQ(client.NextReply(), "NIL");
}

TEST(Transaction, InnerCommandsAreCounted) {
  TestServer server;
  TestClient& client = server.Connect();
  client.SendBytes(Lines({"MULTI", "XLEN s", "XADD s x f v", "XADD s 1-1 f v", "EXEC"}));
  const Stats& stats = server.context().stats();
  const auto counters = [&](std::string_view name) {
    return stats.commands()[CommandIndex(*FindCommand(name))];
  };
  EXPECT_EQ(counters("xlen").calls, 1u);
  EXPECT_EQ(counters("xadd").calls, 2u);
  EXPECT_EQ(counters("xadd").failed, 1u);
  EXPECT_EQ(counters("exec").calls, 1u);
  EXPECT_EQ(counters("multi").calls, 1u);
  EXPECT_EQ(stats.commands_processed, 5u);
  EXPECT_EQ(stats.error_replies, 1u);
}

TEST(Transaction, QueueHasABound) {
  TestServer server;
  TestClient& client = server.Connect();
  ASSERT_EQ(client.Call("MULTI"), "+OK");
  const std::string large(kMaxTransactionBytes / 2, 'x');
  EXPECT_EQ(client.CallWords({"ECHO", large}), "+QUEUED");
  EXPECT_EQ(client.CallWords({"ECHO", large}),
            "-ERR Transaction is too large: its queued commands may take " +
                std::to_string(kMaxTransactionBytes) + " bytes");
  EXPECT_EQ(client.Call("EXEC"), "-EXECABORT Transaction discarded because of previous errors.");
  EXPECT_EQ(client.Call("PING"), "+PONG");
}

TEST(Transaction, ReplyModesHoldBackAllOfExec) {
  TestServer server;
  TestClient& client = server.Connect();
  client.SendBytes(Lines({"MULTI", "PING", "CLIENT REPLY SKIP", "EXEC", "ECHO a", "ECHO b"}));
  EXPECT_EQ(client.TakeBytes(), "+OK\r\n+QUEUED\r\n+QUEUED\r\n$1\r\nb\r\n");
  client.SendBytes(Lines({"MULTI", "CLIENT REPLY OFF", "PING", "EXEC", "ECHO a"}));
  EXPECT_EQ(client.TakeBytes(), "+OK\r\n+QUEUED\r\n+QUEUED\r\n");
  client.SendBytes(Lines({"MULTI", "CLIENT REPLY ON", "PING", "EXEC", "ECHO a"}));
  EXPECT_EQ(client.TakeBytes(), "*2\r\n+OK\r\n+PONG\r\n$1\r\na\r\n");
}

TEST(Transaction, ClientThatKillsItselfGetsItsReplyFirst) {
  TestServer server;
  TestClient& client = server.Connect();
  client.SendBytes(Lines({"MULTI", "CLIENT KILL ID " + std::to_string(client.id()) + " SKIPME no",
                          "XADD s 1-1 f v", "EXEC", "PING"}));
  EXPECT_EQ(client.TakeBytes(), "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:1\r\n$3\r\n1-1\r\n");
  EXPECT_TRUE(client.is_closed());
  EXPECT_EQ(server.Connect().Call("XLEN s"), ":1");
}

TEST(Transaction, LostConnectionsWatchNothing) {
  TestServer server;
  TestClient& client = server.Connect();
  client.SendBytes(Lines({"WATCH a b", "MULTI", "XADD a 1-1 f v"}));
  EXPECT_EQ(server.context().watches().client_count(), 1u);
  EXPECT_EQ(server.context().watches().key_count(), 2u);
  client.Disconnect();
  EXPECT_EQ(server.context().watches().client_count(), 0u);
  EXPECT_EQ(server.context().watches().key_count(), 0u);
}

TEST(Transaction, MemoryLimitSpoilsWhatNeedsMemoryAndRefusesExecThatHoldsIt) {
  TestServer server;
  TestClient& client = server.Connect();
  TestClient& admin = server.Connect();
  ASSERT_EQ(client.Call("XADD s 1-1 f v"), "\"1-1\"");
  ASSERT_EQ(client.Call("MULTI"), "+OK");
  ASSERT_EQ(client.Call("XADD s 2-1 f v"), "+QUEUED");
  ASSERT_EQ(admin.Call("CONFIG SET maxmemory 1"), "+OK");
  server.AdvanceMs(kMemoryCheckMicros);
  EXPECT_EQ(client.Call("EXEC"),
            "-EXECABORT Transaction discarded because of: OOM command not allowed when used memory "
            "> 'maxmemory'.");
  EXPECT_EQ(client.Call("EXEC"), "-ERR EXEC without MULTI");
  client.SendBytes(Lines({"MULTI", "XLEN s", "EXEC"}));
  EXPECT_EQ(client.TakeBytes(), "+OK\r\n+QUEUED\r\n*1\r\n:1\r\n");
  EXPECT_EQ(client.Call("MULTI"), "+OK");
  EXPECT_EQ(client.Call("XADD s 2-1 f v"),
            "-OOM command not allowed when used memory > 'maxmemory'.");
  EXPECT_EQ(client.Call("EXEC"), "-EXECABORT Transaction discarded because of previous errors.");
}

TEST(Transaction, PasswordIsAskedForInside) {
  TestServer server;
  TestClient& admin = server.Connect();
  ASSERT_EQ(admin.Call("CONFIG SET requirepass secret"), "+OK");
  TestClient& client = server.Connect();
  EXPECT_EQ(client.Call("MULTI"), "-NOAUTH Authentication required.");
  EXPECT_EQ(client.Call("EXEC"),
            "-EXECABORT Transaction discarded because of: NOAUTH Authentication required.");
  EXPECT_EQ(client.Call("AUTH secret"), "+OK");
  client.SendBytes(Lines({"MULTI", "AUTH wrong", "PING", "EXEC"}));
  EXPECT_TRUE(client.TakeBytes().ends_with("\r\n+PONG\r\n"));
}

// A server with a cold stream `s` of one entry and a group `g`, and a reader thread.
class ColdTransactionTest : public testing::Test {
 protected:
  ColdTransactionTest()
      : server_([](engine::EngineOptions& options) { options.reader_threads = 1; }) {
    TestClient& client = server_.Connect();
    client.SendBytes(Lines({"XGROUP CREATE s g 0 MKSTREAM", "XADD s 1-1 f v"}));
    EXPECT_EQ(Await(client), "+OK");
    EXPECT_EQ(Await(client), "\"1-1\"");
    server_.Reopen();
  }
  std::string Await(TestClient& client) {
    for (;;) {
      const std::string reply = client.NextReply();
      if (!reply.empty()) return reply;
      server_.RunPosted();
    }
  }
  // Queues and EXECs; takes the replies up to that of EXEC.
  void Start(TestClient& client, std::vector<std::string> commands) {
    commands.insert(commands.begin(), "MULTI");
    for (const std::string& command : commands) client.Call(command);
    client.SendBytes("EXEC\r\n");
  }
  uint64_t blocking_loads() { return server_.engine().GetStats().blocking_loads; }

  TestServer server_;
};

TEST_F(ColdTransactionTest, WaitsForItsKeysWithNothingDone) {
  TestClient& client = server_.Connect();
  TestClient& other = server_.Connect();
  Start(client, {"XADD t 1-1 f v", "XLEN s", "XREADGROUP GROUP g c STREAMS s >"});
  EXPECT_EQ(client.NextReply(), "");
  EXPECT_EQ(other.Call("PING"), "+PONG");
  EXPECT_EQ(other.Call("DBSIZE"), ":1");
  EXPECT_EQ(Await(client), "[\"1-1\", :1, [[\"s\", [[\"1-1\", [\"f\", \"v\"]]]]]]");
  EXPECT_EQ(client.Call("PING"), "+PONG");
}

TEST_F(ColdTransactionTest, RunsAgainAsLongAsNothingChanged) {
  TestClient& client = server_.Connect();
  Start(client, {"XLEN s", "XRANGE s - +", "XADD s 1-2 f w", "XLEN s"});
  EXPECT_EQ(client.NextReply(), "");
  EXPECT_EQ(Await(client), "[:1, [[\"1-1\", [\"f\", \"v\"]]], \"1-2\", :2]");
  EXPECT_EQ(blocking_loads(), 0u);
}

TEST_F(ColdTransactionTest, ReadsAtOnceWhatItMissesAfterAChange) {
  TestClient& client = server_.Connect();
  Start(client, {"SELECT 1", "XADD u 1-1 f v", "SELECT 0", "XRANGE s - +", "KEYS *"});
  EXPECT_EQ(Await(client), "[+OK, \"1-1\", +OK, [[\"1-1\", [\"f\", \"v\"]]], [\"s\"]]");
  EXPECT_GT(blocking_loads(), 0u);
}

TEST_F(ColdTransactionTest, ChangeOfAWatchedKeyWhileItLoadsCounts) {
  TestClient& client = server_.Connect();
  TestClient& other = server_.Connect();
  client.SendBytes("WATCH t\r\n");
  ASSERT_EQ(Await(client), "+OK");
  Start(client, {"XLEN s"});
  EXPECT_EQ(client.NextReply(), "");
  EXPECT_EQ(other.Call("XADD t 1-1 f v"), "\"1-1\"");
  EXPECT_EQ(Await(client), "NIL");
}

TEST_F(ColdTransactionTest, ClientMayGoWhileItLoads) {
  TestClient& client = server_.Connect();
  TestClient& other = server_.Connect();
  Start(client, {"XADD t 1-1 f v", "XLEN s"});
  client.Disconnect();
  EXPECT_EQ(other.Call("PING"), "+PONG");
  other.SendBytes("XLEN s\r\n");
  EXPECT_EQ(Await(other), ":1");
  EXPECT_EQ(other.Call("DBSIZE"), ":1");
}

TEST(Watches, TouchOnlyThoseWhoWatch) {
  Watches watches;
  watches.Add(1, {.db = 0, .name = "a", .existed = true});
  watches.Add(2, {.db = 1, .name = "a", .existed = true});
  watches.Touch(0, "b");
  EXPECT_FALSE(watches.IsTouched(1));
  watches.Touch(0, "a");
  EXPECT_TRUE(watches.IsTouched(1));
  EXPECT_FALSE(watches.IsTouched(2));
  EXPECT_FALSE(watches.IsTouched(3));
  watches.Forget(1);
  EXPECT_FALSE(watches.IsTouched(1));
  EXPECT_EQ(watches.key_count(), 1u);
}

TEST(Watches, ExpiryIsNoNewsToThoseWhoSawNothing) {
  Watches watches;
  watches.Add(1, {.db = 0, .name = "a", .existed = true});
  watches.Add(2, {.db = 0, .name = "a", .existed = false});
  watches.TouchExpired(0, "a");
  EXPECT_TRUE(watches.IsTouched(1));
  EXPECT_FALSE(watches.IsTouched(2));
}

TEST(Watches, EmptiedDatabaseTouchesWhatWasThere) {
  Watches watches;
  watches.Add(1, {.db = 0, .name = "a", .existed = true});
  watches.Add(2, {.db = 0, .name = "b", .existed = false});
  watches.Add(3, {.db = 1, .name = "a", .existed = true});
  watches.TouchDatabase(0);
  EXPECT_TRUE(watches.IsTouched(1));
  EXPECT_FALSE(watches.IsTouched(2));
  EXPECT_FALSE(watches.IsTouched(3));
}

TEST(Watches, KeyNamedTwiceIsWatchedOnce) {
  Watches watches;
  watches.Add(1, {.db = 0, .name = "a", .existed = true});
  watches.Add(1, {.db = 0, .name = "a", .existed = false});
  EXPECT_EQ(watches.CountOf(1), 1u);
  watches.TouchExpired(0, "a");
  EXPECT_TRUE(watches.IsTouched(1));
  watches.Forget(1);
  EXPECT_EQ(watches.key_count(), 0u);
}

}  // namespace
}  // namespace server
