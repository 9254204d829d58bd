// MONITOR and CLIENT PAUSE across several clients; what of a command stays secret.
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "server/core/client_pause.h"
#include "server/core/command_table.h"
#include "server/core/monitors.h"
#include "server/core/secrets.h"
#include "server/limits.h"
#include "tests/support/test_server.h"

namespace server {
namespace {

using tests::TestClient;
using tests::TestServer;

using Words = std::vector<std::string_view>;

Words Shown(std::string_view command, const Words& args) {
  return WithoutSecrets(*FindCommandByFullName(command), args);
}

TEST(Secrets, AreHiddenWhereverTheyStand) {
  constexpr std::string_view kHidden = "(redacted)";
  EXPECT_EQ(Shown("auth", {"auth", "p"}), (Words{"auth", kHidden}));
  EXPECT_EQ(Shown("auth", {"AUTH", "u", "p", "x"}), (Words{"AUTH", kHidden, kHidden, kHidden}));
  EXPECT_EQ(Shown("hello", {"hello", "3", "setname", "auth", "auth", "u", "p"}),
            (Words{"hello", "3", "setname", "auth", "auth", kHidden, kHidden}));
  EXPECT_EQ(Shown("hello", {"hello", "3", "AUTH", "u"}), (Words{"hello", "3", "AUTH", kHidden}));
  EXPECT_EQ(Shown("hello", {"hello"}), (Words{"hello"}));
  EXPECT_EQ(Shown("config|set", {"config", "set", "timeout", "requirepass", "REQUIREPASS", "p"}),
            (Words{"config", "set", "timeout", "requirepass", "REQUIREPASS", kHidden}));
  EXPECT_EQ(Shown("config|set", {"config", "set", "requirepass"}),
            (Words{"config", "set", "requirepass"}));
  EXPECT_EQ(Shown("acl|setuser", {"acl", "setuser", "u", ">p"}),
            (Words{"acl", "setuser", kHidden, kHidden}));
  EXPECT_EQ(Shown("xadd", {"xadd", "auth", "*", "auth", "p"}),
            (Words{"xadd", "auth", "*", "auth", "p"}));
}

TEST(MonitorLine, EscapesWhatCannotBeShown) {
  const Words args = {"a\"b\\", "\n\r\t\a\b", std::string_view("\0\x7f\xff ~", 5), ""};
  EXPECT_EQ(MonitorLine(1'700'000'000'000'042, 3, "1.2.3.4:5", args),
            "1700000000.000042 [3 1.2.3.4:5] \"a\\\"b\\\\\" \"\\n\\r\\t\\a\\b\" "
            "\"\\x00\\x7f\\xff ~\" \"\"");
}

TEST(Monitor, IsSentEveryCommandAndLeavesWithReset) {
  TestServer server;
  TestClient& client = server.Connect();
  TestClient& monitor = server.Connect();
  EXPECT_EQ(monitor.Call("MONITOR"), "+OK");
  EXPECT_EQ(client.Call("PING"), "+PONG");
  EXPECT_EQ(monitor.NextReply(), "+1700000000.000000 [0 127.0.0.1:50001] \"PING\"");
  EXPECT_EQ(monitor.Call("RESET"), "+RESET");
  EXPECT_TRUE(server.context().monitors().empty());
  client.Call("PING");
  EXPECT_EQ(monitor.NextReply(), "");
}

TEST(Monitor, AReadThatWaitsIsShownOnce) {
  TestServer server;
  TestClient& client = server.Connect();
  TestClient& reader = server.Connect();
  TestClient& monitor = server.Connect();
  monitor.Call("MONITOR");
  reader.Call("XREAD BLOCK 0 STREAMS s $");
  client.Call("XADD s 1-1 f v");
  EXPECT_NE(monitor.NextReply().find("\"XREAD\" \"BLOCK\""), std::string::npos);
  EXPECT_NE(monitor.NextReply().find("\"XADD\""), std::string::npos);
  EXPECT_EQ(monitor.NextReply(), "");
}

TEST(Monitor, ACommandThatHadToBeLoadedIsShownOnce) {
  TestServer server;
  server.Connect().Call("XADD s 1-1 f v");
  server.Reopen();
  TestClient& client = server.Connect();
  TestClient& monitor = server.Connect();
  monitor.Call("MONITOR");
  EXPECT_EQ(client.Call("XLEN s"), ":1");
  EXPECT_NE(monitor.NextReply().find("\"XLEN\" \"s\""), std::string::npos);
  EXPECT_EQ(monitor.NextReply(), "");
}

TEST(Monitor, OneThatDoesNotReadIsClosed) {
  TestServer server;
  TestClient& client = server.Connect();
  TestClient& deaf = server.Connect();
  deaf.Call("MONITOR");
  deaf.set_bytes_per_turn(0);
  const std::string text(4 << 20, 'x');
  size_t commands = 0;
  while (!deaf.is_closed() && commands < 100) {
    client.CallWords({"ECHO", text});
    ++commands;
  }
  EXPECT_EQ(commands, kMonitorOutputBytes / (4 << 20) + 1);
  EXPECT_TRUE(server.context().monitors().empty());
}

TEST(Monitor, IsExemptFromTheTimeout) {
  TestServer server;
  TestClient& monitor = server.Connect();
  TestClient& idle = server.Connect();
  monitor.Call("CONFIG SET timeout 10");
  monitor.Call("MONITOR");
  server.AdvanceMs(11'000);
  server.dispatcher().Tick();
  server.dispatcher().Tick();
  EXPECT_TRUE(idle.is_closed());
  EXPECT_FALSE(monitor.is_closed());
}

TEST(Login, MustComeInTime) {
  TestServer server;
  TestClient& client = server.Connect();
  client.Call("CONFIG SET requirepass secret auth-timeout 10");
  client.Call("AUTH secret");
  TestClient& stranger = server.Connect();
  TestClient& guest = server.Connect();
  EXPECT_EQ(guest.Call("AUTH secret"), "+OK");
  server.AdvanceMs(9'000);
  stranger.Call("PING");
  server.AdvanceMs(2'000);
  server.dispatcher().Tick();
  EXPECT_TRUE(stranger.is_closed());
  EXPECT_FALSE(guest.is_closed());
  EXPECT_FALSE(client.is_closed());
}

TEST(ClientPause, IsNeitherShortenedNorNarrowed) {
  ClientPause pause;
  EXPECT_FALSE(pause.HoldsBack(kWrite, 0));
  pause.Begin(ClientPause::Mode::kAll, 100, 0);
  pause.Begin(ClientPause::Mode::kWrites, 50, 10);
  EXPECT_TRUE(pause.HoldsBack(kReadonly, 99));
  EXPECT_FALSE(pause.HoldsBack(kWrite, 100));
  // Once it is over the next one counts alone.
  pause.Begin(ClientPause::Mode::kWrites, 130, 120);
  EXPECT_FALSE(pause.HoldsBack(kReadonly, 121));
  EXPECT_TRUE(pause.HoldsBack(kMayReplicate, 121));
  pause.End();
  EXPECT_FALSE(pause.HoldsBack(kWrite, 121));
}

TEST(ClientPause, OfAllHoldsEverythingUntilItsTimeIsUp) {
  TestServer server;
  TestClient& first = server.Connect();
  TestClient& second = server.Connect();
  TestClient& third = server.Connect();
  EXPECT_EQ(first.Call("CLIENT PAUSE 100"), "+OK");
  second.SendBytes("XADD s 1-1 f v\r\nXADD s 2-1 f v\r\n");
  third.SendBytes("XLEN s\r\n");
  first.SendBytes("CLIENT UNPAUSE\r\nPING\r\n");
  EXPECT_EQ(server.context().pause().waiting_clients(), 3u);
  EXPECT_EQ(server.dispatcher().NextDueMicros(), server.clock().MonotonicMicros() + 100'000);
  server.AdvanceMs(99);
  EXPECT_EQ(second.NextReply(), "");
  EXPECT_TRUE(second.is_blocked());
  server.AdvanceMs(1);
  EXPECT_EQ(second.NextReply(), "\"1-1\"");
  EXPECT_EQ(second.NextReply(), "\"2-1\"");
  // It came behind the first XADD of the other client and before the second.
  EXPECT_EQ(third.NextReply(), ":1");
  EXPECT_EQ(first.NextReply(), "+OK");
  EXPECT_EQ(first.NextReply(), "+PONG");
  EXPECT_EQ(server.context().pause().waiting_clients(), 0u);
  EXPECT_EQ(server.dispatcher().NextDueMicros(), Waiters::kForever);
}

TEST(ClientPause, APauseThatWaitedHoldsThoseBehindIt) {
  TestServer server;
  TestClient& first = server.Connect();
  TestClient& second = server.Connect();
  first.Call("CLIENT PAUSE 100");
  first.SendBytes("CLIENT PAUSE 50 WRITE\r\n");
  second.SendBytes("XADD s 1-1 f v\r\n");
  server.AdvanceMs(100);
  EXPECT_EQ(first.NextReply(), "+OK");
  EXPECT_EQ(second.NextReply(), "");
  server.AdvanceMs(50);
  EXPECT_EQ(second.NextReply(), "\"1-1\"");
}

TEST(ClientPause, WhoLeavesMeanwhileIsForgotten) {
  TestServer server;
  TestClient& client = server.Connect();
  TestClient& gone = server.Connect();
  client.Call("CLIENT PAUSE 100 WRITE");
  gone.SendBytes("XADD s 1-1 f v\r\n");
  gone.Disconnect();
  EXPECT_EQ(server.context().pause().waiting_clients(), 0u);
  server.AdvanceMs(100);
  EXPECT_EQ(client.Call("EXISTS s"), ":0");
}

TEST(ClientPause, OfWritesHoldsATransactionThatWritesAndPublish) {
  TestServer server;
  TestClient& client = server.Connect();
  TestClient& other = server.Connect();
  TestClient& third = server.Connect();
  client.Call("CLIENT PAUSE 100 WRITE");
  EXPECT_EQ(other.Call("MULTI"), "+OK");
  EXPECT_EQ(other.Call("XLEN s"), "+QUEUED");
  other.SendBytes("XADD s 1-1 f v\r\nEXEC\r\n");
  third.SendBytes("PUBLISH c m\r\n");
  EXPECT_EQ(other.NextReply(), "");
  EXPECT_EQ(third.NextReply(), "");
  server.AdvanceMs(100);
  EXPECT_EQ(other.NextReply(), "+QUEUED");
  EXPECT_EQ(other.NextReply(), "[:0, \"1-1\"]");
  EXPECT_EQ(third.NextReply(), ":0");
}

TEST(Monitor, ShowsATransactionAsItRuns) {
  TestServer server;
  TestClient& client = server.Connect();
  TestClient& monitor = server.Connect();
  monitor.Call("MONITOR");
  client.SendBytes("MULTI\r\nSELECT 3\r\nXLEN s\r\nEXEC\r\n");
  for (const char* end : {"[0 127.0.0.1:50001] \"MULTI\"", "[3 127.0.0.1:50001] \"SELECT\" \"3\"",
                          "[3 127.0.0.1:50001] \"XLEN\" \"s\"", "[3 127.0.0.1:50001] \"EXEC\""}) {
    const std::string line = monitor.NextReply();
    EXPECT_TRUE(line.ends_with(end)) << line;
  }
  // Its own lines stand behind its own reply.
  monitor.SendBytes("MULTI\r\nPING\r\nEXEC\r\n");
  EXPECT_EQ(monitor.NextReply(), "+OK");
  EXPECT_TRUE(monitor.NextReply().ends_with("\"MULTI\""));
  EXPECT_EQ(monitor.NextReply(), "+QUEUED");
  EXPECT_EQ(monitor.NextReply(), "[+PONG]");
  EXPECT_TRUE(monitor.NextReply().ends_with("\"PING\""));
  EXPECT_TRUE(monitor.NextReply().ends_with("\"EXEC\""));
}

TEST(ClientPause, RefusedCommandsDoNotWait) {
  TestServer server;
  TestClient& client = server.Connect();
  TestClient& other = server.Connect();
  client.Call("CLIENT PAUSE 100");
  EXPECT_EQ(other.Call("XADD s"), "-ERR wrong number of arguments for 'xadd' command");
  EXPECT_EQ(other.Call("NOPE"), "-ERR unknown command 'NOPE', with args beginning with: ");
}

TEST(ClientPause, ASaveThatWaitedForItsEndStillSaves) {
  TestServer server;
  TestClient& client = server.Connect();
  TestClient& other = server.Connect();
  client.Call("CLIENT PAUSE 100");
  other.SendBytes("SAVE\r\n");
  server.AdvanceMs(100);
  server.Run();  // The checkpoint ended with the turn before.
  EXPECT_EQ(other.NextReply(), "+OK");
}

TEST(Wait, WithoutReplicasEndsWithItsTime) {
  TestServer server;
  TestClient& client = server.Connect();
  EXPECT_EQ(client.Call("WAIT 1 100"), "");
  EXPECT_TRUE(client.is_blocked());
  server.AdvanceMs(100);
  EXPECT_EQ(client.NextReply(), ":0");
  EXPECT_EQ(client.Call("WAIT 1 0"), "");
  server.AdvanceMs(1'000'000);
  EXPECT_TRUE(client.is_blocked());
}

TEST(Debug, IsForLocalClientsOnlyWhereTheOptionSaysSo) {
  TestServer server(nullptr, "enable-debug-command local");
  EXPECT_EQ(server.Connect().Call("DEBUG SLEEP 0"), "+OK");
}

TEST(Debug, ReloadKeepsEverythingAndWaitersWait) {
  TestServer server(nullptr, "enable-debug-command yes");
  TestClient& client = server.Connect();
  TestClient& reader = server.Connect();
  client.Call("XADD s 1-1 f v");
  client.Call("XGROUP CREATE s g 0");
  client.Call("XREADGROUP GROUP g c STREAMS s >");
  reader.Call("XREADGROUP GROUP g d BLOCK 0 STREAMS s >");
  client.SendBytes("XADD t 1-1 f v\r\nDEBUG RELOAD\r\nXADD t 2-1 f v\r\nXLEN t\r\n");
  EXPECT_EQ(client.NextReply(), "\"1-1\"");
  EXPECT_EQ(client.NextReply(), "+OK");
  EXPECT_EQ(client.NextReply(), "\"2-1\"");
  EXPECT_EQ(client.NextReply(), ":2");
  EXPECT_EQ(client.Call("XPENDING s g"), "[:1, \"1-1\", \"1-1\", [[\"c\", \"1\"]]]");
  EXPECT_TRUE(reader.is_blocked());
  client.Call("XADD s 2-1 f v");
  EXPECT_EQ(reader.NextReply(), "[[\"s\", [[\"2-1\", [\"f\", \"v\"]]]]]");
  server.Reopen();
  EXPECT_EQ(server.Connect().Call("XLEN s"), ":2");
}

TEST(Version, OlderOnesDoNotShowNewerNames) {
  TestServer server(nullptr, "redis-version 7.2.4");
  TestClient& client = server.Connect();
  client.Call("XADD s 1-1 f v");
  client.Call("XGROUP CREATE s g 0");
  const std::string info = client.Call("XINFO STREAM s");
  EXPECT_EQ(info.find("idmp"), std::string::npos) << info;
  EXPECT_EQ(info.find("iids"), std::string::npos) << info;
  const std::string full = client.Call("XINFO STREAM s FULL");
  EXPECT_EQ(full.find("nacked-count"), std::string::npos) << full;
  EXPECT_EQ(full.find("pids"), std::string::npos) << full;
  const std::string line = client.Call("CLIENT INFO");
  EXPECT_NE(line.find(" multi=-1 qbuf="), std::string::npos) << line;
  EXPECT_TRUE(line.ends_with(" lib-name= lib-ver=\\n\"")) << line;
  client.Call("HELLO 3");
  EXPECT_TRUE(client.Call("XINFO STREAM s").starts_with("{\"length\": :1,"));
  EXPECT_NE(client.Call("XINFO STREAM s FULL").find("\"lag\": :1, \"pel-count\": :0, \"pending\""),
            std::string::npos);
}

}  // namespace
}  // namespace server
