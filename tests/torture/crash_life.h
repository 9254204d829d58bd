// Lives of an engine that end in a crash, and the look at what each of them left behind.
//
// A seed fixes the commands and where turns end, so the state after each turn is known from a run
// of the same seed in which nothing happens (Reference). Each life is a child process; what was
// acknowledged it writes to memory that it shares with the parent. After a crash the engine must
// open, with the state after exactly one turn that is not older than what was acknowledged.
//
// The parent never opens an engine itself: RocksDB's threads do not survive a fork. Thread: one.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "engine/options.h"
#include "engine/types.h"

namespace tests {

// Of the seed: how the store is set up, and what goes wrong in it besides the crash.
struct Flavor {
  engine::FsyncMode fsync = engine::FsyncMode::kAlways;
  uint64_t checkpoint_bytes = 0;
  uint64_t segment_bytes = 0;
  uint64_t failing_checkpoints = 0;  // Every so many fail; 0 = none.
};
Flavor FlavorOf(uint64_t seed);

// In memory that parent and child share.
struct LifeReport {
  std::atomic<uint64_t> appended;      // The newest turn that was handed to the journal.
  std::atomic<uint64_t> acknowledged;  // The newest turn whose replies could have been sent.
  std::atomic<uint64_t> durable;       // Without fsync always: what is said to survive a power cut.
  std::atomic<uint64_t> closed;        // 1: it ended by itself.
  std::atomic<uint64_t> recovered;     // The newest turn there was after the crash.
  // What the store's clock is ahead of the reference by: the life had gone on without ending a
  // turn, and the checkpoint knows the time. Then no other life can follow this one at the same
  // times.
  std::atomic<int64_t> ahead_ms;
  std::atomic<uint64_t> passes;  // Of what the caller counts.
  char message[6000];            // What went wrong.
  void Say(const std::string& text);
  // The newest turn that can be in the journal: the one after `appended` may have been in the
  // making, and a new store begins with a turn of its own, of which nobody is told.
  engine::Turn NewestPossible() const;
};

// Zeroed memory that children share; never freed.
void* MapShared(size_t bytes);
template <typename T>
T* MapShared() {
  return static_cast<T*>(MapShared(sizeof(T)));
}

// Runs `work` in a child and returns how it ended: its result, or minus the signal that killed it.
int RunInChild(const std::function<int()>& work);
inline constexpr int kFault = 10;  // What `work` returns when something was not as it should be.
inline constexpr int kNotClosed = 11;  // The engine gave up: a crash like others.

// The state after each turn of a seed.
class Reference {
 public:
  // Runs the seed in a child until `last_turn`. Ends the process with words if that fails.
  Reference(uint64_t seed, engine::Turn last_turn);
  Reference(const Reference&) = delete;
  Reference& operator=(const Reference&) = delete;
  ~Reference();

  uint64_t seed() const { return seed_; }
  engine::Turn last_turn() const { return last_turn_; }
  uint64_t HashOf(engine::Turn turn) const;
  int64_t NowOf(engine::Turn turn) const;
  // The state as text, as it looks `later_ms` later; runs the seed again, here.
  std::string DumpOf(engine::Turn turn, int64_t later_ms) const;

 private:
  struct State {
    uint64_t hash;
    int64_t now_ms;
  };
  const uint64_t seed_;
  const engine::Turn last_turn_;
  State* const states_;
};

struct Life {
  uint64_t seed = 1;
  std::string directory;
  engine::Turn after_turn = 0;  // What the store in the directory holds; 0 = there is none yet.
  engine::Turn last_turn = 0;   // Here it ends by itself, with a clean close.
  std::function<void(engine::EngineOptions*)> adjust;  // What the engine is opened with besides.
  std::function<void()>
      before_open;  // The directory is about to be opened: from here on it counts.
  std::function<void()> after_close;  // It ended by itself.
};
// In a child. Returns 0 after a clean close, kFault with words when a command answered wrongly.
int Live(const Life& life, LifeReport* report);
// In a child, from any thread: writes down what is acknowledged at this moment.
void NoteReleased(LifeReport* report);

// In a child. Opens the directory and closes it again, as a server would that is stopped at once.
int OpenAndClose(const std::string& directory, int64_t now_ms, LifeReport* report);

// In a child. Checks the store's records, opens it and compares. `least` is the oldest turn that
// may be the newest one; report->recovered says which it is.
int CheckRecovered(const std::string& directory, const Reference& reference, engine::Turn least,
                   LifeReport* report);

// Where children make their folders: in memory if there is such a file system. Set as TMPDIR.
class TortureRoot {
 public:
  TortureRoot();
  ~TortureRoot();
  TortureRoot(const TortureRoot&) = delete;
  TortureRoot& operator=(const TortureRoot&) = delete;
  const std::string& path() const { return path_; }
  // Removes everything in it.
  void Empty() const;
  // Copies everything to a place that stays, and says which.
  std::string Keep(const std::string& name) const;

 private:
  std::string path_;
};

}  // namespace tests
