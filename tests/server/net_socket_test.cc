#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstring>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "server/net/socket.h"
#include "tests/support/temp_dir.h"

namespace server {
namespace {

// For documentation only (RFC 5737): no machine has it.
constexpr const char* kForeignAddress = "203.0.113.1";

sockaddr_storage Ip4(const char* text, uint16_t port) {
  sockaddr_storage storage = {};
  auto& address = reinterpret_cast<sockaddr_in&>(storage);
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  EXPECT_EQ(inet_pton(AF_INET, text, &address.sin_addr), 1);
  return storage;
}

sockaddr_storage Ip6(const char* text, uint16_t port) {
  sockaddr_storage storage = {};
  auto& address = reinterpret_cast<sockaddr_in6&>(storage);
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(port);
  EXPECT_EQ(inet_pton(AF_INET6, text, &address.sin6_addr), 1);
  return storage;
}

TEST(Socket, ShowsAddressesAsClientsListThem) {
  EXPECT_EQ(FormatAddress(Ip4("127.0.0.1", 5000), ""), "127.0.0.1:5000");
  EXPECT_EQ(FormatAddress(Ip6("::1", 5000), ""), "[::1]:5000");
  sockaddr_storage unix_address = {};
  unix_address.ss_family = AF_UNIX;
  EXPECT_EQ(FormatAddress(unix_address, "/run/weir.sock"), "/run/weir.sock:0");
}

TEST(Socket, CountsAddressesByWhatOneUserHas) {
  EXPECT_EQ(NetworkOf(Ip4("10.1.2.3", 5000), ""), "10.1.2.3");
  EXPECT_EQ(NetworkOf(Ip6("2001:db8:1:2:3:4:5:6", 5000), ""), "2001:db8:1:2::");
  EXPECT_EQ(NetworkOf(Ip6("2001:db8:1:2::9", 6000), ""), "2001:db8:1:2::");
  EXPECT_EQ(NetworkOf(Ip6("::ffff:10.1.2.3", 5000), ""), "::ffff:10.1.2.3");
  sockaddr_storage unix_address = {};
  unix_address.ss_family = AF_UNIX;
  EXPECT_EQ(NetworkOf(unix_address, "/run/weir.sock"), "/run/weir.sock");
}

TEST(Socket, KnowsThisMachinesOwnAddresses) {
  EXPECT_TRUE(IsLoopback(Ip4("127.0.0.1", 1)));
  EXPECT_TRUE(IsLoopback(Ip4("127.9.9.9", 1)));
  EXPECT_FALSE(IsLoopback(Ip4("128.0.0.1", 1)));
  EXPECT_FALSE(IsLoopback(Ip4(kForeignAddress, 1)));
  EXPECT_TRUE(IsLoopback(Ip6("::1", 1)));
  EXPECT_TRUE(IsLoopback(Ip6("::ffff:127.0.0.1", 1)));
  EXPECT_FALSE(IsLoopback(Ip6("::ffff:203.0.113.1", 1)));
  EXPECT_FALSE(IsLoopback(Ip6("::2", 1)));
}

TEST(Socket, TellsTheRealPort) {
  std::vector<BoundSocket> sockets;
  ASSERT_TRUE(BindTcp("127.0.0.1", 0, &sockets).ok());
  ASSERT_EQ(sockets.size(), 1u);
  EXPECT_TRUE(sockets[0].address.starts_with("127.0.0.1:"));
  EXPECT_NE(sockets[0].address, "127.0.0.1:0");
  EXPECT_EQ(LocalAddress(sockets[0].fd.get()), sockets[0].address);
}

TEST(Socket, AnAddressInUseIsRefusedWithItsName) {
  std::vector<BoundSocket> sockets;
  ASSERT_TRUE(BindTcp("127.0.0.1", 0, &sockets).ok());
  ASSERT_TRUE(StartListening(sockets[0], 1).ok());
  const std::string& address = sockets[0].address;
  const int port = std::stoi(address.substr(address.find(':') + 1));
  const engine::Status second = BindTcp("127.0.0.1", port, &sockets);
  EXPECT_EQ(second.code(), engine::Code::kIo);
  EXPECT_NE(second.message().find("127.0.0.1 port " + std::to_string(port)), std::string::npos);
  EXPECT_EQ(sockets.size(), 1u);
}

TEST(Socket, OnlyAnAddressWithADashMayBeMissing) {
  std::vector<BoundSocket> sockets;
  EXPECT_FALSE(BindTcp(kForeignAddress, 0, &sockets).ok());
  EXPECT_TRUE(BindTcp(std::string("-") + kForeignAddress, 0, &sockets).ok());
  EXPECT_TRUE(sockets.empty());
}

TEST(Socket, AllAddressesOfBothFamiliesShareAPort) {
  std::vector<BoundSocket> sockets;
  ASSERT_TRUE(BindTcp("*", 0, &sockets).ok());
  const std::string& address = sockets.at(0).address;
  EXPECT_TRUE(address.starts_with("0.0.0.0:"));
  const int port = std::stoi(address.substr(address.find(':') + 1));
  EXPECT_TRUE(BindTcp("-::*", port, &sockets).ok());
}

// CVE-2023-45145: open to all for a moment.
TEST(Socket, UnixSocketsHaveTheirPermissionsFromTheBeginning) {
  const tests::TempDir directory;
  const std::string path = directory / "s";
  constexpr mode_t kMask = 027;
  const mode_t before = umask(kMask);
  for (const uint32_t permissions : {0600u, 0660u, 0777u}) {
    std::vector<BoundSocket> sockets;
    // The file of the round before is replaced.
    ASSERT_TRUE(BindUnix(path, permissions, &sockets).ok());
    struct stat info = {};
    ASSERT_EQ(stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, permissions);
    EXPECT_EQ(sockets.at(0).unix_path, path);
  }
  EXPECT_EQ(umask(before), kMask) << "the umask has to be put back";
}

TEST(Socket, ABindNeverReplacesAnOrdinaryFile) {
  const tests::TempDir directory;
  const std::string path = directory / "precious";
  { const OwnedFd file(creat(path.c_str(), 0600)); }
  std::vector<BoundSocket> sockets;
  EXPECT_FALSE(BindUnix(path, 0600, &sockets).ok());
  struct stat info = {};
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_TRUE(S_ISREG(info.st_mode));
}

TEST(Socket, APathTheSystemCannotHoldIsRefused) {
  std::vector<BoundSocket> sockets;
  EXPECT_FALSE(BindUnix("/tmp/" + std::string(200, 'x'), 0600, &sockets).ok());
}

}  // namespace
}  // namespace server
