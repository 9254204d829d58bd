#include "server/process.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>
#include <string_view>
#include <system_error>

#include "server/net/owned_fd.h"

namespace server {
namespace {

using engine::Code;
using engine::OkStatus;
using engine::Status;

Status SystemError(std::string_view what, const std::string& path) {
  return Status(Code::kIo, std::string(what) + " " + path + ": " + strerror(errno));
}

// Nobody here throws. What arrives comes from a library: memory that did not come from operator
// new, or a thread that could not be made.
[[noreturn]] void EndIfOutOfMemory() {
  if (const std::exception_ptr thrown = std::current_exception()) {
    try {
      std::rethrow_exception(thrown);
    } catch (const std::bad_alloc&) {
      EndOutOfMemory();
    } catch (const std::system_error& error) {
      if (error.code() == std::errc::resource_unavailable_try_again) EndOutOfMemory();
    } catch (...) {
      std::abort();
    }
  }
  std::abort();
}

}  // namespace

void EndOutOfMemory() {
  // Nothing that could need memory: no log, no destructors.
  static constexpr std::string_view kText = "weir-server: out of memory\n";
  static_cast<void>(!::write(STDERR_FILENO, kText.data(), kText.size()));
  ::_exit(static_cast<int>(ExitCode::kOutOfMemory));
}

void EndWhenOutOfMemory() {
  std::set_new_handler([] { EndOutOfMemory(); });
  std::set_terminate([] { EndIfOutOfMemory(); });
}

int64_t RaiseFileLimit(int64_t wanted) {
  constexpr rlim_t kStep = 16;
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return wanted;
  const rlim_t enough = static_cast<rlim_t>(std::max<int64_t>(wanted, 0));
  if (limit.rlim_cur >= enough)
    return static_cast<int64_t>(std::min<rlim_t>(limit.rlim_cur, INT64_MAX));
  const rlim_t had = limit.rlim_cur;
  // The hard limit can be raised by root alone, and by root only up to what the kernel has.
  limit.rlim_max = std::max(limit.rlim_max, enough);
  limit.rlim_cur = enough;
  if (setrlimit(RLIMIT_NOFILE, &limit) == 0) return wanted;
  getrlimit(RLIMIT_NOFILE, &limit);
  for (rlim_t target = std::min(limit.rlim_max, enough); target > had; target -= kStep) {
    limit.rlim_cur = target;
    if (setrlimit(RLIMIT_NOFILE, &limit) == 0) return static_cast<int64_t>(target);
    if (target < had + kStep) break;
  }
  return static_cast<int64_t>(had);
}

Status CreateDirectories(const std::string& path) {
  constexpr mode_t kOwnerOnly = 0700;
  for (size_t end = 0; end != std::string::npos;) {
    end = path.find('/', end + 1);
    const std::string parent = path.substr(0, end);
    if (mkdir(parent.c_str(), kOwnerOnly) != 0 && errno != EEXIST) {
      return SystemError("cannot create", parent);
    }
  }
  struct stat info = {};
  if (stat(path.c_str(), &info) != 0) return SystemError("cannot use", path);
  if (!S_ISDIR(info.st_mode)) return Status(Code::kIo, path + " is not a directory");
  return OkStatus();
}

PidFile::~PidFile() {
  if (is_written_) unlink(path_.c_str());
}

Status PidFile::Write() {
  constexpr mode_t kReadableByAll = 0644;
  if (path_.empty()) return OkStatus();
  const OwnedFd fd(::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kReadableByAll));
  const std::string text = std::to_string(getpid()) + "\n";
  if (!fd.is_open() || ::write(fd.get(), text.data(), text.size()) < 0) {
    return SystemError("cannot write", path_);
  }
  is_written_ = true;
  return OkStatus();
}

}  // namespace server
