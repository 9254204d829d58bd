#include "bench/server_process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>
#include <thread>

namespace bench {
namespace {

constexpr int kStartAttempts = 5;
constexpr std::chrono::seconds kReadyLimit{30};
constexpr std::chrono::seconds kStopLimit{60};
constexpr std::chrono::milliseconds kPollInterval{20};
constexpr std::chrono::milliseconds kIdleWindow{200};
// Busy for at most this part of a window counts as idle: one tick of the kernel's accounting.
constexpr double kIdleShare = 0.06;

// A port that was free a moment ago. Another process may take it first: Start tries again.
int FreePort() {
  FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(socket.get(), generic, size) != 0) return -1;
  if (::getsockname(socket.get(), generic, &size) != 0) return -1;
  return ntohs(address.sin_port);
}

void Replace(std::string_view what, std::string_view by, std::string* text) {
  for (size_t at = 0; (at = text->find(what, at)) != std::string::npos; at += by.size()) {
    text->replace(at, what.size(), by);
  }
}

// The last lines of the server's output, for error messages.
std::string Tail(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  std::string all = text.str();
  return all.size() > 1000 ? all.substr(all.size() - 1000) : all;
}

}  // namespace

ServerProcess::~ServerProcess() {
  End(SIGTERM);
  std::error_code ignored;
  if (!directory_.empty()) std::filesystem::remove_all(directory_, ignored);
}

Problem ServerProcess::Start(const ServerSpec& spec) {
  spec_ = spec;
  std::string directory = spec.directory + "/weir-bench-XXXXXX";
  if (::mkdtemp(directory.data()) == nullptr) {
    return "cannot make a directory in " + spec.directory + ": " + std::strerror(errno);
  }
  directory_ = directory;
  Problem problem;
  for (int attempt = 0; attempt < kStartAttempts; ++attempt) {
    endpoint_.port = FreePort();
    problem = Spawn(endpoint_.port);
    if (problem.empty()) problem = WaitUntilReady();
    if (problem.empty()) return "";
    End(SIGTERM);
  }
  return problem;
}

std::string ServerProcess::command_line() const {
  std::string line;
  for (const std::string& word : CommandWords("PORT", "DIR")) {
    line += (line.empty() ? "" : " ") + (word.empty() ? "\"\"" : word);
  }
  return line;
}

std::vector<std::string> ServerProcess::CommandWords(const std::string& port,
                                                     const std::string& directory) const {
  if (!spec_.command.empty()) {
    std::vector<std::string> words = spec_.command;
    for (std::string& word : words) {
      Replace("{port}", port, &word);
      Replace("{dir}", directory, &word);
      Replace("{fsync}", spec_.appendfsync, &word);
    }
    return words;
  }
  std::vector<std::string> words = {spec_.binary, "--port", port,       "--dir",
                                    directory,    "--bind", "127.0.0.1"};
  if (spec_.appendfsync != kNoFsyncMode) {
    words.insert(words.end(), {"--appendfsync", spec_.appendfsync});
  }
  words.insert(words.end(), spec_.args.begin(), spec_.args.end());
  return words;
}

Problem ServerProcess::Spawn(int port) {
  std::vector<std::string> words = CommandWords(std::to_string(port), directory_);
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const std::string log = directory_ + "/server.log";
  const pid_t parent = ::getpid();

  const pid_t pid = ::fork();
  if (pid < 0) return std::string("fork: ") + std::strerror(errno);
  if (pid == 0) {
    // No server outlives a bench that was killed.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(127);
    const int fd = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    ::dup2(fd, STDOUT_FILENO);
    ::dup2(fd, STDERR_FILENO);
    ::execvp(argv[0], argv.data());
    ::dprintf(STDERR_FILENO, "cannot run %s: %s\n", argv[0], std::strerror(errno));
    ::_exit(127);
  }
  pid_ = pid;
  return "";
}

Problem ServerProcess::WaitUntilReady() {
  const auto deadline = std::chrono::steady_clock::now() + kReadyLimit;
  while (std::chrono::steady_clock::now() < deadline) {
    if (!IsRunning()) return command_line() + " ended at once: " + Tail(directory_ + "/server.log");
    Client client;
    if (client.Open(endpoint_).empty()) {
      const auto reply = client.Call({"PING"});
      if (reply.has_value() && reply->text == "PONG") return "";
    }
    std::this_thread::sleep_for(kPollInterval);
  }
  return command_line() + " does not answer: " + Tail(directory_ + "/server.log");
}

bool ServerProcess::IsRunning() {
  if (pid_ >= 0 && ::waitpid(pid_, nullptr, WNOHANG) == pid_) pid_ = -1;
  return pid_ >= 0;
}

Problem ServerProcess::End(int signal) {
  if (pid_ < 0) return "";
  ::kill(pid_, signal);
  const auto deadline = std::chrono::steady_clock::now() + kStopLimit;
  Problem problem;
  while (IsRunning()) {
    if (std::chrono::steady_clock::now() > deadline) {
      problem = command_line() + " does not end";
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
      pid_ = -1;
    } else {
      std::this_thread::sleep_for(kPollInterval);
    }
  }
  return problem;
}

uint64_t ServerProcess::DiskBytes() const {
  constexpr uint64_t kStatBlockBytes = 512;
  uint64_t bytes = 0;
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator at(directory_, error), end; at != end;
       at.increment(error)) {
    struct stat status = {};
    // A file may be gone by now.
    if (::lstat(at->path().c_str(), &status) == 0 && S_ISREG(status.st_mode)) {
      bytes += static_cast<uint64_t>(status.st_blocks) * kStatBlockBytes;
    }
    if (error) break;
  }
  return bytes;
}

// Fields of /proc/<pid>/stat as proc(5) numbers them; those from the third on follow the program's
// name, which is in parentheses and may hold anything.
ProcessUsage ServerProcess::Usage() const {
  constexpr int kUserTicks = 14;
  constexpr int kChildSystemTicks = 17;
  constexpr int kResidentPages = 24;
  std::ifstream file("/proc/" + std::to_string(pid_) + "/stat");
  std::string line;
  std::getline(file, line);
  const size_t name_end = line.rfind(')');
  if (name_end == std::string::npos) return {};
  std::istringstream fields(line.substr(name_end + 2));
  ProcessUsage usage;
  std::string word;
  for (int field = 3; field <= kResidentPages && fields >> word; ++field) {
    const double value = std::strtod(word.c_str(), nullptr);
    if (field >= kUserTicks && field <= kChildSystemTicks) {
      usage.cpu_s += value / static_cast<double>(::sysconf(_SC_CLK_TCK));
    }
    if (field == kResidentPages) {
      usage.resident_mib = value * static_cast<double>(::sysconf(_SC_PAGESIZE)) / 1048576;
    }
  }
  return usage;
}

double ServerProcess::PeakResidentMib() const {
  std::ifstream file("/proc/" + std::to_string(pid_) + "/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("VmHWM:")) return std::strtod(line.c_str() + 6, nullptr) / 1024;
  }
  return 0;
}

void ServerProcess::WaitUntilIdle(double limit_seconds) const {
  const auto deadline =
      std::chrono::steady_clock::now() + std::chrono::duration<double>(limit_seconds);
  const double busy_s = kIdleShare * std::chrono::duration<double>(kIdleWindow).count();
  double before_s = Usage().cpu_s;
  while (std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(kIdleWindow);
    const double after_s = Usage().cpu_s;
    if (after_s - before_s <= busy_s) return;
    before_s = after_s;
  }
}

}  // namespace bench
