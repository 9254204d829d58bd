// A blocking connection to the server under test, for what is not measured: readiness, preparing
// the data, checking it afterwards.
//
// Thread: any, one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "resp/reply.h"

namespace bench {

// What went wrong, as a sentence for people; empty if nothing did.
using Problem = std::string;

struct Endpoint {
  std::string host = "127.0.0.1";
  int port = 6379;
  std::string socket_path;  // a unix socket, instead of host and port if not empty
};

// Owns a file descriptor.
class FileDescriptor {
 public:
  explicit FileDescriptor(int fd = -1) : fd_(fd) {}
  ~FileDescriptor();
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(other.Release()) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  int Release();

 private:
  int fd_;
};

// A connected, blocking stream socket with Nagle's delay off; invalid on failure.
FileDescriptor Connect(const Endpoint& endpoint);

// Appends one request in multibulk form.
void AppendRequest(const std::vector<std::string_view>& args, std::string* out);

class Client {
 public:
  Problem Open(const Endpoint& endpoint);

  // One command and its reply. Nothing if the connection broke.
  std::optional<resp::Reply> Call(const std::vector<std::string_view>& args);

  // Sends encoded requests at once and reads that many replies. Few enough that neither side's
  // socket buffers can fill up with the other not reading: thousands, not millions.
  std::optional<std::vector<resp::Reply>> CallMany(std::string_view requests, size_t count);

 private:
  bool Send(std::string_view bytes);
  bool Receive();

  FileDescriptor socket_;
  resp::ReplyDecoder decoder_;
};

// The value of a line `name:value` in a section of INFO, or "unknown".
std::string InfoField(const Endpoint& endpoint, std::string_view section, const std::string& name);

}  // namespace bench
