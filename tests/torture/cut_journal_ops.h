// The journal's files and directories on a disk whose power can be cut.
#pragma once

#include "engine/journal_file.h"
#include "tests/torture/cut_disk.h"

namespace tests {

class CutJournalOps final : public engine::JournalFileOps {
 public:
  explicit CutJournalOps(CutDisk& disk) : disk_(disk) {}
  engine::Result<std::unique_ptr<engine::JournalFile>> OpenFile(const std::string& path,
                                                                bool create) override;
  engine::Result<uint64_t> FileSize(const std::string& path) override;
  engine::Status Rename(const std::string& from, const std::string& to) override;
  engine::Status Remove(const std::string& path) override;
  engine::Result<std::vector<std::string>> List(const std::string& directory) override;
  engine::Status CreateDirectory(const std::string& directory) override;
  engine::Status SyncDirectory(const std::string& directory) override;

 private:
  CutDisk& disk_;
  engine::JournalFileOps& real_ = engine::PosixJournalFileOps();
};

}  // namespace tests
