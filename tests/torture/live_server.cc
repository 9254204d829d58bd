#include "tests/torture/live_server.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <utility>

#include "resp/writer.h"

namespace tests {
namespace {

constexpr int kTryMs = 2;
constexpr int kStartTries = 90'000;
constexpr size_t kLogBytes = 4000;

}  // namespace

// ---- LiveConnection ----

LiveConnection::LiveConnection(const std::string& socket_path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (socket_path.size() >= sizeof(address.sun_path)) {
    return;
  }
  std::memcpy(address.sun_path, socket_path.c_str(), socket_path.size());
  fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    Close();
  }
}

LiveConnection::LiveConnection(LiveConnection&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      unsent_(std::move(other.unsent_)),
      decoder_(std::move(other.decoder_)) {}

LiveConnection::~LiveConnection() { Close(); }

void LiveConnection::Close() {
  if (fd_ >= 0) {
    close(fd_);
  }
  fd_ = -1;
}

void LiveConnection::Put(const std::vector<std::string>& words) {
  resp::Writer writer(&unsent_);
  writer.ArrayHeader(words.size());
  for (const std::string& word : words) {
    writer.Bulk(word);
  }
}

void LiveConnection::Send() {
  for (size_t sent = 0; sent < unsent_.size();) {
    const ssize_t now = send(fd_, unsent_.data() + sent, unsent_.size() - sent, MSG_NOSIGNAL);
    if (now <= 0) {
      break;
    }
    sent += static_cast<size_t>(now);
  }
  unsent_.clear();
}

std::optional<resp::Reply> LiveConnection::Receive() {
  char bytes[4096];
  while (is_open()) {
    if (auto reply = decoder_.Next(); reply.has_value()) {
      return reply;
    }
    const ssize_t size = recv(fd_, bytes, sizeof(bytes), 0);
    if (size <= 0 || decoder_.failed()) {
      Close();
      break;
    }
    decoder_.Feed({bytes, static_cast<size_t>(size)});
  }
  return std::nullopt;
}

std::optional<resp::Reply> LiveConnection::Call(const std::vector<std::string>& words) {
  Put(words);
  Send();
  return Receive();
}

// ---- LiveServer ----

LiveServer::~LiveServer() { End(SIGKILL); }

bool LiveServer::Start(const std::vector<std::string>& options) {
  std::vector<std::string> words = {binary_, "--port",           "0", "--unixsocket", socket(),
                                    "--dir", directory_ / "data"};
  words.insert(words.end(), options.begin(), options.end());
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (std::string& word : words) {
    arguments.push_back(word.data());
  }
  arguments.push_back(nullptr);
  const std::string log = directory_ / "log";
  unlink(socket().c_str());
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ == 0) {
    // A harness that is killed leaves no server behind.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int in = open("/dev/null", O_RDONLY);
    const int out = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(in, 0);
    dup2(out, 1);
    dup2(out, 2);
    if (getppid() == parent) {
      execv(arguments[0], arguments.data());
    }
    _exit(127);
  }
  for (int i = 0; i < kStartTries && !HasDied(); ++i) {
    LiveConnection connection(socket());
    if (connection.is_open() && connection.Call({"PING"}).has_value()) {
      return true;
    }
    poll(nullptr, 0, kTryMs);
  }
  return false;
}

bool LiveServer::HasDied() {
  if (pid_ > 0 && waitpid(pid_, nullptr, WNOHANG) == pid_) {
    pid_ = -1;
  }
  return pid_ < 0;
}

void LiveServer::End(int signal) {
  if (pid_ > 0) {
    kill(pid_, signal);
    waitpid(pid_, nullptr, 0);
  }
  pid_ = -1;
}

std::string LiveServer::Log() const {
  std::ifstream file(directory_ / "log");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  return text.substr(text.size() - std::min(text.size(), kLogBytes));
}

}  // namespace tests
