#include "tests/torture/cut_journal_ops.h"

#include <utility>

namespace tests {

using engine::JournalFile;
using engine::OkStatus;
using engine::Result;
using engine::Status;

namespace {

class CutFile final : public JournalFile {
 public:
  CutFile(CutDisk& disk, CutDisk::NodePtr node, std::unique_ptr<JournalFile> file)
      : disk_(disk), node_(std::move(node)), file_(std::move(file)) {}

  Status Write(uint64_t offset, std::span<const std::string_view> pieces) override {
    std::string bytes;
    for (const std::string_view piece : pieces) {
      bytes += piece;
    }
    Status status;
    disk_.Write(node_, offset, bytes, [&] {
      status = file_->Write(offset, pieces);
      return status.ok();
    });
    return status;
  }
  Result<size_t> Read(uint64_t offset, char* buffer, size_t size) override {
    return file_->Read(offset, buffer, size);
  }
  Status Sync() override {
    disk_.Sync(node_);
    return OkStatus();
  }

 private:
  CutDisk& disk_;
  const CutDisk::NodePtr node_;
  const std::unique_ptr<JournalFile> file_;
};

}  // namespace

Result<std::unique_ptr<JournalFile>> CutJournalOps::OpenFile(const std::string& path, bool create) {
  Result<std::unique_ptr<JournalFile>> opened = Status(engine::Code::kIo);
  const auto open = [&] {
    opened = real_.OpenFile(path, create);
    return opened.ok();
  };
  CutDisk::NodePtr node;
  if (create) {
    node = disk_.Create(path, false, open);
  } else {
    node = open() ? disk_.Find(path) : nullptr;
  }
  if (!opened.ok()) {
    return opened.status();
  }
  return std::unique_ptr<JournalFile>(
      std::make_unique<CutFile>(disk_, std::move(node), std::move(opened).value()));
}

Result<uint64_t> CutJournalOps::FileSize(const std::string& path) { return real_.FileSize(path); }

Status CutJournalOps::Rename(const std::string& from, const std::string& to) {
  Status status;
  disk_.Rename(from, to, [&] {
    status = real_.Rename(from, to);
    return status.ok();
  });
  return status;
}

Status CutJournalOps::Remove(const std::string& path) {
  Status status;
  disk_.Remove(path, [&] {
    status = real_.Remove(path);
    return status.ok();
  });
  return status;
}

Result<std::vector<std::string>> CutJournalOps::List(const std::string& directory) {
  return real_.List(directory);
}

Status CutJournalOps::CreateDirectory(const std::string& directory) {
  Status status;
  disk_.CreateDirectory(directory, [&] {
    status = real_.CreateDirectory(directory);
    return status.ok();
  });
  return status;
}

Status CutJournalOps::SyncDirectory(const std::string& directory) {
  disk_.SyncDirectory(directory);
  return OkStatus();
}

}  // namespace tests
