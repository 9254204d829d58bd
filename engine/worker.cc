#include "engine/worker.h"

#include <utility>

namespace engine {

WorkerPool::WorkerPool(int thread_count, std::function<void()> prepare) {
  for (int i = 0; i < thread_count; ++i) {
    threads_.emplace_back([this, prepare] {
      if (prepare) {
        prepare();
      }
      Work();
    });
  }
}

WorkerPool::~WorkerPool() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) {
    thread.join();
  }
}

void WorkerPool::Run(std::function<void()> work) {
  if (threads_.empty()) {
    work();
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(work));
  }
  wake_.notify_one();
}

void WorkerPool::Work() {
  for (;;) {
    std::function<void()> work;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stop_ || !queue_.empty(); });
      if (queue_.empty()) {
        return;
      }
      work = std::move(queue_.front());
      queue_.pop_front();
    }
    work();
  }
}

}  // namespace engine
