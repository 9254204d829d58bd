// A server under test: started with a directory and port of its own, gone with everything it wrote
// when the object is.
//
// Thread: main.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "bench/client.h"

namespace bench {

struct ServerSpec {
  std::string binary;
  std::vector<std::string> args;  // besides --port, --dir, --bind and --appendfsync
  std::string appendfsync = "everysec";
  std::string directory;  // where the server's own directory is made
};

// What a process has used and holds; the processor time of children it waited for is its own.
struct ProcessUsage {
  double cpu_s = 0;
  double resident_mib = 0;
};

class ServerProcess {
 public:
  ServerProcess() = default;
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;
  ~ServerProcess();

  // Returns once the server answers PING.
  Problem Start(const ServerSpec& spec);

  const Endpoint& endpoint() const { return endpoint_; }
  const std::string& directory() const { return directory_; }
  // As started, without port and directory.
  std::string command_line() const;
  ProcessUsage Usage() const;

  // Waits until the server does next to nothing, so that work a run left behind does not disturb
  // the next one; gives up after `limit_seconds`.
  void WaitUntilIdle(double limit_seconds) const;

 private:
  Problem Spawn(int port);
  Problem WaitUntilReady();
  void Stop();

  ServerSpec spec_;
  Endpoint endpoint_;
  std::string directory_;
  pid_t pid_ = -1;
};

}  // namespace bench
