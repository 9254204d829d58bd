#include "server/net/socket.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <memory>
#include <utility>

namespace server {
namespace {

using engine::Code;
using engine::OkStatus;
using engine::Status;

Status SystemError(const std::string& what) {
  return Status(Code::kIo, what + ": " + strerror(errno));
}

void SetFlag(int fd, int level, int option, int value) {
  setsockopt(fd, level, option, &value, sizeof(value));
}

// The machine has no such kind of address at all: not worth a failure.
bool IsUnsupported(int error) {
  return error == ENOPROTOOPT || error == EPROTONOSUPPORT || error == ESOCKTNOSUPPORT ||
         error == EPFNOSUPPORT || error == EAFNOSUPPORT;
}

bool IsAbsent(int error) { return IsUnsupported(error) || error == EADDRNOTAVAIL; }

// Closed, with errno set, when it cannot be bound.
OwnedFd BindOne(const addrinfo& info) {
  OwnedFd fd(socket(info.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.is_open()) return fd;
  SetFlag(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  // IPv4 has listeners of its own.
  if (info.ai_family == AF_INET6) SetFlag(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1);
  if (bind(fd.get(), info.ai_addr, info.ai_addrlen) == 0) return fd;
  const int error = errno;
  fd.Close();
  errno = error;
  return fd;
}

}  // namespace

Status BindTcp(const std::string& address, int port, std::vector<BoundSocket>* sockets) {
  const bool is_optional = address.starts_with('-');
  const std::string name = address.substr(is_optional ? 1 : 0);
  addrinfo hints = {};
  hints.ai_family = name == "*" ? AF_INET : name == "::*" ? AF_INET6 : AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  const bool is_any = name == "*" || name == "::*";
  addrinfo* found = nullptr;
  const int failure =
      getaddrinfo(is_any ? nullptr : name.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (failure != 0) {
    if (is_optional) return OkStatus();
    return Status(Code::kIo, "cannot listen on " + name + ": " + gai_strerror(failure));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> infos(found, &freeaddrinfo);
  OwnedFd fd = BindOne(*infos);
  if (!fd.is_open()) {
    if (IsUnsupported(errno) || (is_optional && IsAbsent(errno))) return OkStatus();
    return SystemError("cannot listen on " + name + " port " + std::to_string(port));
  }
  std::string bound_address = LocalAddress(fd.get());
  sockets->push_back({.fd = std::move(fd), .address = std::move(bound_address), .unix_path = {}});
  return OkStatus();
}

Status BindUnix(const std::string& path, uint32_t permissions, std::vector<BoundSocket>* sockets) {
  constexpr mode_t kAll = 0777;
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    return Status(Code::kIo, "the path of the unix socket is too long: " + path);
  }
  std::copy(path.begin(), path.end(), address.sun_path);
  OwnedFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.is_open()) return SystemError("cannot listen on " + path);
  struct stat existing = {};
  if (lstat(path.c_str(), &existing) == 0 && S_ISSOCK(existing.st_mode)) unlink(path.c_str());
  const mode_t mask = permissions == 0 ? 0 : umask(kAll & ~static_cast<mode_t>(permissions));
  const int bound = bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address));
  const int error = errno;
  if (permissions != 0) umask(mask);
  errno = error;
  if (bound != 0) return SystemError("cannot listen on " + path);
  sockets->push_back({.fd = std::move(fd), .address = path, .unix_path = path});
  return OkStatus();
}

Status StartListening(const BoundSocket& socket, int backlog) {
  if (listen(socket.fd.get(), backlog) == 0) return OkStatus();
  return SystemError("cannot listen on " + socket.address);
}

std::string FormatAddress(const sockaddr_storage& address, const std::string& unix_path) {
  char text[INET6_ADDRSTRLEN] = "?";
  if (address.ss_family == AF_INET) {
    const auto& ip = reinterpret_cast<const sockaddr_in&>(address);
    inet_ntop(AF_INET, &ip.sin_addr, text, sizeof(text));
    return std::string(text) + ":" + std::to_string(ntohs(ip.sin_port));
  }
  if (address.ss_family == AF_INET6) {
    const auto& ip = reinterpret_cast<const sockaddr_in6&>(address);
    inet_ntop(AF_INET6, &ip.sin6_addr, text, sizeof(text));
    return "[" + std::string(text) + "]:" + std::to_string(ntohs(ip.sin6_port));
  }
  return unix_path + ":0";
}

std::string NetworkOf(const sockaddr_storage& address, const std::string& unix_path) {
  constexpr size_t kHostBytes = 8;
  if (address.ss_family != AF_INET && address.ss_family != AF_INET6) return unix_path;
  char text[INET6_ADDRSTRLEN] = "?";
  if (address.ss_family == AF_INET) {
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(address).sin_addr, text, sizeof(text));
    return text;
  }
  in6_addr ip = reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
  // A mapped IPv4 address differs in its last bytes alone, and one machine has all of ::1's.
  if (!IN6_IS_ADDR_V4MAPPED(&ip))
    std::fill(std::end(ip.s6_addr) - kHostBytes, std::end(ip.s6_addr), 0);
  inet_ntop(AF_INET6, &ip, text, sizeof(text));
  return text;
}

bool IsLoopback(const sockaddr_storage& address) {
  constexpr uint32_t kLoopbackNetwork = 127;
  if (address.ss_family == AF_INET) {
    const auto& ip = reinterpret_cast<const sockaddr_in&>(address);
    return ntohl(ip.sin_addr.s_addr) >> 24 == kLoopbackNetwork;
  }
  if (address.ss_family == AF_INET6) {
    const auto& ip = reinterpret_cast<const sockaddr_in6&>(address);
    if (IN6_IS_ADDR_V4MAPPED(&ip.sin6_addr)) {
      return ip.sin6_addr.s6_addr[12] == kLoopbackNetwork;
    }
    return IN6_IS_ADDR_LOOPBACK(&ip.sin6_addr);
  }
  return address.ss_family == AF_UNIX;
}

std::string LocalAddress(int fd) {
  sockaddr_storage address = {};
  socklen_t size = sizeof(address);
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return "?:0";
  std::string path;
  if (address.ss_family == AF_UNIX) {
    const auto& unix_address = reinterpret_cast<const sockaddr_un&>(address);
    path = unix_address.sun_path;
  }
  return FormatAddress(address, path);
}

void PrepareTcpClient(int fd, int64_t keepalive_seconds) {
  constexpr int kProbes = 3;
  SetFlag(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  if (keepalive_seconds <= 0) return;
  // The kernel takes no more than 32767 seconds.
  constexpr int64_t kLongestSeconds = 32767;
  const int seconds = static_cast<int>(std::min(keepalive_seconds, kLongestSeconds));
  SetFlag(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  SetFlag(fd, IPPROTO_TCP, TCP_KEEPIDLE, seconds);
  SetFlag(fd, IPPROTO_TCP, TCP_KEEPINTVL, std::max(seconds / kProbes, 1));
  SetFlag(fd, IPPROTO_TCP, TCP_KEEPCNT, kProbes);
}

}  // namespace server
