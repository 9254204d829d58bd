// A server under test: started with a directory and port of its own, gone with everything it wrote
// when the object is.
//
// Thread: main.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bench/client.h"

namespace bench {

// Instead of an --appendfsync mode: the server is given no such option.
inline constexpr std::string_view kNoFsyncMode = "none";

struct ServerSpec {
  std::string binary;
  std::vector<std::string> args;  // besides --port, --dir, --bind and --appendfsync
  // If not empty, the whole command line instead of these: for servers with other options. {port},
  // {dir} and {fsync} stand for what they say.
  std::vector<std::string> command;
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

  // Ends the server with SIGTERM and waits, or with SIGKILL; its directory stays.
  Problem End(int signal);
  // Starts it again in its directory and on its port, and returns at once.
  Problem StartAgain() { return Spawn(endpoint_.port); }
  bool IsRunning();

  const Endpoint& endpoint() const { return endpoint_; }
  const std::string& directory() const { return directory_; }
  pid_t pid() const { return pid_; }
  // As started, without port and directory.
  std::string command_line() const;
  ProcessUsage Usage() const;
  // The most it has held since it was started last.
  double PeakResidentMib() const;
  // What the server's directory takes of the disk.
  uint64_t DiskBytes() const;

  // Waits until the server does next to nothing, so that work a run left behind does not disturb
  // the next one; gives up after `limit_seconds`.
  void WaitUntilIdle(double limit_seconds) const;

 private:
  Problem Spawn(int port);
  Problem WaitUntilReady();
  std::vector<std::string> CommandWords(const std::string& port,
                                        const std::string& directory) const;

  ServerSpec spec_;
  Endpoint endpoint_;
  std::string directory_;
  pid_t pid_ = -1;
};

}  // namespace bench
