// The event loop: readiness of file descriptors, one timer, signals, and work posted by other
// threads.
//
// A thin layer over libevent's plain events. What is to happen at the end of a pass is the
// caller's:
//
//   while (!stopping) { loop.RunOnce(wait); EndTurn(); }
//
// Owner: server::Server. Thread: the one that created it, except Post and Wake: any.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "engine/check.h"
#include "engine/status.h"
#include "server/core/clock.h"
#include "server/net/owned_fd.h"
#include "server/net/spin_policy.h"

struct event;
struct event_base;

namespace server {

// What to be told of a file descriptor, again and again until the event is removed.
enum class Readiness : uint8_t {
  kReadable,
  kWritable,
  kPeerClosed,    // The other side sends no more; told without reading.
  kReadableEdge,  // Only when something arrives, not as long as it lies there.
};

// What to do when nothing is ready.
enum class Wait : uint8_t {
  kNone,
  kSleep,      // Until something is.
  kLookAgain,  // The same, but looks again for a moment first if that has paid lately.
};

// A registration with the loop. Whoever is called by it owns it, so it never outlives its callee.
class Event {
 public:
  Event() = default;

  bool exists() const { return event_ != nullptr; }
  bool is_added() const { return is_added_; }
  // No effect when it is in that state already. Precondition: exists().
  void Add();
  void Remove();

 private:
  friend class EventLoop;
  struct Free {
    void operator()(event* handle) const;
  };
  explicit Event(event* handle) : event_(handle) {}

  std::unique_ptr<event, Free> event_;
  bool is_added_ = false;
};

class EventLoop {
 public:
  // kIo when the system refuses the resources.
  static engine::Result<std::unique_ptr<EventLoop>> Create(Clock& clock);
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Handles what is ready, each once.
  void RunOnce(Wait wait);

  // An event, not yet added, that calls `owner->Method()`.
  template <auto Method, typename Owner>
  Event NewEvent(int fd, Readiness readiness, Owner* owner) {
    return MakeEvent(fd, readiness, &Call<Method, Owner>, owner);
  }
  // The same for a signal, added.
  template <auto Method, typename Owner>
  Event NewSignal(int signal_number, Owner* owner) {
    return MakeSignal(signal_number, &Call<Method, Owner>, owner);
  }

  // RunOnce waits until then at the latest, once; replaces what was set before. `now_us` is the
  // same clock's reading. Cheap when the same time is set again.
  void SetTimer(int64_t at_us, int64_t now_us);

  // Runs `work` on the loop's thread in one of the next passes, in the order of posting.
  void Post(std::function<void()> work);
  // Makes RunOnce return soon.
  void Wake();

 private:
  using Callback = void (*)(int, short, void*);
  template <auto Method, typename Owner>
  static void Call(int, short, void* owner) {
    ++calls_;
    (static_cast<Owner*>(owner)->*Method)();
  }
  struct FreeBase {
    void operator()(event_base* base) const;
  };

  EventLoop(Clock& clock, std::unique_ptr<event_base, FreeBase> base, OwnedFd wake_fd);
  Event MakeEvent(int fd, Readiness readiness, Callback callback, void* owner);
  Event MakeSignal(int signal_number, Callback callback, void* owner);
  // True when something was ready in time.
  bool LookAgain();
  void OnWake();
  void OnTimer() { timer_us_ = kNever; }

  // By all loops of this thread, so far.
  static inline thread_local uint64_t calls_ = 0;

  Clock& clock_;
  const std::thread::id thread_ = std::this_thread::get_id();
  std::unique_ptr<event_base, FreeBase> base_;
  OwnedFd wake_fd_;
  Event wake_event_;
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
  Event timer_;
  int64_t timer_us_ = kNever;  // What it is set to.

  SpinPolicy spin_;
  // On a single processor nobody could do anything meanwhile.
  const bool may_spin_ = std::thread::hardware_concurrency() > 1;

  // Whether the loop has been told and has not yet looked; spares system calls.
  std::atomic<bool> is_woken_ = false;
  std::mutex mutex_;
  std::vector<std::function<void()>> posted_ WEIR_GUARDED_BY(mutex_);
};

}  // namespace server
