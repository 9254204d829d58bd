#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "server/net/event_loop.h"
#include "server/net/spin_policy.h"
#include "tests/support/fake_clock.h"

namespace server {
namespace {

std::unique_ptr<EventLoop> MakeLoop() {
  // The loop reads it only to look again for a while: five times.
  static tests::FakeClock clock;
  clock.set_micros_per_reading(SpinPolicy::kSpinMicros / 5);
  auto loop = EventLoop::Create(clock);
  EXPECT_TRUE(loop.ok());
  return std::move(loop).value();
}

struct Counter {
  void Count() { ++count; }
  int count = 0;
};

struct SocketPair {
  SocketPair() {
    int fds[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    near = OwnedFd(fds[0]);
    far = OwnedFd(fds[1]);
  }
  OwnedFd near;
  OwnedFd far;
};

TEST(EventLoop, RunsPostedWorkInOrderOnItsOwnThread) {
  const auto loop = MakeLoop();
  std::vector<int> order;
  std::vector<std::thread::id> threads;
  std::thread other([&] {
    for (int i = 0; i < 3; ++i) {
      loop->Post([&, i] {
        order.push_back(i);
        threads.push_back(std::this_thread::get_id());
      });
    }
  });
  while (order.size() < 3) loop->RunOnce(Wait::kSleep);
  other.join();
  EXPECT_EQ(order, std::vector<int>({0, 1, 2}));
  EXPECT_EQ(threads, std::vector<std::thread::id>(3, std::this_thread::get_id()));
}

TEST(EventLoop, AWakeBeforeTheWaitEndsIt) {
  const auto loop = MakeLoop();
  for (int i = 0; i < 3; ++i) {
    loop->Wake();
    loop->Wake();
    loop->RunOnce(Wait::kSleep);  // Would wait for ever otherwise.
  }
}

TEST(EventLoop, WorkPostedByWorkRunsInTheNextPass) {
  const auto loop = MakeLoop();
  int passes = 0;
  loop->Post([&] { loop->Post([&] { passes = 2; }); });
  loop->RunOnce(Wait::kSleep);
  EXPECT_EQ(passes, 0);
  loop->RunOnce(Wait::kSleep);
  EXPECT_EQ(passes, 2);
}

TEST(EventLoop, TheTimerEndsAWaitEachTimeItIsSet) {
  const auto loop = MakeLoop();
  for (int64_t now_us = 0; now_us < 3; ++now_us) {
    loop->SetTimer(/*at_us=*/1000, now_us);  // The same time again, once it has fired.
    loop->RunOnce(Wait::kSleep);
  }
}

TEST(EventLoop, AnEarlierTimeReplacesALaterOne) {
  const auto loop = MakeLoop();
  constexpr int64_t kYearUs = int64_t{365} * 24 * 3600 * 1'000'000;
  loop->SetTimer(kYearUs, 0);
  loop->SetTimer(1000, 0);
  loop->RunOnce(Wait::kSleep);
}

TEST(EventLoop, TellsReadinessUntilTheEventIsRemoved) {
  const auto loop = MakeLoop();
  const SocketPair sockets;
  Counter counter;
  Event event = loop->NewEvent<&Counter::Count>(sockets.near.get(), Readiness::kReadable, &counter);
  loop->RunOnce(Wait::kNone);
  event.Add();
  loop->RunOnce(Wait::kNone);
  EXPECT_EQ(counter.count, 0);
  ASSERT_EQ(write(sockets.far.get(), "x", 1), 1);
  loop->RunOnce(Wait::kSleep);
  loop->RunOnce(Wait::kSleep);
  EXPECT_EQ(counter.count, 2);
  event.Remove();
  loop->RunOnce(Wait::kNone);
  EXPECT_EQ(counter.count, 2);
  EXPECT_FALSE(event.is_added());
}

TEST(EventLoop, TellsThatThePeerHasClosedBehindUnreadBytes) {
  const auto loop = MakeLoop();
  SocketPair sockets;
  Counter counter;
  Event event =
      loop->NewEvent<&Counter::Count>(sockets.near.get(), Readiness::kPeerClosed, &counter);
  event.Add();
  ASSERT_EQ(write(sockets.far.get(), "x", 1), 1);
  loop->RunOnce(Wait::kNone);
  EXPECT_EQ(counter.count, 0);
  sockets.far.Close();
  loop->RunOnce(Wait::kSleep);
  EXPECT_EQ(counter.count, 1);
}

TEST(EventLoop, TellsSignalsWhileTheEventExists) {
  const auto loop = MakeLoop();
  Counter counter;
  {
    const Event event = loop->NewSignal<&Counter::Count>(SIGUSR1, &counter);
    raise(SIGUSR1);
    loop->RunOnce(Wait::kSleep);
    EXPECT_EQ(counter.count, 1);
  }
  struct sigaction action = {};
  sigaction(SIGUSR1, nullptr, &action);
  EXPECT_EQ(action.sa_handler, SIG_DFL);
}

TEST(EventLoop, LookingAgainFindsWhatIsThereAndSleepsOtherwise) {
  const auto loop = MakeLoop();
  const SocketPair sockets;
  Counter counter;
  Event event = loop->NewEvent<&Counter::Count>(sockets.near.get(), Readiness::kReadable, &counter);
  event.Add();
  for (int i = 0; i < 100; ++i) {
    // Nothing comes, so it sleeps until the timer.
    loop->SetTimer(/*at_us=*/200, 0);
    loop->RunOnce(Wait::kLookAgain);
  }
  EXPECT_EQ(counter.count, 0);
  ASSERT_EQ(write(sockets.far.get(), "x", 1), 1);
  for (int i = 0; i < 100; ++i) loop->RunOnce(Wait::kLookAgain);
  EXPECT_EQ(counter.count, 100);
}

// --- SpinPolicy ----------------------------------------------------------------------------------

// Of `waits` waits those before which it looks again, when of `period` of these one finds nothing.
int Spins(SpinPolicy* policy, int waits, int period) {
  int spins = 0;
  for (int i = 0; i < waits; ++i) {
    if (!policy->ShouldSpin()) continue;
    ++spins;
    policy->Note(period == 0 || spins % period != 0);
  }
  return spins;
}

TEST(SpinPolicy, GoesOnWhileItPays) {
  SpinPolicy policy;
  EXPECT_EQ(Spins(&policy, 1000, /*period=*/0), 1000);
  EXPECT_EQ(Spins(&policy, 1000, /*period=*/10), 1000);
}

TEST(SpinPolicy, RestsAfterBadLuck) {
  SpinPolicy policy;
  EXPECT_LE(Spins(&policy, 6400, /*period=*/1), 100);
  EXPECT_LE(Spins(&policy, 6400, /*period=*/2), 200);
}

TEST(SpinPolicy, TriesAgain) {
  SpinPolicy policy;
  Spins(&policy, 1000, /*period=*/1);
  EXPECT_GE(Spins(&policy, 1000, /*period=*/0), 900);
}

}  // namespace
}  // namespace server
