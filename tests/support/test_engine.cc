#include "tests/support/test_engine.h"

#include <cstdio>
#include <cstdlib>

#include "resp/glob.h"
#include "tests/support/payload.h"

namespace tests {

Entry::Entry(std::vector<std::string> fields_and_values)
    : wire_(Payload(fields_and_values)),
      arg_count_(static_cast<uint32_t>(fields_and_values.size())),
      data_bytes_(0) {
  for (const std::string& text : fields_and_values) {
    data_bytes_ += text.size();
  }
}

engine::Payload Entry::payload() const { return {wire_, arg_count_, data_bytes_}; }

engine::EngineOptions TestEngine::SmallOptions(std::string directory) {
  engine::EngineOptions options;
  options.directory = std::move(directory);
  options.fsync = engine::FsyncMode::kNo;
  options.databases = 4;
  options.memory_budget_bytes = uint64_t{16} << 20;
  options.journal_segment_bytes = uint64_t{1} << 20;
  options.checkpoint_bytes = uint64_t{1} << 20;
  options.reader_threads = 0;
  options.background_threads = false;
  options.disk_limits.ballast_bytes = 0;
  options.glob_match = [](std::string_view pattern, std::string_view text) {
    return resp::GlobMatch(pattern, text);
  };
  return options;
}

TestEngine::TestEngine(engine::EngineOptions options) : options_(std::move(options)) {}

TestEngine::~TestEngine() { Crash(); }

std::string TestEngine::Open() {
  if (options_.background_threads || options_.reader_threads > 0) {
    options_.post = [this](std::function<void()> work) { Post(std::move(work)); };
  }
  auto opened = engine::Engine::Open(options_, {now_ms_, 0});
  if (!opened.ok()) {
    refusal_ = opened.code();
    return opened.status().message().empty() ? "refused" : opened.status().message();
  }
  engine_ = std::move(opened).value();
  return "";
}

void TestEngine::Close() {
  const engine::Status closed = engine_->Close();
  if (!closed.ok()) {
    std::fprintf(stderr, "close failed: %s\n", closed.message().c_str());
    std::abort();
  }
  Crash();
}

void TestEngine::Crash() {
  engine_.reset();
  const std::lock_guard lock(mutex_);
  queue_.clear();
}

engine::Now TestEngine::Now() { return engine_->TimeNow(now_ms_, now_ms_); }

engine::Status TestEngine::Load(std::vector<engine::LoadItem> items, engine::Pins* pins) {
  engine::Status status;
  if (options_.reader_threads == 0) {
    if (turns_end_while_loading_) {
      EndTurn();
    }
    status = engine_->LoadNow(items, pins);
  } else {
    bool done = false;
    engine_->StartLoad(std::move(items), pins, [&](engine::Status loaded) {
      status = std::move(loaded);
      done = true;
    });
    while (!done) {
      if (turns_end_while_loading_) {
        EndTurn();
      }
      WaitForPosted();
      const auto work = [&] {
        const std::lock_guard lock(mutex_);
        auto front = std::move(queue_.front());
        queue_.pop_front();
        return front;
      }();
      work();
    }
  }
  return status;
}

void TestEngine::Post(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(work));
  }
  posted_.notify_one();
}

void TestEngine::WaitForPosted() {
  std::unique_lock lock(mutex_);
  posted_.wait(lock, [this] { return !queue_.empty(); });
}

void TestEngine::RunPosted() {
  for (;;) {
    std::function<void()> work;
    {
      const std::lock_guard lock(mutex_);
      if (queue_.empty()) {
        return;
      }
      work = std::move(queue_.front());
      queue_.pop_front();
    }
    work();
  }
}

}  // namespace tests
