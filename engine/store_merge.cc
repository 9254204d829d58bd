#include "engine/store_merge.h"

namespace engine {

bool ConcatenationMerge::FullMergeV2(const MergeOperationInput& input,
                                     MergeOperationOutput* output) const {
  if (input.existing_value == nullptr && input.operand_list.size() == 1) {
    output->existing_operand = input.operand_list.front();
    return true;
  }
  size_t bytes = input.existing_value != nullptr ? input.existing_value->size() : 0;
  for (const rocksdb::Slice& operand : input.operand_list) {
    bytes += operand.size();
  }
  output->new_value.clear();
  output->new_value.reserve(bytes);
  if (input.existing_value != nullptr) {
    output->new_value.append(input.existing_value->data(), input.existing_value->size());
  }
  for (const rocksdb::Slice& operand : input.operand_list) {
    output->new_value.append(operand.data(), operand.size());
  }
  return true;
}

bool ConcatenationMerge::PartialMergeMulti(const rocksdb::Slice& /*key*/,
                                           const std::deque<rocksdb::Slice>& operands,
                                           std::string* value, rocksdb::Logger* /*logger*/) const {
  value->clear();
  for (const rocksdb::Slice& operand : operands) {
    value->append(operand.data(), operand.size());
  }
  return true;
}

}  // namespace engine
