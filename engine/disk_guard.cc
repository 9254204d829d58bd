#include "engine/disk_guard.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "engine/thread_role.h"

namespace engine {
namespace {

constexpr uint64_t kMib = uint64_t{1} << 20;
constexpr std::chrono::milliseconds kLookInterval{100};
// A look comes early after so many bytes of turns.
constexpr uint64_t kBytesPerLook = 4 * kMib;

// What is chosen where the options say nothing: for any disk, and at most this part of a small one.
constexpr uint64_t kFloorBytes = 256 * kMib;
constexpr uint64_t kFloorPart = 8;
constexpr uint64_t kBallastBytes = 64 * kMib;
constexpr uint64_t kBallastPart = 16;
constexpr uint64_t kSegmentPart = 32;
constexpr uint64_t kCheckpointPart = 32;
constexpr uint64_t kSmallestPiece = kMib;

// What was refused is taken again when this part of the floor is free above it.
constexpr uint64_t kMarginPart = 16;
// The ballast is made this many looks after the start, and after it was given up.
constexpr int kLooksBeforeBallast = 10;
constexpr int kLooksAfterRelease = 50;
// What opening the store writes: a manifest and its options.
constexpr uint64_t kReopenBytes = kMib;

std::string Megabytes(uint64_t bytes) {
  return std::to_string(bytes / kMib) + "." + std::to_string(bytes % kMib * 10 / kMib) + "MB";
}

// Blocks that are there, not only promised.
uint64_t FileBytes(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) {
    return 0;
  }
  constexpr uint64_t kBlockBytes = 512;
  return std::min(static_cast<uint64_t>(info.st_size),
                  static_cast<uint64_t>(info.st_blocks) * kBlockBytes);
}

// 0 or an error number. Takes real room: where the file system cannot reserve any, by writing.
int Allocate(int descriptor, uint64_t bytes) {
  if (::fallocate(descriptor, 0, 0, static_cast<off_t>(bytes)) == 0) {
    return 0;
  }
  if (errno != EOPNOTSUPP && errno != ENOSYS) {
    return errno;
  }
  const std::string zeros(kMib, '\0');
  for (uint64_t at = 0; at < bytes;) {
    const size_t size = static_cast<size_t>(std::min<uint64_t>(zeros.size(), bytes - at));
    const ssize_t written = ::pwrite(descriptor, zeros.data(), size, static_cast<off_t>(at));
    if (written <= 0) {
      return written < 0 ? errno : ENOSPC;
    }
    at += static_cast<uint64_t>(written);
  }
  return 0;
}

}  // namespace

std::optional<DiskSpace> DiskGuard::SpaceOf(const std::string& directory) {
  struct statvfs info {};
  if (::statvfs(directory.c_str(), &info) != 0) {
    return std::nullopt;
  }
  const uint64_t block = info.f_frsize;
  return DiskSpace{.free_bytes = info.f_bavail * block, .total_bytes = info.f_blocks * block};
}

uint64_t DiskGuard::BoundedSegmentBytes(uint64_t wanted, uint64_t total_bytes) {
  return total_bytes == 0 ? wanted
                          : std::min(wanted, std::max(total_bytes / kSegmentPart, kSmallestPiece));
}

uint64_t DiskGuard::BoundedCheckpointBytes(uint64_t wanted, uint64_t total_bytes) {
  return total_bytes == 0
             ? wanted
             : std::min(wanted, std::max(total_bytes / kCheckpointPart, kSmallestPiece));
}

DiskGuard::DiskGuard(Options options) : options_(std::move(options)), limits_(options_.limits) {
  ballast_bytes_ = FileBytes(BallastPath());
  Look();
}

DiskGuard::~DiskGuard() { Stop(); }

void DiskGuard::Stop() {
  if (!thread_.joinable()) {
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    wake_.notify_one();
  }
  thread_.join();
}

void DiskGuard::Start() {
  thread_ = std::thread([this] { Run(); });
}

