#include "engine/data_directory.h"

#include <fcntl.h>
#include <sodium.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "engine/check.h"

namespace engine {
namespace {

namespace fs = std::filesystem;

Status IoError(const std::string& what, const std::string& path, int error) {
  return Status(Code::kIo, what + " " + path + ": " + std::strerror(error));
}

Status SyncDirectory(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) {
    return IoError("cannot open directory", path, errno);
  }
  const int result = ::fsync(fd);
  const int error = errno;
  ::close(fd);
  return result == 0 ? OkStatus() : IoError("cannot sync directory", path, error);
}

// Each new level is synced into the one above it.
Status MakeDirectory(const fs::path& path) {
  std::error_code error;
  if (fs::is_directory(path, error)) {
    return OkStatus();
  }
  const fs::path parent = path.parent_path().empty() ? fs::path(".") : path.parent_path();
  RETURN_IF_ERROR(MakeDirectory(parent));
  if (!fs::create_directory(path, error) && error) {
    return IoError("cannot create directory", path.string(), error.value());
  }
  return SyncDirectory(parent.string());
}

template <typename Wanted>
bool HasFile(const std::string& directory, Wanted wanted) {
  std::error_code error;
  for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
    if (wanted(at->path())) {
      return true;
    }
  }
  return false;
}

}  // namespace

DataDirectory::~DataDirectory() { Unlock(); }

Status DataDirectory::Open(const std::string& path, bool create) {
  path_ = path;
  std::error_code error;
  if (create) {
    RETURN_IF_ERROR(MakeDirectory(fs::absolute(path).lexically_normal()));
  } else if (!fs::is_directory(path, error)) {
    return Status(Code::kNotFound, "there is no directory " + path);
  }
  const std::string lock = path + "/LOCK";
  lock_fd_ = ::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock_fd_ < 0) {
    return IoError("cannot open", lock, errno);
  }
  if (::flock(lock_fd_, LOCK_EX | LOCK_NB) != 0) {
    return Status(Code::kIo, "data directory " + path + " is in use by another process (LOCK)");
  }
  return SyncDirectory(path);
}

Status DataDirectory::MakeStorePath() { return MakeDirectory(StorePath()); }

bool DataDirectory::HasStore() const {
  std::error_code error;
  return fs::exists(StorePath() + "/CURRENT", error);
}

bool DataDirectory::HasJournal() const {
  return HasFile(JournalPath(), [](const fs::path& path) { return path.extension() != ".new"; });
}

bool DataDirectory::HasTables() const {
  return HasFile(StorePath(), [](const fs::path& path) { return path.extension() == ".sst"; });
}

void DataDirectory::Unlock() {
  if (lock_fd_ >= 0) {
    ::close(lock_fd_);
    lock_fd_ = -1;
  }
}

std::array<uint8_t, 16> DataDirectory::DrawStoreId() {
  CHECK(sodium_init() >= 0);
  std::array<uint8_t, 16> id;
  randombytes_buf(id.data(), id.size());
  return id;
}

}  // namespace engine
