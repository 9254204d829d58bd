#include "bench/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace bench {

// Values below kSubBuckets have a bucket each. Above, an octave 2^n..2^(n+1) is cut in kSubBuckets
// equal parts.
size_t Histogram::IndexOf(uint64_t value) {
  if (value < kSubBuckets) return static_cast<size_t>(value);
  const unsigned shift = static_cast<unsigned>(std::bit_width(value)) - kSubBits - 1;
  const size_t sub = static_cast<size_t>(value >> shift) - kSubBuckets;
  return (shift + 1) * kSubBuckets + sub;
}

uint64_t Histogram::HighestIn(size_t index) {
  if (index < kSubBuckets) return index;
  const unsigned shift = static_cast<unsigned>(index / kSubBuckets) - 1;
  const uint64_t first = (kSubBuckets + index % kSubBuckets) << shift;
  return first + ((uint64_t{1} << shift) - 1);
}

uint64_t Histogram::ValueAt(double quantile) const {
  const auto wanted = static_cast<uint64_t>(std::ceil(quantile * static_cast<double>(total_)));
  uint64_t seen = 0;
  for (size_t i = 0; i < kBuckets; ++i) {
    seen += counts_[i];
    if (seen > 0 && seen >= wanted) return std::min(HighestIn(i), max_);
  }
  return max_;
}

}  // namespace bench
