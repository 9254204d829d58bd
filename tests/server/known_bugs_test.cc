// Faults that others' servers had, as tests named after them. Those that a transcript can show are
// in tests/transcripts/abuse_*.txt.
#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"
#include "server/core/command_table.h"
#include "server/limits.h"
#include "tests/support/test_server.h"

namespace server {
namespace {

using tests::TestClient;
using tests::TestServer;

constexpr int kManyIds = 100'000;

// The words of a command, followed by very many IDs.
std::vector<std::string> WithManyIds(std::vector<std::string> words) {
  for (int i = 0; i < kManyIds; ++i) words.push_back(std::to_string(i + 1) + "-1");
  return words;
}

class ManyIds : public testing::Test {
 protected:
  ManyIds() : client_(server_.Connect()) {
    EXPECT_EQ(client_.Call("XGROUP CREATE s g 0 MKSTREAM"), "+OK");
    for (const std::string id : {"1-1", "7-1", "99999-1"}) client_.Call("XADD s " + id + " f v");
    EXPECT_TRUE(client_.Call("XREADGROUP GROUP g c STREAMS s >").starts_with("[["));
  }
  // How many of the reply's elements are `item`.
  static int Count(const std::string& reply, std::string_view item) {
    int count = 0;
    for (size_t at = reply.find(item); at != std::string::npos; at = reply.find(item, at + 1)) {
      ++count;
    }
    return count;
  }

