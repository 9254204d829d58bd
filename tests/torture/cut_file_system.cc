#include "tests/torture/cut_file_system.h"

#include <rocksdb/file_system.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

namespace tests {
namespace {

using rocksdb::FileOptions;
using rocksdb::FSDirectory;
using rocksdb::FSWritableFile;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

class CutWritableFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  CutWritableFile(CutDisk& disk, CutDisk::NodePtr node, std::unique_ptr<FSWritableFile> file,
                  uint64_t size)
      : FSWritableFileOwnerWrapper(std::move(file)),
        disk_(disk),
        node_(std::move(node)),
        size_(size) {}

  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* debug) override {
    return Put(size_, data, [&] { return target()->Append(data, options, debug); });
  }
  IOStatus Append(const Slice& data, const IOOptions& options,
                  const rocksdb::DataVerificationInfo& info, IODebugContext* debug) override {
    return Put(size_, data, [&] { return target()->Append(data, options, info, debug); });
  }
  IOStatus PositionedAppend(const Slice& data, uint64_t offset, const IOOptions& options,
                            IODebugContext* debug) override {
    return Put(offset, data,
               [&] { return target()->PositionedAppend(data, offset, options, debug); });
  }
  IOStatus PositionedAppend(const Slice& data, uint64_t offset, const IOOptions& options,
                            const rocksdb::DataVerificationInfo& info,
                            IODebugContext* debug) override {
    return Put(offset, data,
               [&] { return target()->PositionedAppend(data, offset, options, info, debug); });
  }
  IOStatus Truncate(uint64_t size, const IOOptions& options, IODebugContext* debug) override {
    IOStatus status;
    disk_.Truncate(node_, size, [&] {
      status = target()->Truncate(size, options, debug);
      return status.ok();
    });
    size_ = size;
    return status;
  }
  IOStatus Sync(const IOOptions& /*options*/, IODebugContext* /*debug*/) override {
    disk_.Sync(node_);
    return IOStatus::OK();
  }
  IOStatus Fsync(const IOOptions& /*options*/, IODebugContext* /*debug*/) override {
    disk_.Sync(node_);
    return IOStatus::OK();
  }
  // A hint to write back: no promise about the size of the file or the disk's cache.
  IOStatus RangeSync(uint64_t /*offset*/, uint64_t /*size*/, const IOOptions& /*options*/,
                     IODebugContext* /*debug*/) override {
    return IOStatus::OK();
  }
  IOStatus Allocate(uint64_t /*offset*/, uint64_t /*size*/, const IOOptions& /*options*/,
                    IODebugContext* /*debug*/) override {
    return IOStatus::OK();
  }

 private:
  template <typename Write>
  IOStatus Put(uint64_t offset, const Slice& data, Write write) {
    IOStatus status;
    disk_.Write(node_, offset, std::string_view(data.data(), data.size()), [&] {
      status = write();
      return status.ok();
    });
    size_ = std::max<uint64_t>(size_, offset + data.size());
    return status;
  }

  CutDisk& disk_;
  const CutDisk::NodePtr node_;
  uint64_t size_;
};

class CutDirectory final : public FSDirectory {
 public:
  CutDirectory(CutDisk& disk, std::string path) : disk_(disk), path_(std::move(path)) {}
  IOStatus Fsync(const IOOptions& /*options*/, IODebugContext* /*debug*/) override {
    disk_.SyncDirectory(path_);
    return IOStatus::OK();
  }
  IOStatus Close(const IOOptions& /*options*/, IODebugContext* /*debug*/) override {
    return IOStatus::OK();
  }

 private:
  CutDisk& disk_;
  const std::string path_;
};

class CutFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  explicit CutFileSystem(CutDisk& disk)
      : FileSystemWrapper(rocksdb::FileSystem::Default()), disk_(disk) {}
  const char* Name() const override { return "CutFileSystem"; }

  IOStatus NewWritableFile(const std::string& path, const FileOptions& options,
                           std::unique_ptr<FSWritableFile>* result,
                           IODebugContext* debug) override {
    return Open(path, true, result, [&](std::unique_ptr<FSWritableFile>* file) {
      return target()->NewWritableFile(path, options, file, debug);
    });
  }
  IOStatus ReopenWritableFile(const std::string& path, const FileOptions& options,
                              std::unique_ptr<FSWritableFile>* result,
                              IODebugContext* debug) override {
    return Open(path, false, result, [&](std::unique_ptr<FSWritableFile>* file) {
      return target()->ReopenWritableFile(path, options, file, debug);
    });
  }
  IOStatus ReuseWritableFile(const std::string& /*path*/, const std::string& /*old_path*/,
                             const FileOptions& /*options*/,
                             std::unique_ptr<FSWritableFile>* /*result*/,
                             IODebugContext* /*debug*/) override {
    return IOStatus::NotSupported("not modelled");
  }
  IOStatus NewRandomRWFile(const std::string& /*path*/, const FileOptions& /*options*/,
                           std::unique_ptr<rocksdb::FSRandomRWFile>* /*result*/,
                           IODebugContext* /*debug*/) override {
    return IOStatus::NotSupported("not modelled");
  }
  IOStatus LinkFile(const std::string& /*from*/, const std::string& /*to*/,
                    const IOOptions& /*options*/, IODebugContext* /*debug*/) override {
    return IOStatus::NotSupported("not modelled");
  }
  IOStatus Truncate(const std::string& /*path*/, size_t /*size*/, const IOOptions& /*options*/,
                    IODebugContext* /*debug*/) override {
    return IOStatus::NotSupported("not modelled");
  }
  IOStatus NewDirectory(const std::string& path, const IOOptions& /*options*/,
                        std::unique_ptr<FSDirectory>* result, IODebugContext* /*debug*/) override {
    result->reset(new CutDirectory(disk_, path));
    return IOStatus::OK();
  }
  IOStatus CreateDir(const std::string& path, const IOOptions& options,
                     IODebugContext* debug) override {
    return MakeDirectory(path, [&] { return target()->CreateDir(path, options, debug); });
  }
  IOStatus CreateDirIfMissing(const std::string& path, const IOOptions& options,
                              IODebugContext* debug) override {
    return MakeDirectory(path, [&] { return target()->CreateDirIfMissing(path, options, debug); });
  }
  IOStatus DeleteFile(const std::string& path, const IOOptions& options,
                      IODebugContext* debug) override {
    IOStatus status;
    disk_.Remove(path, [&] {
      status = target()->DeleteFile(path, options, debug);
      return status.ok();
    });
    return status;
  }
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions& options,
                      IODebugContext* debug) override {
    IOStatus status;
    disk_.Rename(from, to, [&] {
      status = target()->RenameFile(from, to, options, debug);
      return status.ok();
    });
    return status;
  }

 private:
  template <typename OpenReal>
  IOStatus Open(const std::string& path, bool truncate, std::unique_ptr<FSWritableFile>* result,
                OpenReal open_real) {
    std::unique_ptr<FSWritableFile> file;
    IOStatus status;
    const CutDisk::NodePtr node = disk_.Create(path, truncate, [&] {
      status = open_real(&file);
      return status.ok();
    });
    if (status.ok()) {
      const uint64_t size = truncate ? 0 : file->GetFileSize(IOOptions(), nullptr);
      result->reset(new CutWritableFile(disk_, node, std::move(file), size));
    }
    return status;
  }
  template <typename Make>
  IOStatus MakeDirectory(const std::string& path, Make make) {
    IOStatus status;
    disk_.CreateDirectory(path, [&] {
      status = make();
      return status.ok();
    });
    return status;
  }

  CutDisk& disk_;
};

}  // namespace

std::shared_ptr<rocksdb::FileSystem> MakeCutFileSystem(CutDisk& disk) {
  return std::make_shared<CutFileSystem>(disk);
}

}  // namespace tests
