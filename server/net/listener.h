// Accepts connections on one socket and hands them on.
//
// Owner: server::Server. Thread: loop.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "server/core/clock.h"
#include "server/net/event_loop.h"
#include "server/net/owned_fd.h"
#include "server/net/socket.h"

namespace server {

// A descriptor in hand. When the process has no other left, it is given up for a moment to accept a
// connection and refuse it; otherwise the connection would stay in the queue, and the loop would be
// told of it again and again. Owner: server::Server, one for all listeners. Thread: loop.
class SpareFd {
 public:
  SpareFd() { Reopen(); }
  void Close() { fd_.Close(); }
  void Reopen();

 private:
  OwnedFd fd_;
};

class Listener {
 public:
  using Accepted = std::function<void(OwnedFd, Peer)>;

  // The socket must be listening. A UNIX socket's file is removed at the end.
  Listener(EventLoop& loop, Clock& clock, BoundSocket socket, SpareFd& spare, Accepted accepted);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  const std::string& address() const { return socket_.address; }
  // About ten times a second: goes on accepting after a rest.
  void Tick();

 private:
  void OnReadable();
  // False when there is nothing to accept now.
  bool AcceptOne();
  bool RefuseOne();
  // Accepts nothing for a while.
  void Rest();

  Clock& clock_;
  SpareFd& spare_;
  const BoundSocket socket_;
  const Accepted accepted_;
  int64_t rests_until_us_ = 0;
  Event readable_;  // Last: gone before the socket is closed.
};

}  // namespace server
