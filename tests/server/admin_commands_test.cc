// SAVE, BGSAVE, SHUTDOWN, CONFIG and INFO on a whole server: what transcripts cannot see.
#include <string>

#include "gtest/gtest.h"
#include "tests/support/test_server.h"

namespace server {
namespace {

using tests::TestClient;
using tests::TestServer;

// The value of a field in the text of INFO.
std::string Field(TestClient& client, const std::string& name) {
  const std::string text = client.Call("INFO all");
  const std::string start = "\\n" + name + ":";
  const size_t at = text.find(start);
  if (at == std::string::npos) return "no such field";
  const size_t value = at + start.size();
  return text.substr(value, text.find("\\r", value) - value);
}

TEST(Save, AnswersWhenTheCheckpointIsDone) {
  TestServer server;
  TestClient& client = server.Connect();
  EXPECT_EQ(client.Call("XADD s 1-1 f v"), "\"1-1\"");
  EXPECT_NE(Field(client, "rdb_changes_since_last_save"), "0");
  EXPECT_EQ(client.Call("SAVE"), "+OK");
  EXPECT_EQ(Field(client, "rdb_changes_since_last_save"), "0");
  EXPECT_EQ(Field(client, "rdb_bgsave_in_progress"), "0");
  EXPECT_EQ(Field(client, "rdb_last_bgsave_status"), "ok");
}

TEST(Save, OneAtATimeAndOthersGoOnMeanwhile) {
  TestServer server;
  TestClient& client = server.Connect();
  TestClient& other = server.Connect();
  client.Queue("SAVE\r\n");
  other.Queue("SAVE\r\nBGSAVE\r\nPING\r\n");
  server.Run();
  EXPECT_EQ(client.NextReply(), "+OK");
  EXPECT_EQ(other.NextReply(), "-ERR Background save already in progress");
  EXPECT_EQ(other.NextReply(), "-ERR Background save already in progress");
  EXPECT_EQ(other.NextReply(), "+PONG");
}

TEST(Save, AClientThatIsKilledMeanwhileHarmsNothing) {
  TestServer server;
  TestClient& client = server.Connect();
  TestClient& other = server.Connect();
  client.Queue("SAVE\r\n");
  other.Queue("CLIENT KILL ID " + std::to_string(client.id()) + "\r\n");
  server.Run();
  EXPECT_TRUE(client.is_closed());
  EXPECT_EQ(other.NextReply(), ":1");
  EXPECT_EQ(other.Call("SAVE"), "+OK");
}

TEST(Save, ItsEndDoesNotTouchWhatAnUnblockedClientWaitsForNext) {
  TestServer server;
  TestClient& client = server.Connect();
  TestClient& other = server.Connect();
  client.Queue("SAVE\r\nXREAD BLOCK 0 STREAMS s $\r\n");
  other.Queue("CLIENT UNBLOCK " + std::to_string(client.id()) + "\r\n");
  server.Run();
  EXPECT_EQ(other.NextReply(), ":1");
  EXPECT_EQ(client.NextReply(), "NIL");
  EXPECT_TRUE(client.is_blocked());
  EXPECT_EQ(other.Call("XADD s 5-1 f v"), "\"5-1\"");
  EXPECT_EQ(client.NextReply(), "[[\"s\", [[\"5-1\", [\"f\", \"v\"]]]]]");
}

TEST(Save, LastSaveAdvances) {
  TestServer server;
  TestClient& client = server.Connect();
  EXPECT_EQ(client.Call("SAVE"), "+OK");
  const std::string before = client.Call("LASTSAVE");
  server.AdvanceMs(2000);
  EXPECT_EQ(client.Call("BGSAVE SCHEDULE"), "+Background saving started");
  server.Run();
  const std::string after = client.Call("LASTSAVE");
  EXPECT_EQ(std::stoll(after.substr(1)), std::stoll(before.substr(1)) + 2);
}

TEST(Save, SurvivesACleanRestart) {
  TestServer server;
  EXPECT_EQ(server.Connect().Call("XADD s 1-1 f v"), "\"1-1\"");
  EXPECT_EQ(server.Connect().Call("BGSAVE"), "+Background saving started");
  server.Reopen();
  EXPECT_EQ(server.Connect().Call("XLEN s"), ":1");
}

TEST(Shutdown, ClosesWithoutAnAnswerAndRunsNothingMore) {
  TestServer server;
  TestClient& client = server.Connect();
  client.SendBytes("PING\r\nSHUTDOWN NOSAVE NOW FORCE\r\nXADD s 1-1 f v\r\n");
  EXPECT_EQ(client.NextReply(), "+PONG");
  EXPECT_EQ(client.NextReply(), "(closed)");
  EXPECT_TRUE(server.stop_requested());
  EXPECT_EQ(server.Connect().Call("EXISTS s"), ":0");
}

TEST(Shutdown, BadWordsStopNothing) {
  TestServer server;
  TestClient& client = server.Connect();
  for (const char* line : {"SHUTDOWN FOO", "SHUTDOWN SAVE NOSAVE", "SHUTDOWN ABORT NOW",
                           "SHUTDOWN NOSAVE SAVE NOW", "SHUTDOWN ABORT FORCE"}) {
    EXPECT_EQ(client.Call(line), "-ERR syntax error") << line;
  }
  EXPECT_EQ(client.Call("SHUTDOWN ABORT"), "-ERR No shutdown in progress.");
  EXPECT_FALSE(server.stop_requested());
}

TEST(InfoCommand, CountsCommandsAndErrors) {
  TestServer server;
  TestClient& client = server.Connect();
  client.Call("XADD s 1-1 f v");
  client.Call("XADD s 1-1 f v");
  client.Call("XADD s");
  client.Call("XGROUP CREATE s g 0");
  client.Call("NOPE");
  client.Call("XREADGROUP GROUP h c STREAMS s >");
  const std::string text = client.Call("INFO commandstats errorstats");
  EXPECT_NE(text.find("cmdstat_xadd:calls=2,usec="), std::string::npos) << text;
  EXPECT_NE(text.find("rejected_calls=1,failed_calls=1\\r\\ncmdstat_xgroup|create:calls=1,"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("errorstat_ERR:count=3\\r\\nerrorstat_NOGROUP:count=1\\r\\n"),
            std::string::npos)
      << text;
  EXPECT_EQ(client.Call("CONFIG RESETSTAT"), "+OK");
  EXPECT_EQ(client.Call("INFO errorstats"), "\"# Errorstats\\r\\n\"");
  EXPECT_EQ(client.Call("INFO commandstats").find("xadd"), std::string::npos);
}

TEST(InfoCommand, TellsOfClientsAndKeys) {
  TestServer server;
  TestClient& client = server.Connect();
  TestClient& reader = server.Connect();
  reader.Send({"XREAD", "BLOCK", "0", "STREAMS", "a", "b", "$", "$"});
  EXPECT_EQ(Field(client, "connected_clients"), "2");
  EXPECT_EQ(Field(client, "blocked_clients"), "1");
  EXPECT_EQ(Field(client, "total_blocking_keys"), "2");
  client.Call("XADD s 1-1 f v");
  client.Call("SELECT 3");
  client.Call("XADD s 1-1 f v");
  client.Call("XADD t 1-1 f v");
  EXPECT_EQ(Field(client, "db0"), "keys=1,expires=0,avg_ttl=0,subexpiry=0");
  EXPECT_EQ(Field(client, "db1"), "no such field");
  EXPECT_EQ(Field(client, "db3"), "keys=2,expires=0,avg_ttl=0,subexpiry=0");
  EXPECT_EQ(Field(client, "run_id").size(), 40u);
}

TEST(InfoCommand, IsVerbatimTextInResp3) {
  TestServer server;
  TestClient& client = server.Connect();
  client.Call("HELLO 3");
  EXPECT_EQ(client.Call("INFO cluster"), "=\"txt:# Cluster\\r\\ncluster_enabled:0\\r\\n\"");
}

TEST(ConfigCommand, AMapInResp3) {
  TestServer server;
  TestClient& client = server.Connect();
  EXPECT_EQ(client.Call("CONFIG GET databases"), "[\"databases\", \"16\"]");
  client.Call("HELLO 3");
  EXPECT_EQ(client.Call("CONFIG GET databases"), "{\"databases\": \"16\"}");
  EXPECT_EQ(client.Call("CONFIG GET nope"), "{}");
}

TEST(KeyCommands, DeletingWakesGroupReaders) {
  TestServer server;
  TestClient& client = server.Connect();
  TestClient& reader = server.Connect();
  for (const char* line : {"DEL s", "UNLINK x s", "FLUSHDB", "FLUSHALL"}) {
    client.Call("XGROUP CREATE s g $ MKSTREAM");
    reader.Send({"XREADGROUP", "GROUP", "g", "c", "BLOCK", "0", "STREAMS", "s", ">"});
    EXPECT_EQ(reader.NextReply(), "") << line;
    client.Call(line);
    EXPECT_EQ(reader.NextReply(),
              "-NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option")
        << line;
  }
}

TEST(KeyCommands, FlushOfAnotherDatabaseWakesNobody) {
  TestServer server;
  TestClient& client = server.Connect();
  TestClient& reader = server.Connect();
  client.Call("XGROUP CREATE s g $ MKSTREAM");
  reader.Send({"XREADGROUP", "GROUP", "g", "c", "BLOCK", "0", "STREAMS", "s", ">"});
  client.Call("SELECT 1");
  client.Call("FLUSHDB");
  EXPECT_EQ(reader.NextReply(), "");
  EXPECT_TRUE(reader.is_blocked());
}

TEST(KeyCommands, AScanSeesEveryKeyThatStays) {
  constexpr int kKeys = 500;
  TestServer server;
  TestClient& client = server.Connect();
  for (int i = 0; i < kKeys; ++i) {
    client.Call("XADD key:" + std::to_string(i) + " 1-1 f v");
  }
  std::string all;
  std::string cursor = "0";
  int pages = 0;
  do {
    client.Call("DEL key:" + std::to_string(pages));
    client.Call("XADD new:" + std::to_string(pages) + " 1-1 f v");
    const std::string page = client.Call("SCAN " + cursor + " MATCH key:* COUNT 20 TYPE stream");
    all += page;
    const size_t begin = page.find('"') + 1;
    cursor = page.substr(begin, page.find('"', begin) - begin);
    ++pages;
  } while (cursor != "0" && pages < kKeys);
  EXPECT_GT(pages, 5);
  EXPECT_LT(pages, kKeys);
  for (int i = pages; i < kKeys; ++i) {
    EXPECT_NE(all.find("\"key:" + std::to_string(i) + "\""), std::string::npos) << i;
  }
  EXPECT_EQ(all.find("new:"), std::string::npos);
}

TEST(KeyCommands, ColdKeysAreCountedAndDeleted) {
  TestServer server;
  for (const char* line : {"XADD a 1-1 f v", "XADD b 1-1 f v", "XADD c 1-1 f v"}) {
    server.Connect().Call(line);
  }
  server.Reopen();
  TestClient& client = server.Connect();
  EXPECT_EQ(client.Call("DBSIZE"), ":3");
  EXPECT_EQ(client.Call("EXISTS a b a none"), ":3");
  EXPECT_EQ(client.Call("TYPE c"), "+stream");
  EXPECT_EQ(client.Call("DEL a b none"), ":2");
  EXPECT_EQ(client.Call("KEYS *"), "[\"c\"]");
  EXPECT_EQ(client.Call("RANDOMKEY"), "\"c\"");
  server.Reopen();
  EXPECT_EQ(server.Connect().Call("KEYS *"), "[\"c\"]");
}

}  // namespace
}  // namespace server
