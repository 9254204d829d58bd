// The bytes of one execution, taken piece by piece from the front, and what a target says when a
// promise is broken. Taking from an empty input yields zeros. Thread: one.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace fuzz {

class Input {
 public:
  Input(const uint8_t* data, size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}

  bool empty() const { return rest_.empty(); }
  std::string_view rest() const { return rest_; }
  uint8_t TakeByte() {
    if (rest_.empty()) return 0;
    const auto byte = static_cast<uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return byte;
  }
  // Below `bound`, which is at most 256.
  size_t TakeBelow(size_t bound) { return bound == 0 ? 0 : TakeByte() % bound; }
  std::string_view TakeBytes(size_t size) {
    const std::string_view taken = rest_.substr(0, std::min(size, rest_.size()));
    rest_.remove_prefix(taken.size());
    return taken;
  }

 private:
  std::string_view rest_;
};

// Ends the execution as a finding.
inline void Require(bool holds, std::string_view promise) {
  if (holds) [[likely]] {
    return;
  }
  std::fprintf(stderr, "broken: %.*s\n", static_cast<int>(promise.size()), promise.data());
  std::abort();
}

}  // namespace fuzz