  TestServer server_;
  TestClient& client_;
};

TEST_F(ManyIds, Cve2025_62507_Xackdel) {
  const std::string reply = client_.CallWords(
      WithManyIds({"XACKDEL", "s", "g", "KEEPREF", "IDS", std::to_string(kManyIds)}));
  EXPECT_EQ(Count(reply, ":1"), 3);
  EXPECT_EQ(Count(reply, ":-1"), kManyIds - 3);
  EXPECT_EQ(client_.Call("XLEN s"), ":0");
}

TEST_F(ManyIds, Cve2025_62507_ItsSiblings) {
  EXPECT_EQ(Count(client_.CallWords(WithManyIds({"XCLAIM", "s", "g", "d", "0"})), "\"f\""), 3);
  EXPECT_EQ(
      client_.CallWords(WithManyIds({"XNACK", "s", "g", "FAIL", "IDS", std::to_string(kManyIds)})),
      ":3");
  EXPECT_EQ(client_.CallWords(WithManyIds({"XACK", "s", "g"})), ":3");
  EXPECT_EQ(client_.CallWords(WithManyIds({"XDEL", "s"})), ":3");
  const std::string gone =
      client_.CallWords(WithManyIds({"XDELEX", "s", "DELREF", "IDS", std::to_string(kManyIds)}));
  EXPECT_EQ(Count(gone, ":-1"), kManyIds);
}

TEST_F(ManyIds, Cve2025_62507_InOneTransaction) {
  EXPECT_EQ(client_.Call("MULTI"), "+OK");
  EXPECT_EQ(client_.CallWords(WithManyIds({"XACK", "s", "g"})), "+QUEUED");
  EXPECT_EQ(client_.CallWords(WithManyIds({"XDEL", "s"})), "+QUEUED");
  EXPECT_EQ(client_.Call("EXEC"), "[:3, :3]");
}

// CVE-2021-21309, -32627, -32628, -41099, CVE-2023-41056: lengths near the ends of their types,
// with an option that allows them.
TEST(KnownBugs, Cve2021_32627_DeclaredLengthsNeitherWrapNorAllocate) {
  TestServer server(nullptr, "proto-max-bulk-len 9223372036854775807\n");
  for (const std::string_view length :
       {"9223372036854775807", "9223372036854775806", "4294967296", "2147483648"}) {
    TestClient& client = server.Connect();
    client.SendBytes("*2\r\n$4\r\nECHO\r\n$" + std::string(length) + "\r\nabc");
    EXPECT_EQ(client.NextReply(), "");
    EXPECT_LT(client.session()->memory_bytes(), 64u * 1024);
    client.Disconnect();
  }
  TestClient& client = server.Connect();
  client.SendBytes("*1\r\n$9223372036854775808\r\n");
  EXPECT_EQ(client.NextReply(), "-ERR Protocol error: invalid bulk length");
}

// CVE-2021-32675: what is declared before AUTH, and how much of it is kept.
TEST(KnownBugs, Cve2021_32675_BeforeAuthRequestsAreSmall) {
  TestServer server(nullptr, "requirepass secret\n");
  TestClient& most = server.Connect();
  most.SendBytes("*10\r\n$4\r\nAUTH\r\n");
  EXPECT_EQ(most.NextReply(), "");
  for (const auto& [request, error] : std::vector<std::pair<std::string, std::string>>{
           {"*11\r\n", "-ERR Protocol error: unauthenticated multibulk length"},
           {"*1000000000\r\n", "-ERR Protocol error: unauthenticated multibulk length"},
           {"*2\r\n$4\r\nAUTH\r\n$16385\r\n",
            "-ERR Protocol error: unauthenticated bulk length"}}) {
    TestClient& client = server.Connect();
    client.SendBytes(request);
    EXPECT_EQ(client.NextReply(), error);
    EXPECT_EQ(client.NextReply(), "(closed)");
  }
  TestClient& longest = server.Connect();
  longest.SendBytes("*2\r\n$4\r\nAUTH\r\n$16384\r\n" + std::string(16384, 'x') + "\r\n");
  EXPECT_TRUE(longest.NextReply().starts_with("-WRONGPASS"));
}

// CVE-2025-21605: refusals that a client before AUTH does not read.
TEST(KnownBugs, Cve2025_21605_BeforeAuthUnreadRepliesAreFew) {
  TestServer server(nullptr, "requirepass secret\n");
  TestClient& deaf = server.Connect();
  deaf.set_bytes_per_turn(0);
  for (int i = 0; i < 10'000; ++i) deaf.Queue("PING\r\n");
  for (int i = 0; i < 100; ++i) server.RunTurn();
  EXPECT_LT(deaf.session()->output.size(), 2 * kUnauthenticatedOutputBytes);
}

// CVE-2026-41566 (Kvrocks): commands that forgot to ask for the permission.
TEST(KnownBugs, Cve2026_41566_BeforeAuthNothingRunsButWhatLogsIn) {
  TestServer server(nullptr, "requirepass secret\nenable-debug-command yes\n");
  std::vector<std::string> allowed;
  for (const CommandSpec& spec : AllCommands()) {
    if (!SubcommandsOf(spec).empty()) continue;
    const std::string name(spec.name);
    std::vector<std::string> words = {name.substr(0, name.find('|'))};
    if (words[0] != name) words.push_back(name.substr(words[0].size() + 1));
    words.resize(std::max<size_t>(words.size(), std::abs(spec.arity)), "1");
    server.AdvanceMs(1000);  // Refusals have a bound for each address.
    const std::string reply = server.Connect().CallWords(words);
    if (reply.find("NOAUTH Authentication required.") == std::string::npos) {
      allowed.push_back(name);
    }
  }
  EXPECT_EQ(allowed, std::vector<std::string>({"auth", "hello", "quit", "reset"}));
}

// CVE-2026-23479: whoever is served while readers are run again may be ended by what is run.
TEST(KnownBugs, Cve2026_23479_AReaderMayGoWhileReadersAreServed) {
  TestServer server;
  TestClient& writer = server.Connect();
  ASSERT_EQ(writer.Call("XGROUP CREATE s g $ MKSTREAM"), "+OK");
  std::vector<TestClient*> readers;
  for (int i = 0; i < 8; ++i) {
    readers.push_back(&server.Connect());
    // Each has something behind its read that ends the next one, or itself.
    readers.back()->SendBytes(
        "XREADGROUP GROUP g c COUNT 1 BLOCK 0 STREAMS s >\r\nCLIENT KILL ID " +
        std::to_string(readers.back()->id() + (i % 2 == 0 ? 1 : 0)) + " SKIPME no\r\n");
  }
  std::string adds = "MULTI\r\n";
  for (int i = 0; i < 8; ++i) adds += "XADD s * f v\r\n";
  writer.SendBytes(adds + "EXEC\r\n");
  EXPECT_TRUE(readers[0]->NextReply().starts_with("[["));
  for (TestClient* reader : readers) {
    if (reader->is_closed()) {
      EXPECT_EQ(reader->NextReply(), "(closed)");
    }
  }
  EXPECT_TRUE(readers[1]->is_closed());
  EXPECT_TRUE(server.Connect().Call("XPENDING s g").starts_with("[:8,"))
      << "all were served before";
  EXPECT_EQ(server.context().waiters().client_count(), 0u);
}

// redis #6703 and others: as many wake-ups as there is something to get, in the order of blocking.
TEST(KnownBugs, Redis6703_OneEntryGoesToTheFirstOfManyReaders) {
  TestServer server;
  TestClient& writer = server.Connect();
  ASSERT_EQ(writer.Call("XGROUP CREATE s g $ MKSTREAM"), "+OK");
  std::vector<TestClient*> readers;
  for (int i = 0; i < 100; ++i) {
    readers.push_back(&server.Connect());
    readers.back()->Call("XREADGROUP GROUP g c BLOCK 0 STREAMS s >");
  }
  for (size_t i = 0; i < readers.size(); ++i) {
    writer.Call("XADD s " + std::to_string(i + 1) + "-0 f v");
    EXPECT_EQ(readers[i]->NextReply(),
              "[[\"s\", [[\"" + std::to_string(i + 1) + "-0\", [\"f\", \"v\"]]]]]");
    EXPECT_TRUE(i + 1 == readers.size() || readers[i + 1]->is_blocked());
  }
}

}  // namespace
}  // namespace server
