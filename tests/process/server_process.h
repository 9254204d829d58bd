// A real weir-server for tests: started in a directory of its own, on a UNIX socket (no fixed
// ports), killed at the end. And the hiredis objects with their right destructors.
//
// Thread: one.
#pragma once

#include <hiredis/hiredis.h>
#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/support/temp_dir.h"

namespace tests {

struct FreeContext {
  void operator()(redisContext* context) const { redisFree(context); }
};
struct FreeReply {
  void operator()(redisReply* reply) const { freeReplyObject(reply); }
};
using Reply = std::unique_ptr<redisReply, FreeReply>;

// A connection; replies are rendered as text: "OK", "(error) ...", "(integer) 1", "[a, b]",
// "(nil)".
class Client {
 public:
  explicit Client(redisContext* context) : context_(context) {}

  bool is_connected() const { return context_ != nullptr && context_->err == 0; }
  redisContext* context() { return context_.get(); }

  // Adds to the pipeline.
  void Append(const std::vector<std::string>& words);
  // Sends what is pending; the next reply, "(closed)" when the connection is at its end.
  std::string NextReply();
  std::string Call(const std::vector<std::string>& words);

 private:
  std::unique_ptr<redisContext, FreeContext> context_;
};

// What a process that has ended has said and how it ended.
struct Ended {
  int exit_code = -1;  // Negative = killed by that signal.
  std::string output;
};

// Runs weir-server with these arguments to its end.
Ended RunToEnd(const std::vector<std::string>& arguments, const std::string& input = "");

class ServerProcess {
 public:
  // Starts at once, with further options; returns when it accepts connections.
  explicit ServerProcess(std::vector<std::string> options = {});
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  void Start();
  Client Connect();
  pid_t pid() const { return pid_; }
  std::string data() const { return directory_ / "data"; }
  std::string socket() const { return directory_ / "s"; }
  const TempDir& directory() const { return directory_; }
  // What it has written so far.
  std::string Log() const;

  // Sends a signal.
  void Signal(int number) const;
  // Waits for its end; the exit code, negative = killed by that signal.
  int Wait();

 private:
  const TempDir directory_;
  const std::vector<std::string> options_;
  pid_t pid_ = -1;
};

}  // namespace tests
