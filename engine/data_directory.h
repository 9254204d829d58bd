// The data directory: made if missing, locked against a second server, told apart from a new one.
//
// Layout: LOCK, journal/ (segments), store/ (RocksDB). Owner: Persistence. Thread: main.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "engine/status.h"

namespace engine {

class DataDirectory {
 public:
  DataDirectory() = default;
  ~DataDirectory();
  DataDirectory(const DataDirectory&) = delete;
  DataDirectory& operator=(const DataDirectory&) = delete;

  // Creates what is missing, synced into its parent, and takes the lock. kIo with words otherwise.
  Status Open(const std::string& path);
  std::string JournalPath() const { return path_ + "/journal"; }
  std::string StorePath() const { return path_ + "/store"; }
  // A RocksDB has been created here.
  bool HasStore() const;
  // The journal directory holds files.
  bool HasJournal() const;
  void Unlock();

  static std::array<uint8_t, 16> DrawStoreId();

 private:
  std::string path_;
  int lock_fd_ = -1;
};

}  // namespace engine
