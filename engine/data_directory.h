// The data directory: made if missing, locked against a second server, told apart from a new one.
//
// Layout: LOCK, journal/ (segments), store/ (RocksDB). Owner: Persistence. Thread: main.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "engine/journal_file.h"
#include "engine/status.h"

namespace engine {

class DataDirectory {
 public:
  // `ops` makes and syncs the directories; not owned, outlives this object.
  explicit DataDirectory(JournalFileOps& ops) : ops_(ops) {}
  ~DataDirectory();
  DataDirectory(const DataDirectory&) = delete;
  DataDirectory& operator=(const DataDirectory&) = delete;

  // Takes the lock; with `create`, makes the directory first. It, and all above it, are synced into
  // their parents, also those that were there: who made them may not have got to that. kIo with
  // words otherwise; kNotFound where there is no directory and none is to be made.
  Status Open(const std::string& path, bool create);
  // Makes the directory of the store, synced.
  Status MakeStorePath();
  std::string JournalPath() const { return path_ + "/journal"; }
  std::string StorePath() const { return path_ + "/store"; }
  // A RocksDB has been created here.
  bool HasStore() const;
  // The journal directory holds files that were finished.
  bool HasJournal() const;
  // There are files of data where the store is, or was.
  bool HasTables() const;
  void Unlock();
  JournalFileOps& ops() const { return ops_; }

  static std::array<uint8_t, 16> DrawStoreId();

 private:
  Status MakeDirectory(const std::string& path);
  Status SyncAbove(const std::string& parent);
  // Store and journal must not be taken for absent because they cannot be looked at.
  static Status CheckReadable(const std::string& path);

  JournalFileOps& ops_;
  std::string path_;
  int lock_fd_ = -1;
};

}  // namespace engine
