// The few file operations the journal needs, behind an interface so that tests can fail, tear and
// forget writes. The real one uses plain POSIX calls.
//
// Thread: JournalFile::Write and Sync may run at the same time in two threads; everything else is
// the caller's to order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/status.h"

namespace engine {

class JournalFile {
 public:
  virtual ~JournalFile() = default;
  // Writes the pieces one after the other from `offset` on. kIo: any part of it may be on disk.
  virtual Status Write(uint64_t offset, std::span<const std::string_view> pieces) = 0;
  // Reads up to `size` bytes; fewer at the end of the file. Returns the number read.
  virtual Result<size_t> Read(uint64_t offset, char* buffer, size_t size) = 0;
  virtual Status Sync() = 0;
};

class JournalFileOps {
 public:
  virtual ~JournalFileOps() = default;
  // Opens for reading and writing. kNotFound without `create` if there is none.
  virtual Result<std::unique_ptr<JournalFile>> OpenFile(const std::string& path, bool create) = 0;
  virtual Result<uint64_t> FileSize(const std::string& path) = 0;
  virtual Status Rename(const std::string& from, const std::string& to) = 0;
  virtual Status Remove(const std::string& path) = 0;
  // Names, without "." and "..", in no order. kNotFound if the directory does not exist.
  virtual Result<std::vector<std::string>> List(const std::string& directory) = 0;
  // Creates one directory, no parents, if it is not there.
  virtual Status CreateDirectory(const std::string& directory) = 0;
  virtual Status SyncDirectory(const std::string& directory) = 0;
};

// The real file system. Never destroyed, stateless.
JournalFileOps& PosixJournalFileOps();

}  // namespace engine
