// A file system in memory for the journal's tests: it forgets what was not synced, tears the last
// writes and fails the calls it is told to fail. Thread: any.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/journal_file.h"

namespace engine {

class FaultyFileOps final : public JournalFileOps {
 public:
  // Write (Sync) calls still to succeed before `count` ones fail. Counted from now on.
  void FailWrites(int after, int count) {
    const std::lock_guard lock(mutex_);
    writes_ = {after, count};
  }
  void FailSyncs(int after, int count) {
    const std::lock_guard lock(mutex_);
    syncs_ = {after, count};
  }
  // Called before each change of a file, outside all locks; may block. Set before the threads
  // start.
  enum class Call { kCreate, kWriteHeader, kWrite, kSync, kRemove };
  void SetHook(std::function<void(Call)> hook) { hook_ = std::move(hook); }
  int sync_calls() const {
    const std::lock_guard lock(mutex_);
    return sync_calls_;
  }

  // What a power cut leaves: of the writes not synced, any subset in 512-byte sectors. Files that
  // are still open change nothing any more.
  void PowerCut(std::mt19937_64& random) {
    const std::lock_guard lock(mutex_);
    names_ = durable_names_;
    for (auto& [path, content] : names_) {
      for (const auto& [offset, bytes] : content->unsynced) {
        for (uint64_t at = offset; at < offset + bytes.size();) {
          const uint64_t end = std::min<uint64_t>((at / 512 + 1) * 512, offset + bytes.size());
          if (random() % 3 == 0) {
            Apply(&content->durable, at, std::string_view(bytes).substr(at - offset, end - at));
          }
          at = end;
        }
      }
      content->unsynced.clear();
      content->cached = content->durable;
      content = std::make_shared<ContentData>(*content);
    }
    durable_names_ = names_;
  }

  std::vector<std::string> Paths() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> paths;
    for (const auto& [path, content] : names_) {
      paths.push_back(path);
    }
    return paths;
  }
  std::string Content(const std::string& path) const {
    const std::lock_guard lock(mutex_);
    return names_.at(path)->cached;
  }
  void SetContent(const std::string& path, const std::string& bytes) {
    const std::lock_guard lock(mutex_);
    names_.at(path)->cached = names_.at(path)->durable = bytes;
  }
  // Writes that reached a file after a write or sync of it had failed.
  int forbidden_calls() const {
    const std::lock_guard lock(mutex_);
    return forbidden_calls_;
  }

  Result<std::unique_ptr<JournalFile>> OpenFile(const std::string& path, bool create) override {
    if (create) {
      Tell(Call::kCreate);
    }
    const std::lock_guard lock(mutex_);
    auto found = names_.find(path);
    if (found == names_.end()) {
      if (!create) {
        return Status(Code::kNotFound, path);
      }
      found = names_.emplace(path, std::make_shared<ContentData>()).first;
    }
    return std::unique_ptr<JournalFile>(std::make_unique<File>(this, found->second));
  }
  Result<uint64_t> FileSize(const std::string& path) override { return Content(path).size(); }
  Status Rename(const std::string& from, const std::string& to) override {
    const std::lock_guard lock(mutex_);
    names_[to] = names_.at(from);
    names_.erase(from);
    return OkStatus();
  }
  Status Remove(const std::string& path) override {
    Tell(Call::kRemove);
    const std::lock_guard lock(mutex_);
    return names_.erase(path) == 1 ? OkStatus() : Status(Code::kNotFound, path);
  }
  Result<std::vector<std::string>> List(const std::string& directory) override {
    const std::lock_guard lock(mutex_);
    if (!directories_.contains(directory)) {
      return Status(Code::kNotFound, directory);
    }
    std::vector<std::string> names;
    for (const auto& [path, content] : names_) {
      names.push_back(path.substr(directory.size() + 1));
    }
    return names;
  }
  Status CreateDirectory(const std::string& directory) override {
    const std::lock_guard lock(mutex_);
    directories_.insert(directory);
    return OkStatus();
  }
  Status SyncDirectory(const std::string& /*directory*/) override {
    const std::lock_guard lock(mutex_);
    durable_names_ = names_;
    return OkStatus();
  }

 private:
  struct ContentData {
    std::string cached;   // What reads see.
    std::string durable;  // What a power cut leaves for sure.
    std::vector<std::pair<uint64_t, std::string>> unsynced;
    bool has_failed = false;
  };
  struct Plan {
    int after = 0;
    int count = 0;
    bool Fails() {
      if (after > 0) {
        --after;
        return false;
      }
      return count > 0 && count-- > 0;
    }
  };

  class File final : public JournalFile {
   public:
    File(FaultyFileOps* ops, std::shared_ptr<ContentData> content)
        : ops_(ops), content_(std::move(content)) {}
    Status Write(uint64_t offset, std::span<const std::string_view> pieces) override {
      ops_->Tell(offset == 0 ? Call::kWriteHeader : Call::kWrite);
      const std::lock_guard lock(ops_->mutex_);
      std::string bytes;
      for (const std::string_view piece : pieces) {
        bytes.append(piece);
      }
      ops_->forbidden_calls_ += content_->has_failed ? 1 : 0;
      const bool fails = ops_->writes_.Fails();
      if (fails) {
        content_->has_failed = true;
        bytes.resize(bytes.size() / 2);
      }
      Apply(&content_->cached, offset, bytes);
      content_->unsynced.emplace_back(offset, bytes);
      return fails ? Status(Code::kIo, "injected write failure") : OkStatus();
    }
    Result<size_t> Read(uint64_t offset, char* buffer, size_t size) override {
      const std::lock_guard lock(ops_->mutex_);
      if (offset >= content_->cached.size()) {
        return size_t{0};
      }
      return content_->cached.copy(buffer, size, offset);
    }
    Status Sync() override {
      ops_->Tell(Call::kSync);
      const std::lock_guard lock(ops_->mutex_);
      ++ops_->sync_calls_;
      if (ops_->syncs_.Fails()) {
        content_->has_failed = true;
        return Status(Code::kIo, "injected sync failure");
      }
      for (const auto& [offset, bytes] : content_->unsynced) {
        Apply(&content_->durable, offset, bytes);
      }
      content_->unsynced.clear();
      return OkStatus();
    }

   private:
    FaultyFileOps* const ops_;
    const std::shared_ptr<ContentData> content_;
  };

  void Tell(Call call) const {
    if (hook_) {
      hook_(call);
    }
  }

  static void Apply(std::string* file, uint64_t offset, std::string_view bytes) {
    if (file->size() < offset + bytes.size()) {
      file->resize(offset + bytes.size());
    }
    file->replace(offset, bytes.size(), bytes);
  }

  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<ContentData>> names_;
  std::map<std::string, std::shared_ptr<ContentData>> durable_names_;
  std::set<std::string> directories_;
  std::function<void(Call)> hook_;
  Plan writes_;
  Plan syncs_;
  int sync_calls_ = 0;
  int forbidden_calls_ = 0;
};

}  // namespace engine