void DiskGuard::Run() {
  NameThisThread("disk");
  std::unique_lock lock(mutex_);
  while (!stop_) {
    wake_.wait_for(lock, kLookInterval, [this] { return stop_ || is_wanted_; });
    is_wanted_ = false;
    LookLocked();
    lock.unlock();
    if (options_.on_look) {
      options_.on_look(compaction_room_bytes());
    }
    lock.lock();
  }
}

void DiskGuard::Look() {
  {
    const std::lock_guard lock(mutex_);
    LookLocked();
  }
  if (options_.on_look) {
    options_.on_look(compaction_room_bytes());
  }
}

void DiskGuard::SetLimits(const DiskLimits& limits) {
  {
    const std::lock_guard lock(mutex_);
    limits_ = limits;
    ballast_failed_ = false;
  }
  Look();
}

void DiskGuard::PretendFree(std::optional<uint64_t> free_bytes) {
  {
    const std::lock_guard lock(mutex_);
    pretended_ = free_bytes;
  }
  Look();
}

void DiskGuard::NoteWritten(uint64_t bytes) {
  written_bytes_ += bytes;
  if (written_bytes_ < kBytesPerLook || !thread_.joinable()) {
    return;
  }
  written_bytes_ = 0;
  // The thread may be at it, and at an end of its patience with the file system: then it looks
  // again soon anyway.
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (lock.owns_lock()) {
    is_wanted_ = true;
    wake_.notify_one();
  }
}

void DiskGuard::NoteCompaction(uint64_t bytes) {
  uint64_t seen = largest_compaction_.load(std::memory_order_relaxed);
  while (seen < bytes && !largest_compaction_.compare_exchange_weak(seen, bytes)) {
  }
}

uint64_t DiskGuard::compaction_room_bytes() const {
  const uint64_t floor = floor_bytes();
  return floor == 0 ? UINT64_MAX : free_bytes() - std::min(free_bytes(), floor / 4);
}

bool DiskGuard::HasRoomFor(uint64_t bytes) {
  Look();
  // Above the floor, with something to spare: it must not be this file that gets the disk there.
  return level() == DiskLevel::kPlenty &&
         (floor_bytes() == 0 || room_bytes() >= floor_bytes() + bytes);
}

bool DiskGuard::MakeRoom() {
  const std::lock_guard lock(mutex_);
  LookLocked();
  if (space_.free_bytes < std::max(floor_bytes(), kReopenBytes)) {
    ReleaseBallast("it was needed");
    LookLocked();
  }
  const bool is_known = space_.total_bytes > 0;
  return !is_known || space_.free_bytes >= kReopenBytes;
}

uint64_t DiskGuard::Floor(uint64_t total_bytes) const {
  if (limits_.min_free_bytes >= 0) {
    return static_cast<uint64_t>(limits_.min_free_bytes);
  }
  const uint64_t compaction = largest_compaction_.load(std::memory_order_relaxed);
  return std::min(std::max(kFloorBytes, 2 * options_.checkpoint_bytes + compaction),
                  total_bytes / kFloorPart);
}

uint64_t DiskGuard::BallastTarget(uint64_t total_bytes) const {
  if (limits_.ballast_bytes >= 0) {
    return static_cast<uint64_t>(limits_.ballast_bytes);
  }
  const uint64_t target = std::min(kBallastBytes, total_bytes / kBallastPart);
  return target < kSmallestPiece ? 0 : target;
}

void DiskGuard::LookLocked() {
  std::optional<DiskSpace> space =
      options_.read_space ? options_.read_space() : SpaceOf(options_.directory);
  if (!space.has_value()) {
    return;  // What was known stays.
  }
  space->free_bytes = pretended_.value_or(space->free_bytes);
  space_ = *space;
  free_bytes_.store(space_.free_bytes, std::memory_order_relaxed);
  const uint64_t floor = Floor(space_.total_bytes);
  floor_bytes_.store(floor, std::memory_order_relaxed);
  const uint64_t target = BallastTarget(space_.total_bytes);
  const uint64_t present = ballast_bytes();
  Judge(floor, target - std::min(target, present));
  KeepBallast(target);
}

