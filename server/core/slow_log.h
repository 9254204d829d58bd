// The slow log: the newest commands that took longer than option `slowlog-log-slower-than`.
//
// Owner: ServerContext. Thread: loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace server {

struct SlowCommand {
  uint64_t id = 0;
  int64_t unix_seconds = 0;
  int64_t micros = 0;
  std::vector<std::string> args;  // Cut; without secrets.
  std::string client_address;
  std::string client_name;
};

class SlowLog {
 public:
  // Drops the oldest entries above `max_entries`. The id is given here; ids are never used again.
  void Add(SlowCommand command, size_t max_entries);
  // Newest first.
  const std::deque<SlowCommand>& entries() const { return entries_; }
  void Clear() { entries_.clear(); }

 private:
  uint64_t next_id_ = 0;
  std::deque<SlowCommand> entries_;
};

// Arguments as an entry keeps them: a bounded number of them, each cut to a bounded length, with
// words that say what was left out.
std::vector<std::string> CutArguments(std::span<const std::string_view> args);

}  // namespace server
