// How the stored value of a block grows: operands are put behind it, one after the other. A value
// and an operand are both runs of self-contained segments, so any grouping of them gives the same
// bytes. Only store.cc includes this. Thread: any, no state.
#pragma once

#include <rocksdb/merge_operator.h>

#include <deque>
#include <string>

namespace engine {

class ConcatenationMerge final : public rocksdb::MergeOperator {
 public:
  bool FullMergeV2(const MergeOperationInput& input, MergeOperationOutput* output) const override;
  bool PartialMergeMulti(const rocksdb::Slice& key, const std::deque<rocksdb::Slice>& operands,
                         std::string* value, rocksdb::Logger* logger) const override;
  // Recorded in the store: it does not open with another name.
  const char* Name() const override { return "weir.concatenation.1"; }
};

}  // namespace engine
