#include "server/net/event_loop.h"

#include <event2/event.h>
#include <sys/eventfd.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

#include "server/net/memory.h"

namespace server {
namespace {

using engine::Code;
using engine::Status;

short EventFlags(Readiness readiness) {
  switch (readiness) {
    case Readiness::kReadable:
      return EV_READ | EV_PERSIST;
    case Readiness::kWritable:
      return EV_WRITE | EV_PERSIST;
    case Readiness::kPeerClosed:
      return EV_CLOSED | EV_PERSIST;
    case Readiness::kReadableEdge:
      return EV_READ | EV_PERSIST | EV_ET;
  }
  CHECK(false);
}

}  // namespace

// --- Event ---------------------------------------------------------------------------------------

void Event::Free::operator()(event* handle) const { event_free(handle); }

void Event::Add() {
  if (is_added_) return;
  CHECK(event_add(event_.get(), nullptr) == 0);
  is_added_ = true;
}

void Event::Remove() {
  if (!is_added_) return;
  event_del(event_.get());
  is_added_ = false;
}

// --- EventLoop -----------------------------------------------------------------------------------

void EventLoop::FreeBase::operator()(event_base* base) const { event_base_free(base); }

engine::Result<std::unique_ptr<EventLoop>> EventLoop::Create(Clock& clock) {
  // libevent goes on without what it could not allocate; a loop that has lost an event is no loop.
  event_set_mem_functions(&Allocate, &Reallocate, &std::free);
  const std::unique_ptr<event_config, decltype(&event_config_free)> config(event_config_new(),
                                                                           &event_config_free);
  CHECK(config != nullptr);
  // One thread uses the base; the others come through the wake-up descriptor.
  event_config_set_flag(config.get(), EVENT_BASE_FLAG_NOLOCK);
  event_config_require_features(config.get(), EV_FEATURE_EARLY_CLOSE | EV_FEATURE_ET);
  std::unique_ptr<event_base, FreeBase> base(event_base_new_with_config(config.get()));
  if (base == nullptr) return Status(Code::kIo, "the event loop cannot be created");
  OwnedFd wake_fd(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!wake_fd.is_open()) return Status(Code::kIo, std::string("eventfd: ") + strerror(errno));
  return std::unique_ptr<EventLoop>(new EventLoop(clock, std::move(base), std::move(wake_fd)));
}

EventLoop::EventLoop(Clock& clock, std::unique_ptr<event_base, FreeBase> base, OwnedFd wake_fd)
    : clock_(clock), base_(std::move(base)), wake_fd_(std::move(wake_fd)) {
  // By edge: each write is told once, so that the counter never has to be read.
  wake_event_ = NewEvent<&EventLoop::OnWake>(wake_fd_.get(), Readiness::kReadableEdge, this);
  wake_event_.Add();
  timer_ = Event(event_new(base_.get(), -1, 0, &Call<&EventLoop::OnTimer, EventLoop>, this));
}

EventLoop::~EventLoop() = default;

void EventLoop::RunOnce(Wait wait) {
  CHECK(std::this_thread::get_id() == thread_);
  if (wait == Wait::kLookAgain && may_spin_ && spin_.ShouldSpin()) {
    const bool has_come = LookAgain();
    spin_.Note(has_come);
    if (has_come) return;
  }
  // Without EVLOOP_ONCE it would come back only when nothing is ready any more.
  event_base_loop(base_.get(), wait == Wait::kNone ? EVLOOP_ONCE | EVLOOP_NONBLOCK : EVLOOP_ONCE);
}

bool EventLoop::LookAgain() {
  const uint64_t calls = calls_;
  const int64_t end_us = clock_.MonotonicMicros() + SpinPolicy::kSpinMicros;
  do {
    event_base_loop(base_.get(), EVLOOP_ONCE | EVLOOP_NONBLOCK);
    if (calls_ != calls) return true;
  } while (clock_.MonotonicMicros() < end_us);
  return false;
}

Event EventLoop::MakeEvent(int fd, Readiness readiness, Callback callback, void* owner) {
  Event result(event_new(base_.get(), fd, EventFlags(readiness), callback, owner));
  CHECK(result.exists());
  return result;
}

Event EventLoop::MakeSignal(int signal_number, Callback callback, void* owner) {
  Event result(evsignal_new(base_.get(), signal_number, callback, owner));
  CHECK(result.exists());
  result.Add();
  return result;
}

void EventLoop::SetTimer(int64_t at_us, int64_t now_us) {
  constexpr int64_t kMicrosPerSecond = 1'000'000;
  if (at_us == timer_us_) return;
  timer_us_ = at_us;
  if (at_us == kNever) {
    event_del(timer_.event_.get());
    return;
  }
  const int64_t delay = std::max<int64_t>(at_us - now_us, 0);
  const timeval interval = {.tv_sec = delay / kMicrosPerSecond,
                            .tv_usec = delay % kMicrosPerSecond};
  event_add(timer_.event_.get(), &interval);
}

void EventLoop::Post(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    posted_.push_back(std::move(work));
  }
  Wake();
}

void EventLoop::Wake() {
  if (is_woken_.exchange(true)) return;
  const uint64_t one = 1;
  // Can fail only when the counter is full, and then the loop has been told.
  [[maybe_unused]] const ssize_t written = write(wake_fd_.get(), &one, sizeof(one));
}

void EventLoop::OnWake() {
  // Before looking: who comes later tells again.
  is_woken_.exchange(false);
  std::vector<std::function<void()>> work;
  {
    const std::lock_guard lock(mutex_);
    work.swap(posted_);
  }
  for (const std::function<void()>& function : work) function();
}

}  // namespace server
