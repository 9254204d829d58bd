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
#include "engine/fault_point.h"

namespace engine {
namespace {

namespace fs = std::filesystem;

Status IoError(const std::string& what, const std::string& path, int error) {
  return Status(Code::kIo, what + " " + path + ": " + std::strerror(error));
}

// Without a slash at its end: the last part is a name in the directory above.
std::string AbsolutePath(const std::string& path) {
  fs::path absolute = fs::absolute(path).lexically_normal();
  return (absolute.has_filename() ? absolute : absolute.parent_path()).string();
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

// Each new level is synced into the one above it. So is each that was there: it may be left from a
// process that died before it could do that. Of what is above, which this process may not open, it
// has made nothing.
Status DataDirectory::MakeDirectory(const std::string& path) {
  std::error_code error;
  const std::string parent = fs::path(path).parent_path().string();
  if (fs::is_directory(path, error)) {
    if (parent != path) {
      RETURN_IF_ERROR(MakeDirectory(parent));
      static_cast<void>(SyncAbove(parent));
    }
    return OkStatus();
  }
  RETURN_IF_ERROR(MakeDirectory(parent));
  RETURN_IF_ERROR(ops_.CreateDirectory(path));
  FAULT_POINT("open.directory_made");
  return SyncAbove(parent);
}

Status DataDirectory::SyncAbove(const std::string& parent) {
  return PLANTED_BUG("parent_sync_skipped") ? OkStatus() : ops_.SyncDirectory(parent);
}

Status DataDirectory::Open(const std::string& path, bool create) {
  path_ = path;
  std::error_code error;
  if (create) {
    RETURN_IF_ERROR(MakeDirectory(AbsolutePath(path)));
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
  FAULT_POINT("open.locked");
  RETURN_IF_ERROR(ops_.SyncDirectory(path));
  RETURN_IF_ERROR(CheckReadable(StorePath()));
  return CheckReadable(JournalPath());
}

Status DataDirectory::CheckReadable(const std::string& path) {
  std::error_code error;
  const fs::directory_iterator files(path, error);
  const bool is_absent =
      error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory;
  return !error || is_absent ? OkStatus() : IoError("cannot read", path, error.value());
}

Status DataDirectory::MakeStorePath() { return MakeDirectory(AbsolutePath(StorePath())); }

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
