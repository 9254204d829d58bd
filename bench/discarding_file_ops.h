// A file system for the journal that forgets everything but the names, sizes and headers of its
// files: what is left of a commit is our own work.
//
// Thread: one.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/journal_file.h"
#include "engine/journal_format.h"

namespace bench {

class DiscardingFileOps final : public engine::JournalFileOps {
 public:
  engine::Result<std::unique_ptr<engine::JournalFile>> OpenFile(const std::string& path,
                                                                bool create) override {
    auto& content = files_[path];
    if (content == nullptr) {
      if (!create) return engine::Status(engine::Code::kNotFound, path);
      content = std::make_shared<Content>();
    }
    return std::unique_ptr<engine::JournalFile>(std::make_unique<File>(content));
  }
  engine::Result<uint64_t> FileSize(const std::string& path) override { return files_[path]->size; }
  engine::Status Rename(const std::string& from, const std::string& to) override {
    files_[to] = std::exchange(files_[from], nullptr);
    files_.erase(from);
    return engine::OkStatus();
  }
  engine::Status Remove(const std::string& path) override {
    files_.erase(path);
    return engine::OkStatus();
  }
  engine::Result<std::vector<std::string>> List(const std::string& directory) override {
    std::vector<std::string> names;
    for (const auto& [path, content] : files_) names.push_back(path.substr(directory.size() + 1));
    return names;
  }
  engine::Status CreateDirectory(const std::string&) override { return engine::OkStatus(); }
  engine::Status SyncDirectory(const std::string&) override { return engine::OkStatus(); }

 private:
  struct Content {
    std::string header = std::string(engine::kSegmentHeaderBlockBytes, '\0');
    uint64_t size = 0;
  };

  class File final : public engine::JournalFile {
   public:
    explicit File(std::shared_ptr<Content> content) : content_(std::move(content)) {}

    engine::Status Write(uint64_t offset, std::span<const std::string_view> pieces) override {
      for (const std::string_view piece : pieces) {
        std::string& header = content_->header;
        if (offset < header.size()) {
          std::memcpy(header.data() + offset, piece.data(),
                      std::min<size_t>(piece.size(), header.size() - offset));
        }
        offset += piece.size();
      }
      content_->size = std::max(content_->size, offset);
      return engine::OkStatus();
    }
    engine::Result<size_t> Read(uint64_t offset, char* buffer, size_t size) override {
      if (offset >= content_->size) return size_t{0};
      size = std::min<size_t>(size, content_->size - offset);
      std::memset(buffer, 0, size);
      if (offset < content_->header.size()) content_->header.copy(buffer, size, offset);
      return size;
    }
    engine::Status Sync() override { return engine::OkStatus(); }

   private:
    std::shared_ptr<Content> content_;
  };

  std::map<std::string, std::shared_ptr<Content>> files_;
};

}  // namespace bench
