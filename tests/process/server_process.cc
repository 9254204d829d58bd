#include "tests/process/server_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "gtest/gtest.h"

namespace tests {
namespace {

// A start replays a journal at most; a minute means that it hangs.
constexpr int kStartTries = 6000;
constexpr int kTryMs = 10;

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

pid_t Spawn(const std::vector<std::string>& arguments, const std::string& input,
            const std::string& output) {
  std::vector<char*> words = {const_cast<char*>(WEIR_SERVER)};
  for (const std::string& argument : arguments)
    words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  const pid_t pid = fork();
  if (pid != 0) return pid;
  const int in = open(input.c_str(), O_RDONLY);
  const int out = open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  dup2(in, 0);
  dup2(out, 1);
  dup2(out, 2);
  execv(words[0], words.data());
  _exit(127);
}

int ExitCode(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status); }

std::string Render(const redisReply& reply) {
  switch (reply.type) {
    case REDIS_REPLY_ERROR:
      return "(error) " + std::string(reply.str, reply.len);
    case REDIS_REPLY_INTEGER:
      return "(integer) " + std::to_string(reply.integer);
    case REDIS_REPLY_NIL:
      return "(nil)";
    case REDIS_REPLY_ARRAY: {
      std::string text = "[";
      for (size_t i = 0; i < reply.elements; ++i) {
        text += (i == 0 ? "" : ", ") + Render(*reply.element[i]);
      }
      return text + "]";
    }
    default:
      return {reply.str, reply.len};
  }
}

}  // namespace

// --- Client --------------------------------------------------------------------------------------

void Client::Append(const std::vector<std::string>& words) {
  std::vector<const char*> starts;
  std::vector<size_t> sizes;
  for (const std::string& word : words) {
    starts.push_back(word.data());
    sizes.push_back(word.size());
  }
  redisAppendCommandArgv(context_.get(), static_cast<int>(words.size()), starts.data(),
                         sizes.data());
}

std::string Client::NextReply() {
  void* reply = nullptr;
  if (redisGetReply(context_.get(), &reply) != REDIS_OK || reply == nullptr) return "(closed)";
  return Render(*Reply(static_cast<redisReply*>(reply)));
}

std::string Client::Call(const std::vector<std::string>& words) {
  Append(words);
  return NextReply();
}

// --- Processes -----------------------------------------------------------------------------------

Ended RunToEnd(const std::vector<std::string>& arguments, const std::string& input) {
  const TempDir directory;
  const std::string in = directory / "in";
  std::ofstream(in) << input;
  const std::string out = directory / "out";
  int status = 0;
  waitpid(Spawn(arguments, in, out), &status, 0);
  return {.exit_code = ExitCode(status), .output = ReadFile(out)};
}

ServerProcess::ServerProcess(std::vector<std::string> options) : options_(std::move(options)) {
  Start();
}

ServerProcess::~ServerProcess() {
  if (pid_ < 0) return;
  Signal(SIGKILL);
  Wait();
}

void ServerProcess::Start() {
  std::vector<std::string> arguments = {"--port", "0", "--unixsocket", socket(), "--dir", data()};
  arguments.insert(arguments.end(), options_.begin(), options_.end());
  unlink(socket().c_str());
  pid_ = Spawn(arguments, "/dev/null", directory_ / "log");
  for (int i = 0; i < kStartTries; ++i) {
    if (Connect().is_connected()) return;
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) == pid_) {
      pid_ = -1;
      FAIL() << "the server ended with " << ExitCode(status) << ":\n" << Log();
    }
    poll(nullptr, 0, kTryMs);
  }
  FAIL() << "the server does not start:\n" << Log();
}

Client ServerProcess::Connect() { return Client(redisConnectUnix(socket().c_str())); }

std::string ServerProcess::Log() const { return ReadFile(directory_ / "log"); }

void ServerProcess::Signal(int number) const { kill(pid_, number); }

int ServerProcess::Wait() {
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  return ExitCode(status);
}

}  // namespace tests