void DiskGuard::Judge(uint64_t floor, uint64_t missing) {
  const uint64_t usable = space_.free_bytes - std::min(space_.free_bytes, missing);
  const uint64_t half = floor / 2;
  room_bytes_.store(floor == 0 ? UINT64_MAX : usable - std::min(usable, half),
                    std::memory_order_relaxed);
  const DiskLevel before = level();
  const uint64_t margin = floor / kMarginPart;
  // What is not yet in a checkpoint has its room in the journal only.
  const uint64_t unsaved = unsaved_bytes_.load(std::memory_order_relaxed);
  const uint64_t low = std::max(floor, half + (floor == 0 ? 0 : unsaved));
  DiskLevel now = DiskLevel::kPlenty;
  if (usable < half + (before == DiskLevel::kFull ? margin : 0)) {
    now = DiskLevel::kFull;
  } else if (usable < low + (before != DiskLevel::kPlenty ? margin : 0)) {
    now = DiskLevel::kLow;
  }
  if (now == before) {
    return;
  }
  level_.store(now, std::memory_order_relaxed);
  const std::string figures = " free=" + Megabytes(space_.free_bytes) +
                              " min-free-disk=" + Megabytes(floor) +
                              " ballast=" + Megabytes(ballast_bytes());
  if (now == DiskLevel::kPlenty) {
    Log(LogLevel::kWarning, "disk has room again: everything is accepted" + figures);
  } else if (now == DiskLevel::kFull) {
    Log(LogLevel::kWarning, "disk full: only reads are served" + figures);
  } else {
    Log(LogLevel::kWarning, "disk nearly full: what needs more room is refused" + figures);
  }
}

void DiskGuard::KeepBallast(uint64_t target) {
  ++looks_since_release_;
  const uint64_t present = ballast_bytes();
  if (present > 0 && space_.free_bytes < floor_bytes() / 4) {
    ReleaseBallast("nearly nothing else is free");
  } else if (present > target) {
    ReleaseBallast("a smaller one is wanted");
  } else if (present < target && level() == DiskLevel::kPlenty &&
             looks_since_release_ >= kLooksBeforeBallast) {
    BuildBallast(target);
  }
}

void DiskGuard::ReleaseBallast(const char* why) {
  looks_since_release_ = kLooksBeforeBallast - kLooksAfterRelease;
  const uint64_t had = ballast_bytes_.exchange(0);
  if (::unlink(BallastPath().c_str()) != 0 && errno != ENOENT) {
    Log(LogLevel::kWarning, std::string("ballast cannot be removed: ") + std::strerror(errno));
  } else if (had > 0) {
    Log(LogLevel::kWarning, "ballast given up, " + Megabytes(had) + ": " + why);
  }
}

void DiskGuard::BuildBallast(uint64_t bytes) {
  looks_since_release_ = kLooksBeforeBallast - kLooksAfterRelease;  // If it fails.
  const int descriptor =
      ::open(BallastPath().c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const int error = descriptor < 0 ? errno : Allocate(descriptor, bytes);
  if (descriptor >= 0) {
    ::close(descriptor);
  }
  if (error == 0) {
    ballast_bytes_.store(bytes);
    ballast_failed_ = false;
    return;
  }
  static_cast<void>(::unlink(BallastPath().c_str()));
  if (!std::exchange(ballast_failed_, true)) {
    Log(LogLevel::kWarning, std::string("ballast cannot be made: ") + std::strerror(error));
  }
}

void DiskGuard::Log(LogLevel level, const std::string& text) const {
  if (options_.log) {
    options_.log(level, text);
  }
}

}  // namespace engine
