// Watches the free space of the data directory's file system, so that a full disk is met before it
// hurts: growth is refused below a floor, everything below half of it, and a ballast file is given
// up when the journal or the store needs its room.
//
// Room is counted as if the ballast were there: giving it up opens nothing for new entries, and
// making it again takes nothing from them.
// Owner: Persistence. Thread: any, where a call does not say otherwise; a thread of its own polls.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "engine/check.h"
#include "engine/options.h"

namespace engine {

enum class DiskLevel : uint8_t {
  kPlenty,
  kLow,   // Below the floor: nothing may grow.
  kFull,  // Below half of it: nothing may be written.
};

class DiskGuard {
 public:
  struct Options {
    std::string directory;
    DiskLimits limits;
    uint64_t checkpoint_bytes = 0;                         // How much a checkpoint writes.
    std::function<std::optional<DiskSpace>()> read_space;  // Null: the file system's.
    std::function<void(LogLevel, std::string_view)> log;
    // After each look, on the thread that looked, with compaction_room_bytes().
    std::function<void(uint64_t room_bytes)> on_look;
  };

  // Looks once. Without Start only Look looks.
  explicit DiskGuard(Options options);
  ~DiskGuard();
  DiskGuard(const DiskGuard&) = delete;
  DiskGuard& operator=(const DiskGuard&) = delete;

  void Start();
  // Nothing is looked at any more, unless by Look.
  void Stop();
  void Look();
  void SetLimits(const DiskLimits& limits);
  // For tests: so many bytes count as free from now on; nothing = what really is.
  void PretendFree(std::optional<uint64_t> free_bytes);

  DiskLevel level() const { return level_.load(std::memory_order_relaxed); }
  // Bytes that may be written before nothing may be written any more.
  uint64_t room_bytes() const { return room_bytes_.load(std::memory_order_relaxed); }
  // Bytes that compactions may write: they may make room, so they are held up later than others.
  uint64_t compaction_room_bytes() const;
  // What the file system says, how much of it must stay free for entries to be taken, and the size
  // of the ballast file; as of the last look.
  uint64_t free_bytes() const { return free_bytes_.load(std::memory_order_relaxed); }
  uint64_t floor_bytes() const { return floor_bytes_.load(std::memory_order_relaxed); }
  uint64_t ballast_bytes() const { return ballast_bytes_.load(std::memory_order_relaxed); }

  // Told of each turn; lets the next look come early. Thread: loop.
  void NoteWritten(uint64_t bytes);
  // Changes that the next checkpoints have to write.
  void SetUnsaved(uint64_t bytes) { unsaved_bytes_.store(bytes, std::memory_order_relaxed); }
  // The largest compaction so far, in bytes read.
  void NoteCompaction(uint64_t bytes);

  // Whether a file of that size may be added as a reserve for later.
  bool HasRoomFor(uint64_t bytes);
  // A write has failed: looks, and gives the ballast up if the disk is anywhere near full. False
  // when there is known to be less room than opening the store takes.
  bool MakeRoom();

  // The sizes that a file system of `total_bytes` can bear; 0 = unknown.
  static uint64_t BoundedSegmentBytes(uint64_t wanted, uint64_t total_bytes);
  static uint64_t BoundedCheckpointBytes(uint64_t wanted, uint64_t total_bytes);
  // Nothing when it cannot be told.
  static std::optional<DiskSpace> SpaceOf(const std::string& directory);

 private:
  void Run();
  void LookLocked();
  uint64_t Floor(uint64_t total_bytes) const;
  uint64_t BallastTarget(uint64_t total_bytes) const;
  void Judge(uint64_t floor, uint64_t missing);
  void KeepBallast(uint64_t target);
  void ReleaseBallast(const char* why);
  void BuildBallast(uint64_t bytes);
  std::string BallastPath() const { return options_.directory + "/BALLAST"; }
  void Log(LogLevel level, const std::string& text) const;

  const Options options_;

  std::atomic<DiskLevel> level_{DiskLevel::kPlenty};
  std::atomic<uint64_t> room_bytes_{UINT64_MAX};
  std::atomic<uint64_t> free_bytes_{0};
  std::atomic<uint64_t> floor_bytes_{0};
  std::atomic<uint64_t> ballast_bytes_{0};
  std::atomic<uint64_t> unsaved_bytes_{0};
  std::atomic<uint64_t> largest_compaction_{0};
  uint64_t written_bytes_ = 0;  // Loop: since the last look that was asked for.

  std::mutex mutex_;
  std::condition_variable wake_;
  DiskLimits limits_ WEIR_GUARDED_BY(mutex_);
  std::optional<uint64_t> pretended_ WEIR_GUARDED_BY(mutex_);
  DiskSpace space_ WEIR_GUARDED_BY(mutex_);
  int looks_since_release_ WEIR_GUARDED_BY(mutex_) = 0;
  bool ballast_failed_ WEIR_GUARDED_BY(mutex_) = false;  // Told once.
  bool is_wanted_ WEIR_GUARDED_BY(mutex_) = false;
  bool stop_ WEIR_GUARDED_BY(mutex_) = false;

  std::thread thread_;
};

}  // namespace engine
