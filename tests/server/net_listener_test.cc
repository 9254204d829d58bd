#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "server/net/listener.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temp_dir.h"

namespace server {
namespace {

class ListenerTest : public testing::Test {
 protected:
  ListenerTest() {
    auto loop = EventLoop::Create(clock_);
    EXPECT_TRUE(loop.ok());
    loop_ = std::move(loop).value();
    std::vector<BoundSocket> sockets;
    EXPECT_TRUE(BindUnix(path_, 0600, &sockets).ok());
    EXPECT_TRUE(StartListening(sockets[0], 128).ok());
    listener_ = std::make_unique<Listener>(*loop_, clock_, std::move(sockets[0]), spare_,
                                           [this](OwnedFd fd, Peer peer) {
                                             accepted_.push_back(std::move(fd));
                                             peers_.push_back(std::move(peer));
                                           });
  }

  // Blocks only until the connection is in the listener's queue.
  OwnedFd Connect(OwnedFd fd) {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::copy(path_.begin(), path_.end(), address.sun_path);
    EXPECT_EQ(connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    return fd;
  }
  static OwnedFd NewSocket() { return OwnedFd(socket(AF_UNIX, SOCK_STREAM, 0)); }

  const tests::TempDir directory_;
  const std::string path_ = directory_ / "s";
  tests::FakeClock clock_;
  SpareFd spare_;
  std::unique_ptr<EventLoop> loop_;
  std::unique_ptr<Listener> listener_;
  std::vector<OwnedFd> accepted_;
  std::vector<Peer> peers_;
};

TEST_F(ListenerTest, AcceptsAllThatAreWaitingInOnePass) {
  std::vector<OwnedFd> clients;
  for (int i = 0; i < 10; ++i) clients.push_back(Connect(NewSocket()));
  loop_->RunOnce(Wait::kSleep);
  ASSERT_EQ(accepted_.size(), 10u);
  EXPECT_EQ(peers_[0].address, path_ + ":0");
  EXPECT_TRUE(peers_[0].is_unix_socket);
  EXPECT_TRUE(peers_[0].is_loopback);
}

// Lowers the limit of descriptors to those that are open now.
class NoMoreDescriptors {
 public:
  NoMoreDescriptors() {
    getrlimit(RLIMIT_NOFILE, &before_);
    rlimit limit = before_;
    limit.rlim_cur = 3;
    // Descriptors are given out from the lowest free one on.
    while (fcntl(static_cast<int>(limit.rlim_cur), F_GETFD) >= 0) ++limit.rlim_cur;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
  ~NoMoreDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_ = {};
};

TEST_F(ListenerTest, WithoutDescriptorsItRefusesAndTakesThemOutOfTheQueue) {
  const OwnedFd client = Connect(NewSocket());
  {
    const NoMoreDescriptors none;
    loop_->RunOnce(Wait::kSleep);
  }
  EXPECT_TRUE(accepted_.empty());
  char line[64] = {};
  ASSERT_GT(read(client.get(), line, sizeof(line)), 0);
  EXPECT_STREQ(line, "-ERR max number of clients reached\r\n");
  EXPECT_EQ(read(client.get(), line, sizeof(line)), 0) << "closed behind the line";
  // The spare descriptor is back for the next shortage.
  const OwnedFd second = Connect(NewSocket());
  {
    const NoMoreDescriptors none;
    loop_->RunOnce(Wait::kSleep);
  }
  EXPECT_GT(read(second.get(), line, sizeof(line)), 0);
  const OwnedFd third = Connect(NewSocket());
  loop_->RunOnce(Wait::kSleep);
  EXPECT_EQ(accepted_.size(), 1u);
}

TEST_F(ListenerTest, RemovesItsSocketFileAtTheEnd) {
  struct stat info = {};
  ASSERT_EQ(stat(path_.c_str(), &info), 0);
  listener_.reset();
  EXPECT_NE(stat(path_.c_str(), &info), 0);
}

}  // namespace
}  // namespace server
