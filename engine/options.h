// What the engine is opened with.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/status.h"
#include "engine/types.h"

namespace rocksdb {
class FileSystem;
}

namespace engine {

class JournalFileOps;

// When a turn's replies may leave: after fdatasync, or after write with fdatasync once a second, or
// after write alone.
enum class FsyncMode : uint8_t { kAlways, kEverySecond, kNo };

enum class LogLevel : uint8_t { kDebug, kInfo, kWarning, kError };

// Of a file system.
struct DiskSpace {
  uint64_t free_bytes = 0;
  uint64_t total_bytes = 0;
};

// See engine/disk_guard.h. Negative: chosen by the size of the file system. 0: none.
struct DiskLimits {
  int64_t min_free_bytes = -1;  // Entries are taken while so much is free.
  int64_t ballast_bytes = -1;   // Size of the file that is given up when room is needed.
};

struct EngineOptions {
  std::string directory;
  FsyncMode fsync = FsyncMode::kAlways;
  uint32_t databases = 16;
  // One budget for everything the engine keeps in memory, RocksDB's part included.
  uint64_t memory_budget_bytes = uint64_t{128} << 20;
  // What belongs to keys that were not used for so long leaves memory; 0 = when the room is needed.
  int64_t idle_limit_ms = 60'000;
  int64_t node_max_entries = 100;  // stream-node-max-entries; 0 = no limit.
  int64_t node_max_bytes = 4096;   // stream-node-max-bytes; 0 = no limit.
  // What a new stream starts with: stream-idmp-duration (seconds) and stream-idmp-maxsize.
  uint32_t idmp_duration_s = 100;
  uint32_t idmp_max_size = 100;
  // After a start no owned entry falls due for so long, or for the group's ACK-WAIT if that is
  // shorter.
  int64_t restart_grace_ms = 30'000;
  DiskLimits disk_limits;
  // Both are made smaller on a file system that is too small for them.
  uint64_t journal_segment_bytes = uint64_t{32} << 20;
  uint64_t checkpoint_bytes = uint64_t{32} << 20;
  // Start although turns that were durable are missing from the journal: what is left is taken.
  bool accept_loss = false;
  // Reader threads; 0 = StartLoad fetches at once and calls back before it returns (tests).
  int reader_threads = 2;
  // False: journal and checkpoint work happens inside EndTurn, deterministically (tests).
  bool background_threads = true;

  // Whether `text` matches the glob `pattern`; for SCAN and KEYS. From any thread.
  bool (*glob_match)(std::string_view pattern, std::string_view text) = nullptr;
  // Runs a function on the loop, soon. Called from any thread. Null only when there are no threads.
  std::function<void(std::function<void()>)> post;
  // Called on the journal thread when released_turn() has moved.
  std::function<void()> on_released;
  // Called on the loop when storage failed for good: replies that are gated will never be released.
  std::function<void(Status)> on_failure;
  std::function<void(LogLevel, std::string_view)> log;

  // For tests: what files are made of, in the journal (and the directories) and in the store. Null:
  // the real file system.
  JournalFileOps* file_ops = nullptr;  // Not owned, outlives the engine.
  std::shared_ptr<rocksdb::FileSystem> store_file_system;
  // For tests: what the file system is said to have; nothing = it cannot be told. From any thread.
  std::function<std::optional<DiskSpace>()> disk_space;
  // For tests: called on the checkpoint thread before each write of a checkpoint, which then fails
  // as if the disk had refused it, or is reported as failed although it took place.
  enum class CheckpointFault : uint8_t { kNone, kNotWritten, kWrittenUnseen };
  std::function<CheckpointFault()> checkpoint_fault;
};

}  // namespace engine
