// A disk whose power can be cut: what of the files and directories below one folder has been
// synced, and what a cut at this moment leaves of the rest.
//
// The real files, in a file system in memory, always hold what a running process sees. Beside them
// the model keeps the synced content of each file and the changes since, and the same for the names
// in each directory. Two faces bring it into the engine: one for the journal (cut_journal_ops.h),
// one for RocksDB (cut_file_system.h).
//
// At one operation, counted over both faces, the process ends: by a cut, which rewrites the real
// files to what survives, or by a kill, which leaves them alone and saves the model for the next
// process. Thread: any; one operation at a time.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace tests {

class CutDisk {
 public:
  enum class End { kNone, kCut, kKill };
  struct Plan {
    End end = End::kNone;
    uint64_t at_operation = 0;  // Counted from 1.
    uint64_t seed = 0;          // For what survives a cut.
  };
  static constexpr int kCutExit = 21;
  static constexpr int kKillExit = 22;

  // `folder` exists. With `model_file`, what a kill saved there is taken over if it is there;
  // otherwise all that is in the folder counts as synced. `operations` (shared memory) counts.
  // `last_words` is called before the end.
  CutDisk(std::string folder, std::string model_file, const Plan& plan,
          std::atomic<uint64_t>* operations, std::function<void()> last_words);
  ~CutDisk();

  struct Node;
  using NodePtr = std::shared_ptr<Node>;

  // Each of these is one operation: `change` changes the real files (and returns whether it did),
  // then the model follows. Paths outside the folder are left to `change` alone.
  using Change = std::function<bool()>;
  NodePtr Create(const std::string& path, bool truncate, const Change& change);
  void CreateDirectory(const std::string& path, const Change& change);
  void Rename(const std::string& from, const std::string& to, const Change& change);
  void Remove(const std::string& path, const Change& change);
  void SyncDirectory(const std::string& path);
  void Write(const NodePtr& file, uint64_t offset, std::string_view bytes, const Change& change);
  void Truncate(const NodePtr& file, uint64_t size, const Change& change);
  void Sync(const NodePtr& file);

  // Null for what is not a known file.
  NodePtr Find(const std::string& path);
  // The power goes now.
  [[noreturn]] void CutNow();

 private:
  class Saved;

  // Below here: with the lock held.
  void Begin(const std::function<void(std::mt19937_64&)>& at_the_end = {});
  NodePtr Look(const std::string& path) const;
  NodePtr LookParent(const std::string& path, std::string* name) const;
  static NodePtr Load(const std::string& path);
  void Cut();
  void Settle(Node& node, std::mt19937_64& random) const;
  static void Rebuild(const Node& node, const std::string& path);
  void SaveModel() const;
  bool LoadModel();

  const std::string folder_;
  const std::string model_file_;
  const Plan plan_;
  const std::function<void()> last_words_;
  std::mutex mutex_;
  NodePtr root_;
  std::atomic<uint64_t>& operations_;
  uint64_t write_count_ = 0;  // Numbers the writes, to tell the last one.
};

}  // namespace tests
