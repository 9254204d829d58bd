// Latency histogram: log-linear buckets, 32 to an octave, so a reported value is at most 1/32
// above a recorded one. Fixed size, no allocation after construction.
//
// Thread: any, one at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace bench {

class Histogram {
 public:
  void Record(uint64_t value) {
    ++counts_[IndexOf(value)];
    ++total_;
    if (value > max_) max_ = value;
  }

  // The smallest bucket limit that at least `quantile` (0..1) of the values do not exceed, but
  // never above max(). Zero if nothing was recorded.
  uint64_t ValueAt(double quantile) const;

  uint64_t max() const { return max_; }
  uint64_t total() const { return total_; }

 private:
  static constexpr unsigned kSubBits = 5;
  static constexpr size_t kSubBuckets = size_t{1} << kSubBits;
  static constexpr size_t kBuckets = (64 - kSubBits + 1) * kSubBuckets;

  static size_t IndexOf(uint64_t value);
  static uint64_t HighestIn(size_t index);

  std::array<uint64_t, kBuckets> counts_ = {};
  uint64_t total_ = 0;
  uint64_t max_ = 0;
};

}  // namespace bench
