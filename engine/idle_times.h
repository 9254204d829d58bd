// When keys that are not in memory were used last.
//
// By a hash of the key: keys with one hash share what is remembered, which is a time and not more.
// Owner: Aging. Thread: loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/container/flat_hash_map.h"

namespace engine {

class IdleTimes {
 public:
  // Of so many keys at most: with one more, all are forgotten.
  explicit IdleTimes(size_t most) : most_(most) {}

  // Store time; kept to the second.
  void Note(uint64_t hash, int64_t used_ms) {
    if (used_s_.size() >= most_ && !used_s_.contains(hash)) {
      used_s_.clear();
    }
    used_s_[hash] = static_cast<uint32_t>(used_ms / kMsPerSecond);
  }
  // What was noted, which is forgotten; nothing when nothing was.
  std::optional<int64_t> Take(uint64_t hash) {
    const auto found = used_s_.find(hash);
    if (found == used_s_.end()) {
      return std::nullopt;
    }
    const int64_t used_ms = int64_t{found->second} * kMsPerSecond;
    used_s_.erase(found);
    return used_ms;
  }
  size_t size() const { return used_s_.size(); }

 private:
  static constexpr int64_t kMsPerSecond = 1000;

  const size_t most_;
  absl::flat_hash_map<uint64_t, uint32_t> used_s_;
};

}  // namespace engine
