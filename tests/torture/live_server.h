// A real server process for harnesses of this folder, on a UNIX socket in a directory of its own,
// and connections to it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "resp/reply.h"
#include "tests/support/temp_dir.h"

namespace tests {

// Blocking. Thread: one at a time.
class LiveConnection {
 public:
  // Closed where nobody listens.
  explicit LiveConnection(const std::string& socket_path);
  ~LiveConnection();
  LiveConnection(LiveConnection&& other) noexcept;
  LiveConnection& operator=(LiveConnection&&) = delete;

  bool is_open() const { return fd_ >= 0; }
  // Adds a command to what Send() sends.
  void Put(const std::vector<std::string>& words);
  // Nothing is said of a broken connection: its replies do not come.
  void Send();
  // Nothing when the connection is at its end.
  std::optional<resp::Reply> Receive();
  // One command and its reply.
  std::optional<resp::Reply> Call(const std::vector<std::string>& words);

 private:
  void Close();

  int fd_ = -1;
  std::string unsent_;
  resp::ReplyDecoder decoder_;
};

// Killed at the end. Thread: one, but for socket().
class LiveServer {
 public:
  explicit LiveServer(std::string binary) : binary_(std::move(binary)) {}
  ~LiveServer();
  LiveServer(const LiveServer&) = delete;
  LiveServer& operator=(const LiveServer&) = delete;

  // On the same data each time; false if it ends, or does not answer within three minutes.
  bool Start(const std::vector<std::string>& options);
  // Sends the signal and waits for the end.
  void End(int signal);
  // Whether it has ended by itself.
  bool HasDied();
  std::string socket() const { return directory_ / "s"; }
  // The end of what it has written.
  std::string Log() const;

 private:
  const std::string binary_;
  const TempDir directory_;
  pid_t pid_ = -1;
};

}  // namespace tests
