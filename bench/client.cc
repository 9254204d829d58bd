#include "bench/client.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "resp/writer.h"

namespace bench {
namespace {

FileDescriptor ConnectUnix(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) return FileDescriptor();
  std::memcpy(address.sun_path, path.data(), path.size());
  FileDescriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto* const generic = reinterpret_cast<const sockaddr*>(&address);
  if (!socket.valid() || ::connect(socket.get(), generic, sizeof(address)) != 0) {
    return FileDescriptor();
  }
  return socket;
}

FileDescriptor ConnectTcp(const std::string& host, int port) {
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) {
    return FileDescriptor();
  }
  FileDescriptor connected;
  for (const addrinfo* a = found; a != nullptr && !connected.valid(); a = a->ai_next) {
    FileDescriptor socket(::socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (socket.valid() && ::connect(socket.get(), a->ai_addr, a->ai_addrlen) == 0) {
      connected = std::move(socket);
    }
  }
  ::freeaddrinfo(found);
  if (connected.valid()) {
    const int on = 1;
    ::setsockopt(connected.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  }
  return connected;
}

}  // namespace

FileDescriptor::~FileDescriptor() {
  if (fd_ >= 0) ::close(fd_);
}

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = other.Release();
  }
  return *this;
}

int FileDescriptor::Release() { return std::exchange(fd_, -1); }

FileDescriptor Connect(const Endpoint& endpoint) {
  return endpoint.socket_path.empty() ? ConnectTcp(endpoint.host, endpoint.port)
                                      : ConnectUnix(endpoint.socket_path);
}

void AppendRequest(const std::vector<std::string_view>& args, std::string* out) {
  resp::Writer writer(out);
  writer.ArrayHeader(args.size());
  for (std::string_view arg : args) writer.Bulk(arg);
}

Problem Client::Open(const Endpoint& endpoint) {
  socket_ = Connect(endpoint);
  if (socket_.valid()) return "";
  return "cannot connect: " + std::string(std::strerror(errno));
}

std::optional<resp::Reply> Client::Call(const std::vector<std::string_view>& args) {
  std::string request;
  AppendRequest(args, &request);
  auto replies = CallMany(request, 1);
  if (!replies.has_value()) return std::nullopt;
  return std::move(replies->front());
}

std::optional<std::vector<resp::Reply>> Client::CallMany(std::string_view requests, size_t count) {
  if (!Send(requests)) return std::nullopt;
  std::vector<resp::Reply> replies;
  while (replies.size() < count) {
    if (auto reply = decoder_.Next()) {
      replies.push_back(std::move(*reply));
    } else if (decoder_.failed() || !Receive()) {
      return std::nullopt;
    }
  }
  return replies;
}

std::string InfoField(const Endpoint& endpoint, std::string_view section, const std::string& name) {
  Client client;
  if (!client.Open(endpoint).empty()) return "unknown";
  const auto reply = client.Call({"INFO", section});
  if (!reply.has_value()) return "unknown";
  const size_t at = reply->text.find(name + ':');
  if (at == std::string::npos) return "unknown";
  const size_t begin = at + name.size() + 1;
  return reply->text.substr(begin, reply->text.find('\r', begin) - begin);
}

bool Client::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

bool Client::Receive() {
  std::array<char, 65536> buffer;
  ssize_t received = 0;
  do {
    received = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
  } while (received < 0 && errno == EINTR);
  if (received <= 0) return false;
  decoder_.Feed({buffer.data(), static_cast<size_t>(received)});
  return true;
}

}  // namespace bench
