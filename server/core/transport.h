// The seam between a session and what carries its bytes: a socket (server/net), or a test.
//
// Owner: whoever owns the socket. Thread: loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace server {

// What CLIENT LIST shows of a connection.
struct TransportInfo {
  std::string peer_address;  // "127.0.0.1:5000", "[::1]:5000"; of a UNIX socket "/path:0".
  std::string local_address;
  std::string network;  // Of the peer, for limits by address; see Peer::network.
  int fd = -1;
  bool is_unix_socket = false;
  bool is_local = false;        // The peer is on this machine.
  size_t input_bytes = 0;       // Read and not yet executed.
  size_t input_free_bytes = 0;  // Room left in the read buffer.
  uint64_t received_bytes = 0;
  uint64_t sent_bytes = 0;
  uint64_t read_count = 0;
};

// None of the calls may call back into the session or the dispatcher.
class Transport {
 public:
  virtual ~Transport() = default;

  // Replies were added outside of Dispatcher::Feed: send at the end of the turn what may leave.
  virtual void OutputReady() = 0;
  // The session executes again after it was parked: call Feed with what is buffered, soon.
  virtual void InputWanted() = 0;
  // Read no more; close when all replies have been sent, gated ones included. Can come twice.
  virtual void CloseAfterReply() = 0;
  // Close at the end of the turn, dropping replies that have not been sent. The session has been
  // disconnected already and must not be touched any more.
  virtual void CloseNow() = 0;

  virtual TransportInfo Info() const = 0;
};

}  // namespace server
