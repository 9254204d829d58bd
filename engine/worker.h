// A few threads that run closures in order of arrival; with no threads, closures run at once.
//
// Owner: Loader, Persistence. Thread: any for Run().
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "engine/check.h"

namespace engine {

class WorkerPool {
 public:
  // `prepare` runs first on each thread.
  explicit WorkerPool(int thread_count, std::function<void()> prepare = nullptr);
  // Runs what is queued, then joins.
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  void Run(std::function<void()> work);

 private:
  void Work();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> queue_ WEIR_GUARDED_BY(mutex_);
  bool stop_ WEIR_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace engine
