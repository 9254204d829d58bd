// What the server needs of the operating system beside sockets: descriptors, folders, its pid file.
//
// Thread: main, before others are started.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "engine/status.h"

namespace server {

// How a process ends; documented in docs/operations.md.
enum class ExitCode : int {
  kOk = 0,
  kCannotStart = 1,     // Configuration, address in use, folder not writable, ...
  kOutOfMemory = 71,    // The system gives no memory, or no thread: start it again. (EX_OSERR)
  kStorageFailed = 75,  // While it ran: start it again. (EX_TEMPFAIL)
  kDataRefused = 78,    // The store is damaged or of another format: an operator has to look.
};

// From now on the process ends with kOutOfMemory and a line on standard error when the system
// refuses it memory or a thread. At any point: what was acknowledged is in the journal.
void EndWhenOutOfMemory();
// What the handlers of it do. From any thread.
[[noreturn]] void EndOutOfMemory();

// Raises the limit of open file descriptors to `wanted`, as far as the system lets it; the limit
// that holds then.
int64_t RaiseFileLimit(int64_t wanted);

// With missing parents; only the owner may enter what is created. kIo with the system's words.
engine::Status CreateDirectories(const std::string& path);

// A file with the number of this process, removed at the end. No file when `path` is empty.
class PidFile {
 public:
  explicit PidFile(std::string path) : path_(std::move(path)) {}
  ~PidFile();
  PidFile(const PidFile&) = delete;
  PidFile& operator=(const PidFile&) = delete;

  engine::Status Write();

 private:
  std::string path_;
  bool is_written_ = false;
};

}  // namespace server
