// Sockets as the server uses them: bound for listening, prepared for a client, named for people.
//
// Thread: any.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <vector>

#include "engine/status.h"
#include "server/net/owned_fd.h"

namespace server {

// The other side of a connection.
struct Peer {
  std::string address;  // "127.0.0.1:5000", "[::1]:5000"; of a UNIX socket "/path:0".
  // What counts as one address where clients are limited by it: an IPv4 address, the first 64 bits
  // of an IPv6 address; the path of a UNIX socket.
  std::string network = {};
  bool is_unix_socket = false;
  bool is_loopback = false;  // On this machine; always so with a UNIX socket.
};

// A socket that listens, or will after StartListening.
struct BoundSocket {
  OwnedFd fd;
  std::string address;    // As it is bound, the port filled in.
  std::string unix_path;  // Empty for TCP.
};

// Binds `address`, a name or number; `*` and `::*` stand for all addresses of a family. With a `-`
// in front the address may be missing on this machine; then, and when the family is not supported,
// nothing is appended. kIo with the address and the system's words. Port 0 = any that is free.
engine::Status BindTcp(const std::string& address, int port, std::vector<BoundSocket>* sockets);

// Replaces a socket file that is there. `permissions` 0 = as the umask has it. The process must
// have one thread only: the umask is set meanwhile, so that nobody can connect before.
engine::Status BindUnix(const std::string& path, uint32_t permissions,
                        std::vector<BoundSocket>* sockets);

engine::Status StartListening(const BoundSocket& socket, int backlog);

// The address in the form of Peer::address. `unix_path` names a UNIX socket.
std::string FormatAddress(const sockaddr_storage& address, const std::string& unix_path);
// The address in the form of Peer::network.
std::string NetworkOf(const sockaddr_storage& address, const std::string& unix_path);
bool IsLoopback(const sockaddr_storage& address);
// The address of the socket's own end.
std::string LocalAddress(int fd);

// No delay, and keep-alive probes after `keepalive_seconds` of silence unless 0.
void PrepareTcpClient(int fd, int64_t keepalive_seconds);

}  // namespace server
