#include "engine/journal_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

namespace engine {
namespace {

Status FromErrno(std::string_view operation, const std::string& path) {
  const int error = errno;
  const Code code = error == ENOENT ? Code::kNotFound : Code::kIo;
  std::string message(operation);
  message.append(" ").append(path).append(": ").append(std::strerror(error));
  return Status(code, std::move(message));
}

class PosixFile final : public JournalFile {
 public:
  PosixFile(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}
  ~PosixFile() override { ::close(descriptor_); }

  Status Write(uint64_t offset, std::span<const std::string_view> pieces) override {
    size_t index = 0;  // Of the first piece with bytes left,
    size_t done = 0;   // of which so many are written.
    while (index < pieces.size()) {
      std::array<iovec, kMaxVectors> vectors;
      int count = 0;
      for (size_t i = index; i < pieces.size() && count < kMaxVectors; ++i, ++count) {
        const std::string_view rest = pieces[i].substr(i == index ? done : 0);
        vectors[static_cast<size_t>(count)] = {const_cast<char*>(rest.data()), rest.size()};
      }
      const ssize_t written =
          ::pwritev(descriptor_, vectors.data(), count, static_cast<off_t>(offset));
      if (written < 0) {
        if (errno == EINTR) {
          continue;
        }
        return FromErrno("write", path_);
      }
      offset += static_cast<uint64_t>(written);
      done += static_cast<size_t>(written);
      bool progressed = written > 0;
      while (index < pieces.size() && done >= pieces[index].size()) {
        done -= pieces[index].size();
        ++index;
        progressed = true;
      }
      if (!progressed) {
        return Status(Code::kIo, "write " + path_ + ": no progress");
      }
    }
    return OkStatus();
  }

  Result<size_t> Read(uint64_t offset, char* buffer, size_t size) override {
    size_t done = 0;
    while (done < size) {
      const ssize_t got =
          ::pread(descriptor_, buffer + done, size - done, static_cast<off_t>(offset + done));
      if (got < 0) {
        if (errno == EINTR) {
          continue;
        }
        return FromErrno("read", path_);
      }
      if (got == 0) {
        break;
      }
      done += static_cast<size_t>(got);
    }
    return done;
  }

  Status Sync() override {
    // Not repeated on EINTR or anything else: after a failure the kernel may call the pages clean.
    if (::fdatasync(descriptor_) != 0) {
      return FromErrno("fdatasync", path_);
    }
    return OkStatus();
  }

 private:
  static constexpr int kMaxVectors = 1024;
  static_assert(kMaxVectors <= IOV_MAX);

  const int descriptor_;
  const std::string path_;
};

class PosixOps final : public JournalFileOps {
 public:
  Result<std::unique_ptr<JournalFile>> OpenFile(const std::string& path, bool create) override {
    const int descriptor = ::open(path.c_str(), O_RDWR | O_CLOEXEC | (create ? O_CREAT : 0), 0600);
    if (descriptor < 0) {
      return FromErrno("open", path);
    }
    return std::unique_ptr<JournalFile>(std::make_unique<PosixFile>(descriptor, path));
  }

  Result<uint64_t> FileSize(const std::string& path) override {
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) {
      return FromErrno("stat", path);
    }
    return static_cast<uint64_t>(info.st_size);
  }

  Status Rename(const std::string& from, const std::string& to) override {
    return std::rename(from.c_str(), to.c_str()) == 0 ? OkStatus() : FromErrno("rename", from);
  }

  Status Remove(const std::string& path) override {
    return ::unlink(path.c_str()) == 0 ? OkStatus() : FromErrno("unlink", path);
  }

  Result<std::vector<std::string>> List(const std::string& directory) override {
    DIR* stream = ::opendir(directory.c_str());
    if (stream == nullptr) {
      return FromErrno("open directory", directory);
    }
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* entry = ::readdir(stream)) {
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") {
        names.emplace_back(name);
      }
    }
    const Status status = errno == 0 ? OkStatus() : FromErrno("read directory", directory);
    ::closedir(stream);
    if (!status.ok()) {
      return status;
    }
    return names;
  }

  Status CreateDirectory(const std::string& directory) override {
    if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
      return FromErrno("create directory", directory);
    }
    return OkStatus();
  }

  Status SyncDirectory(const std::string& directory) override {
    const int descriptor = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) {
      return FromErrno("open directory", directory);
    }
    const Status status =
        ::fsync(descriptor) == 0 ? OkStatus() : FromErrno("fsync directory", directory);
    ::close(descriptor);
    return status;
  }
};

}  // namespace

JournalFileOps& PosixJournalFileOps() {
  static PosixOps ops;
  return ops;
}

}  // namespace engine
