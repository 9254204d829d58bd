#include "tests/torture/child.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstring>

namespace tests {
namespace {

constexpr rlim_t kCpuSeconds = 60;
constexpr size_t kErrorBytes = 4000;

std::string ReadAllOf(std::FILE* file) {
  std::string text;
  std::array<char, 4096> buffer;
  std::rewind(file);
  for (size_t got = 0; (got = std::fread(buffer.data(), 1, buffer.size(), file)) > 0;) {
    text.append(buffer.data(), got);
  }
  std::fclose(file);
  return text;
}

[[noreturn]] void BeChild(unsigned seconds, const std::function<std::string()>& work,
                          std::FILE* said, std::FILE* errors) {
  dup2(fileno(errors), STDERR_FILENO);
  alarm(seconds);
  const rlimit limit = {kCpuSeconds, kCpuSeconds};
  setrlimit(RLIMIT_CPU, &limit);
  const std::string words = work();
  std::fwrite(words.data(), 1, words.size(), said);
  std::fflush(said);
  _exit(0);
}

}  // namespace

ChildResult RunInChild(unsigned seconds, const std::function<std::string()>& work) {
  std::FILE* const said = std::tmpfile();
  std::FILE* const errors = std::tmpfile();
  ChildResult result;
  if (said == nullptr || errors == nullptr) {
    result.how = "no temporary file";
    return result;
  }
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    BeChild(seconds, work, said, errors);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child) {
    result.how = "cannot fork";
  } else if (WIFSIGNALED(status)) {
    result.how = WTERMSIG(status) == SIGALRM || WTERMSIG(status) == SIGXCPU
                     ? "hung"
                     : std::string("killed by ") + strsignal(WTERMSIG(status));
  } else if (WEXITSTATUS(status) != 0) {
    result.how = "exit code " + std::to_string(WEXITSTATUS(status));
  } else {
    result.ended = true;
  }
  result.said = ReadAllOf(said);
  result.errors = ReadAllOf(errors);
  if (result.errors.size() > kErrorBytes) {
    result.errors.erase(0, result.errors.size() - kErrorBytes);
  }
  return result;
}

}  // namespace tests
