#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "gtest/gtest.h"
#include "server/net/input_buffer.h"
#include "server/net/limits.h"
#include "server/net/owned_fd.h"

namespace server {
namespace {

// Two connected sockets; what is written to one is read from the other.
struct SocketPair {
  SocketPair() {
    int fds[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    near = OwnedFd(fds[0]);
    far = OwnedFd(fds[1]);
  }
  void Write(const std::string& bytes) const {
    ASSERT_EQ(write(far.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }

  OwnedFd near;
  OwnedFd far;
};

// Bytes that differ from place to place.
std::string Pattern(size_t size) {
  std::string bytes(size, '\0');
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 2654435761u >> 13);
  return bytes;
}

TEST(InputBuffer, BytesThatAreLeftSurviveTheReadsOfOthers) {
  SharedReadBuffer shared;
  SocketPair sockets;
  InputBuffer first;
  InputBuffer second;
  sockets.Write("one two");
  EXPECT_EQ(first.ReadFrom(sockets.near.get(), shared), 7);
  first.Consume(4);
  first.Settle();
  sockets.Write("OTHER BYTES");
  EXPECT_EQ(second.ReadFrom(sockets.near.get(), shared), 11);
  second.Settle();
  EXPECT_EQ(first.view(), "two");
  sockets.Write(" three");
  EXPECT_EQ(first.ReadFrom(sockets.near.get(), shared), 6);
  EXPECT_EQ(first.view(), "two three");
  EXPECT_EQ(second.view(), "OTHER BYTES");
}

TEST(InputBuffer, AnEmptyOneHoldsNoMemory) {
  SharedReadBuffer shared;
  SocketPair sockets;
  InputBuffer buffer;
  sockets.Write(std::string(1000, 'x'));
  buffer.ReadFrom(sockets.near.get(), shared);
  buffer.Settle();
  EXPECT_EQ(buffer.size() + buffer.free_bytes(), 1000u);
  buffer.Consume(1000);
  buffer.Settle();
  EXPECT_EQ(buffer.free_bytes(), 0u);
}

TEST(InputBuffer, GrowsWithWhatHasArrived) {
  SharedReadBuffer shared;
  SocketPair sockets;
  InputBuffer buffer;
  const std::string bytes = Pattern(3'000'000);
  for (size_t sent = 0; buffer.size() < bytes.size();) {
    const ssize_t count = write(sockets.far.get(), bytes.data() + sent,
                                std::min<size_t>(bytes.size() - sent, 50'000));
    if (count > 0) sent += static_cast<size_t>(count);
    ASSERT_GT(buffer.ReadFrom(sockets.near.get(), shared), 0);
    buffer.Settle();
    ASSERT_LE(buffer.free_bytes(), buffer.size() + kReadBufferBytes);
  }
  EXPECT_EQ(buffer.view(), bytes);
}

TEST(InputBuffer, GivesBackTheMemoryOfALargeArgument) {
  SharedReadBuffer shared;
  SocketPair sockets;
  InputBuffer buffer;
  const std::string bytes = Pattern(1'000'000);
  for (size_t sent = 0; buffer.size() < bytes.size();) {
    const ssize_t count = write(sockets.far.get(), bytes.data() + sent,
                                std::min<size_t>(bytes.size() - sent, 50'000));
    if (count > 0) sent += static_cast<size_t>(count);
    buffer.ReadFrom(sockets.near.get(), shared);
    buffer.Settle();
  }
  buffer.Consume(bytes.size() - 10);
  buffer.Settle();
  EXPECT_EQ(buffer.view(), bytes.substr(bytes.size() - 10));
  EXPECT_LE(buffer.free_bytes(), kReadBufferBytes);
}

TEST(InputBuffer, TellsTheEndOfInputAndErrors) {
  SharedReadBuffer shared;
  SocketPair sockets;
  InputBuffer buffer;
  EXPECT_EQ(buffer.ReadFrom(sockets.near.get(), shared), -1);
  EXPECT_EQ(errno, EAGAIN);
  sockets.far.Close();
  EXPECT_EQ(buffer.ReadFrom(sockets.near.get(), shared), 0);
  EXPECT_TRUE(buffer.empty());
}

}  // namespace
}  // namespace server
