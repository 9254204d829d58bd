// How long runs of one command took, counted in buckets: four for each doubling from 1 microsecond
// to about a second. Percentiles are therefore right to a quarter of their value.
//
// Owner: Stats, one for each command that ever ran. Thread: loop.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/functional/function_ref.h"

namespace server {

class LatencyHistogram {
 public:
  // What takes longer than the last bucket reaches counts there.
  void Add(int64_t micros) {
    ++counts_[BucketOf(micros)];
    ++total_;
  }
  uint64_t total() const { return total_; }
  // The upper end of the bucket in which the run at `percent` of all of them lies; 0 without any.
  int64_t PercentileMicros(double percent) const;
  // For each power of two whose runs are more than those of the one before: the power, and how many
  // runs took at most so many microseconds.
  void ForEachPowerOfTwo(absl::FunctionRef<void(int64_t micros, uint64_t runs)> visit) const;

 private:
  static constexpr size_t kPerDoubling = 4;
  static constexpr size_t kHighestPower = 20;
  static constexpr size_t kBuckets = kPerDoubling * (kHighestPower - 1);

  // Buckets end at 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, ... microseconds, the end included.
  static size_t BucketOf(int64_t micros);
  static int64_t EndOf(size_t bucket);

  uint64_t total_ = 0;
  std::array<uint64_t, kBuckets> counts_ = {};
};

}  // namespace server
