#include "server/core/latency_histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace server {
namespace {

// Log2 of the buckets for each doubling.
constexpr size_t kStepBits = 2;

}  // namespace

// With v = micros - 1: the first four values have a bucket each; above, the position of the highest
// bit chooses the doubling and the two bits below it the bucket.
size_t LatencyHistogram::BucketOf(int64_t micros) {
  const auto value = static_cast<uint64_t>(std::max<int64_t>(micros, 1) - 1);
  if (value < kPerDoubling) return static_cast<size_t>(value);
  const size_t shift = static_cast<size_t>(std::bit_width(value)) - 1 - kStepBits;
  const size_t bucket = kPerDoubling * shift + (value >> shift);
  return std::min(bucket, kBuckets - 1);
}

int64_t LatencyHistogram::EndOf(size_t bucket) {
  if (bucket < kPerDoubling) return static_cast<int64_t>(bucket) + 1;
  const size_t shift = bucket / kPerDoubling - 1;
  const size_t first_bits = kPerDoubling + bucket % kPerDoubling;
  return static_cast<int64_t>((first_bits + 1) << shift);
}

int64_t LatencyHistogram::PercentileMicros(double percent) const {
  if (total_ == 0) return 0;
  const double wanted = std::ceil(percent / 100 * static_cast<double>(total_));
  const auto rank = std::clamp<uint64_t>(static_cast<uint64_t>(wanted), 1, total_);
  uint64_t seen = 0;
  size_t bucket = 0;
  while ((seen += counts_[bucket]) < rank) ++bucket;
  return EndOf(bucket);
}

void LatencyHistogram::ForEachPowerOfTwo(
    absl::FunctionRef<void(int64_t micros, uint64_t runs)> visit) const {
  uint64_t seen = 0;
  uint64_t told = 0;
  for (size_t bucket = 0; bucket < kBuckets; ++bucket) {
    seen += counts_[bucket];
    const int64_t end = EndOf(bucket);
    if (!std::has_single_bit(static_cast<uint64_t>(end)) || seen == told) continue;
    visit(end, seen);
    told = seen;
  }
}

}  // namespace server
