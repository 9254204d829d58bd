// What hostile and clumsy clients meet: limits on those that have not logged in, on requests that
// do not arrive, and on what all clients' buffers take together.
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"
#include "server/limits.h"
#include "server/net/limits.h"
#include "tests/server/net_fixture.h"

namespace server {
namespace {

constexpr std::string_view kWrong =
    "-WRONGPASS invalid username-password pair or user is disabled.\r\n";
constexpr std::string_view kRefused = "-ERR max number of clients reached\r\n";

class HostileTest : public ConnectionTest {
 protected:
  Peer From(std::string network) {
    return {.address = network + ":5", .network = network, .is_loopback = true};
  }
  // Time passes as it does in ticks of the server.
  void Pass(int64_t seconds) {
    for (int64_t i = 0; i < seconds * kTicksPerOutputCheck; ++i) {
      server_.clock().AdvanceMs(1000 / kTicksPerOutputCheck);
      server_.dispatcher().Tick();
      table_->Tick();
      Turn();
    }
  }
  void PassMs(int64_t ms) {
    server_.clock().AdvanceMs(ms);
    Turns(2);
  }
};

// --- Logging in

TEST_F(HostileTest, AWrongPasswordHoldsUpWhatFollowsIt) {
  Configure({"requirepass", "secret"});
  TestPeer client = Connect(From("10.0.0.1"));
  EXPECT_EQ(Exchange(client, "AUTH no\r\nAUTH secret\r\nPING\r\n"), kWrong);
  PassMs(99);
  EXPECT_EQ(client.Receive(), "");
  PassMs(1);
  EXPECT_EQ(client.Receive(), "+OK\r\n+PONG\r\n");
}

TEST_F(HostileTest, EachFurtherWrongPasswordHoldsUpLonger) {
  Configure({"requirepass", "secret"});
  TestPeer client = Connect(From("10.0.0.1"));
  EXPECT_EQ(Exchange(client, "HELLO 3 AUTH default no\r\nAUTH no\r\nAUTH no\r\n"), kWrong);
  PassMs(100);
  EXPECT_EQ(client.Receive(), kWrong);
  PassMs(100);
  EXPECT_EQ(client.Receive(), "");
  PassMs(100);
  EXPECT_EQ(client.Receive(), kWrong);
}

TEST_F(HostileTest, AnAddressGetsTenAnswersASecondHoweverManyClientsItHas) {
  Configure({"requirepass", "secret"});
  std::vector<TestPeer> guessers;
  for (int i = 0; i < 50; ++i) guessers.push_back(Connect(From("10.0.0.1")));
  TestPeer other = Connect(From("10.0.0.2"));
  for (TestPeer& guesser : guessers) guesser.Send("AUTH no\r\nAUTH no\r\nAUTH no\r\n");
  size_t answers = 0;
  constexpr int kRounds = 30;
  for (int i = 0; i < kRounds; ++i) {
    PassMs(100);
    for (TestPeer& guesser : guessers) answers += guesser.Receive().size() / kWrong.size();
  }
  EXPECT_GE(answers, 25u) << "nobody's turn is lost";
  EXPECT_LE(answers, kRounds + 1u);
  EXPECT_EQ(Exchange(other, "AUTH secret\r\nPING\r\n"), "+OK\r\n+PONG\r\n") << "nobody else waits";
}

TEST_F(HostileTest, WhoKnowsThePasswordDoesNotWaitForOthersWhoDo) {
  Configure({"requirepass", "secret"});
  std::vector<TestPeer> clients;
  for (int i = 0; i < 100; ++i) clients.push_back(Connect(From("10.0.0.1")));
  TestPeer mistaken = Connect(From("10.0.0.1"));
  EXPECT_EQ(Exchange(mistaken, "AUTH no\r\nAUTH no\r\nAUTH no\r\n"), kWrong);
  for (TestPeer& client : clients) client.Send("AUTH secret\r\n");
  Turns(5);
  PassMs(100);  // The first in line is wrong again.
  PassMs(100);
  Turns(150);
  int logged_in = 0;
  for (TestPeer& client : clients) logged_in += client.Receive() == "+OK\r\n" ? 1 : 0;
  EXPECT_EQ(logged_in, 100);
  EXPECT_EQ(mistaken.Receive(), kWrong);
}

TEST_F(HostileTest, WhoHasLoggedInIsNotHeldUp) {
  Configure({"requirepass", "secret"});
  TestPeer good = Connect(From("10.0.0.1"));
  EXPECT_EQ(Exchange(good, "AUTH secret\r\n"), "+OK\r\n");
  TestPeer bad = Connect(From("10.0.0.1"));
  EXPECT_EQ(Exchange(bad, "AUTH no\r\n"), kWrong);
  EXPECT_EQ(Exchange(good, kPing), kPong);
}

TEST_F(HostileTest, GuessersThatGoAwayLeaveNothingBehind) {
  Configure({"requirepass", "secret"});
  for (int i = 0; i < 20; ++i) {
    TestPeer guesser = Connect(From("10.0.0.1"));
    guesser.Send("AUTH no\r\nAUTH no\r\n");
    Turn();
    guesser.Close();
    Turns(2);
  }
  Pass(1);
  EXPECT_EQ(table_->count(), 0u);
  TestPeer client = Connect(From("10.0.0.1"));
  EXPECT_EQ(Exchange(client, "AUTH secret\r\n"), "+OK\r\n") << "no place in the line is taken";
  Pass(11);
  EXPECT_TRUE(server_.context().logins().is_idle());
}

// --- Clients that have not logged in

TEST_F(HostileTest, OldStrangersOfAnAddressMakeRoomForNewOnes) {
  Configure({"requirepass", "secret"});
  std::vector<TestPeer> strangers;
  for (size_t i = 0; i < kStrangersPerAddress; ++i) strangers.push_back(Connect(From("10.0.0.1")));
  TestPeer elsewhere = Connect(From("10.0.0.2"));
  strangers.push_back(Connect(From("10.0.0.1")));
  Turn();
  EXPECT_EQ(table_->count(), kStrangersPerAddress + 2) << "a burst has time to log in";
  PassMs(1000);
  TestPeer good = Connect(From("10.0.0.1"));
  Turn();
  EXPECT_TRUE(strangers[0].IsClosed());
  EXPECT_FALSE(strangers[1].IsClosed());
  EXPECT_FALSE(elsewhere.IsClosed());
  EXPECT_EQ(Exchange(good, "AUTH secret\r\nPING\r\n"), "+OK\r\n+PONG\r\n");
}

TEST_F(HostileTest, WhoHasLoggedInTakesNoStrangersPlace) {
  Configure({"requirepass", "secret"});
  std::vector<TestPeer> clients;
  for (size_t i = 0; i < 2 * kStrangersPerAddress; ++i) {
    clients.push_back(Connect(From("10.0.0.1")));
    EXPECT_EQ(Exchange(clients.back(), "AUTH secret\r\n"), "+OK\r\n");
  }
  PassMs(2000);
  clients.push_back(Connect(From("10.0.0.1")));
  Turn();
  EXPECT_EQ(table_->count(), 2 * kStrangersPerAddress + 1);
}

TEST_F(HostileTest, StrangersTakeOnePlaceInFourAtMost) {
  Configure({"requirepass", "secret", "maxclients", "400"});
  std::vector<TestPeer> strangers;
  for (int i = 0; i < 100; ++i) strangers.push_back(Connect(From("10.0.1." + std::to_string(i))));
  TestPeer refused = Connect(From("10.0.2.1"));
  EXPECT_EQ(refused.Receive(), kRefused);
  PassMs(1000);
  TestPeer good = Connect(From("10.0.2.2"));
  EXPECT_EQ(Exchange(good, "AUTH secret\r\n"), "+OK\r\n");
  EXPECT_TRUE(strangers[0].IsClosed());
  EXPECT_EQ(table_->count(), 100u);
}

TEST_F(HostileTest, StrangersInputIsBoundedTogether) {
  Configure({"requirepass", "secret", "maxclients", "100000"});
  const std::string almost = "*10\r\n" + Repeat("$16384\r\n" + std::string(16384, 'a') + "\r\n", 9);
  std::vector<TestPeer> strangers;
  const size_t count = 2 * kStrangersBytes / almost.size();
  for (size_t i = 0; i < count; ++i) {
    strangers.push_back(Connect(From("n" + std::to_string(i))));
    for (std::string_view rest = almost; !rest.empty() && !strangers.back().IsClosed();) {
      rest.remove_prefix(strangers.back().Send(rest));
      Turn();
    }
  }
  EXPECT_LE(table_->stranger_memory().bytes(), kStrangersBytes + 2 * almost.size());
  EXPECT_LT(table_->count(), count);
  TestPeer good = Connect(From("10.0.2.2"));
  EXPECT_EQ(Exchange(good, "AUTH secret\r\n"), "+OK\r\n");
  strangers.clear();
  Turns(100);
  EXPECT_EQ(table_->stranger_memory().bytes(), 0u);
}

// --- Requests that do not arrive

TEST_F(HostileTest, ARequestThatDoesNotArriveEndsTheConnection) {
  TestPeer slow = Connect();
  TestPeer idle = Connect();
  TestPeer blocked = Connect();
  TestPeer subscriber = Connect();
  blocked.Send("XREAD BLOCK 0 STREAMS s $\r\nPING");
  EXPECT_EQ(Exchange(subscriber, "SUBSCRIBE c\r\n"), "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n");
  slow.Send("*2\r\n$4\r\nEC");
  Turn();
  for (int i = 0; i < 6; ++i) {
    Pass(10);
    slow.Send("H");
  }
  EXPECT_FALSE(slow.IsClosed());
  Pass(3);
  EXPECT_TRUE(slow.IsClosed());
  EXPECT_FALSE(idle.IsClosed());
  EXPECT_FALSE(blocked.IsClosed());
  EXPECT_FALSE(subscriber.IsClosed());
}

TEST_F(HostileTest, ALargeRequestMayTakeLongAsLongAsItArrives) {
  TestPeer client = Connect();
  client.Send("*2\r\n$4\r\nECHO\r\n$300000\r\n");
  for (int i = 0; i < 100; ++i) {
    client.Send(std::string(3000, 'v'));
    Pass(1);
  }
  client.Send("\r\n");
  EXPECT_TRUE(Exchange(client, kPing).ends_with(kPong));
}

TEST_F(HostileTest, EachRequestHasItsOwnTime) {
  TestPeer client = Connect();
  for (int i = 0; i < 10; ++i) {
    client.Send("PI");
    Pass(40);
    EXPECT_EQ(Exchange(client, "NG\r\nPI"), kPong);
    Pass(5);
    EXPECT_EQ(Exchange(client, "NG\r\n"), kPong);
  }
}

// --- Memory of all

TEST_F(HostileTest, ThatWhoseBuffersAreLargestGoesFirst) {
  Configure({"maxmemory-clients", "8mb"});
  TestPeer small = Connect();
  small.Send("*2\r\n$4\r\nECHO\r\n$3000000\r\n" + std::string(2000, 'v'));
  TestPeer large = Connect();
  large.Send("*2\r\n$4\r\nECHO\r\n$20000000\r\n");
  TestPeer exempt = Connect();
  EXPECT_EQ(Exchange(exempt, "CLIENT NO-EVICT on\r\n"), "+OK\r\n");
  exempt.Send("*2\r\n$4\r\nECHO\r\n$6000000\r\n");
  const std::string chunk(50'000, 'v');
  for (int i = 0; i < 100; ++i) {
    exempt.Send(chunk);
    Turn();
  }
  for (int i = 0; i < 300 && table_->count() == 3; ++i) {
    large.Send(chunk);
    Turn();
  }
  EXPECT_TRUE(large.IsClosed());
  EXPECT_FALSE(small.IsClosed());
  EXPECT_FALSE(exempt.IsClosed());
  EXPECT_EQ(server_.context().stats().evicted_clients, 1u);
  EXPECT_LE(server_.context().client_memory().bytes(), size_t{8} << 20);
}

TEST_F(HostileTest, WhoDoesNotReadGoesBeforeWhoSends) {
  Configure({"maxmemory-clients", "4mb"});
  TestPeer writer = Connect();
  const std::string value(1'500'000, 'v');
  const std::string set = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1500000\r\n" + value + "\r\n";
  EXPECT_EQ(Exchange(writer, set), "+OK\r\n");
  TestPeer deaf = Connect();
  deaf.Send("GET k\r\n");
  Turn();
  EXPECT_EQ(Exchange(writer, set + set + set), Repeat("+OK\r\n", 3));
  TestPeer sender = Connect();
  for (std::string_view rest = std::string_view(set).substr(0, 1'400'000); !rest.empty();) {
    rest.remove_prefix(sender.Send(rest));
    Turn();
  }
  TestPeer late = Connect();
  for (std::string_view rest = std::string_view(set).substr(0, 900'000); !rest.empty();) {
    rest.remove_prefix(late.Send(rest));
    Turn();
  }
  EXPECT_TRUE(deaf.IsClosed());
  EXPECT_FALSE(sender.IsClosed());
  EXPECT_FALSE(late.IsClosed());
}

TEST_F(HostileTest, WhatMultiQueuesCounts) {
  Configure({"maxmemory-clients", "4mb"});
  TestPeer client = Connect();
  client.Send("MULTI\r\n");
  Turn();
  const std::string command = "*2\r\n$4\r\nECHO\r\n$50000\r\n" + std::string(50'000, 'v') + "\r\n";
  for (int i = 0; i < 200 && table_->count() == 1; ++i) {
    client.Send(command);
    Turns(2);
    client.Receive();
  }
  EXPECT_EQ(table_->count(), 0u);
  EXPECT_EQ(server_.context().client_memory().bytes(), 0u);
}

TEST_F(HostileTest, ATransactionWhoseReplyDoesNotFitTakesEffectAndCloses) {
  Configure({"maxmemory-clients", "4mb"});
  TestPeer client = Connect();
  const std::string value(60'000, 'v');
  EXPECT_EQ(Exchange(client, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$60000\r\n" + value + "\r\n"),
            "+OK\r\n");
  Exchange(client, "MULTI\r\n" + Repeat("GET k\r\n", 100) + "SET done yes\r\n");
  EXPECT_EQ(Exchange(client, "EXEC\r\n"), "");
  EXPECT_TRUE(client.IsClosed());
  TestPeer other = Connect();
  EXPECT_EQ(Exchange(other, "GET done\r\n"), "$3\r\nyes\r\n");
}

TEST_F(HostileTest, OneLargeMessageToManySubscribersIsBounded) {
  Configure({"maxmemory-clients", "8mb"});
  std::vector<TestPeer> subscribers;
  for (int i = 0; i < 100; ++i) {
    subscribers.push_back(Connect());
    Exchange(subscribers.back(), "SUBSCRIBE c\r\n");
  }
  TestPeer publisher = Connect();
  const std::string text(1'000'000, 'v');
  size_t most = 0;
  const std::string command = "*3\r\n$7\r\nPUBLISH\r\n$1\r\nc\r\n$1000000\r\n" + text + "\r\n";
  for (std::string_view rest = command; !rest.empty();) {
    rest.remove_prefix(publisher.Send(rest));
    table_->ExecuteWaiting();
    loop_->RunOnce(Wait::kNone);
    most = std::max(most, server_.context().client_memory().bytes());
    Turn();
  }
  EXPECT_LE(most, size_t{11} << 20);
  Turns(3);
  EXPECT_FALSE(publisher.IsClosed());
}

}  // namespace
}  // namespace server
