// Connections over socket pairs on a loop that the test turns, with a fake clock.
//
// Thread: one.
#pragma once

#include <sys/socket.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "server/net/connection_table.h"
#include "server/net/event_loop.h"
#include "server/net/owned_fd.h"
#include "server/net/socket.h"
#include "tests/support/test_server.h"

namespace server {

inline constexpr std::string_view kPing = "*1\r\n$4\r\nPING\r\n";
inline constexpr std::string_view kPong = "+PONG\r\n";

inline std::string Repeat(std::string_view text, size_t count) {
  std::string result;
  for (size_t i = 0; i < count; ++i) result += text;
  return result;
}

// The client's end of a connection; never blocks.
class TestPeer {
 public:
  explicit TestPeer(OwnedFd fd) : fd_(std::move(fd)) {}

  // As much as the socket takes; the number of bytes.
  size_t Send(std::string_view bytes) {
    const ssize_t count = send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    return count > 0 ? static_cast<size_t>(count) : 0;
  }
  // What has arrived.
  std::string Receive() {
    std::string result;
    std::array<char, 65536> buffer;
    for (;;) {
      const ssize_t count = recv(fd_.get(), buffer.data(), buffer.size(), 0);
      if (count == 0) is_closed_ = true;
      if (count <= 0) return result;
      result.append(buffer.data(), static_cast<size_t>(count));
    }
  }
  // Whether the other side has closed, all bytes before it having been received.
  bool IsClosed() {
    Receive();
    return is_closed_;
  }
  void Shutdown() { shutdown(fd_.get(), SHUT_WR); }
  void Close() { fd_.Close(); }

 private:
  OwnedFd fd_;
  bool is_closed_ = false;
};

// Turns are made as the server makes them.
class ConnectionTest : public testing::Test {
 protected:
  ConnectionTest() {
    auto loop = EventLoop::Create(server_.clock());
    EXPECT_TRUE(loop.ok());
    loop_ = std::move(loop).value();
    table_ = std::make_unique<ConnectionTable>(*loop_, server_.context(), server_.dispatcher(),
                                               server_.engine());
  }
  ~ConnectionTest() override { table_->CloseAll(); }

  TestPeer Connect(Peer peer = {.address = "127.0.0.1:5", .is_loopback = true}) {
    int fds[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    table_->Admit(OwnedFd(fds[0]), std::move(peer));
    return TestPeer(OwnedFd(fds[1]));
  }

  // One turn as the server makes it, without waiting.
  void Turn() {
    table_->ExecuteWaiting();
    loop_->RunOnce(Wait::kNone);
    server_.dispatcher().RunDueWork();
    Clock& clock = server_.clock();
    server_.engine().EndTurn(server_.engine().TimeNow(clock.UnixMs(), clock.MonotonicMs()));
    table_->SendOutput();
    table_->DestroyClosed();
  }
  void Turns(int count) {
    for (int i = 0; i < count; ++i) Turn();
  }
  // Sends all of it, and what comes back until nothing more does.
  std::string Exchange(TestPeer& client, std::string_view bytes) {
    std::string received;
    for (int quiet = 0; quiet < 3; ++quiet) {
      const size_t sent = client.Send(bytes);
      bytes.remove_prefix(sent);
      Turn();
      const std::string reply = client.Receive();
      received += reply;
      if (sent > 0 || !reply.empty() || table_->HasWaitingInput()) quiet = -1;
    }
    return received;
  }
  void Configure(std::vector<std::string_view> words) {
    ASSERT_TRUE(server_.context().config().Set(words).ok());
  }
  Session& OnlySession() {
    EXPECT_EQ(server_.context().clients().size(), 1u);
    return *server_.context().clients().After(0);
  }

  tests::TestServer server_;
  std::unique_ptr<EventLoop> loop_;
  std::unique_ptr<ConnectionTable> table_;
};

}  // namespace server
