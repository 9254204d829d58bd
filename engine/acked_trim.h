// Trimming that leaves what groups still hold (streams specification section 6, ACKED).
//
// Entries are judged one by one, oldest first; those that are referenced stay, so gaps appear.
// Blocks that go whole, and of which nothing is pending, are counted off by the directory alone.
// Thread: loop.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/core.h"
#include "engine/effects.h"
#include "engine/engine.h"
#include "engine/trim.h"

namespace engine {

class AckedTrim {
 public:
  // The stream has a group. What lies below `base.first_id` is not looked at.
  AckedTrim(Core& core, Op& op, Stream& stream, const TrimArgs& args, const TrimBase& base);

  // What goes. When op.needs has something afterwards, a round of what is missing, it is void.
  std::vector<IdRange> Plan();

 private:
  // False where the trim ends.
  bool VisitBlock(BlockSlot& slot, bool is_newest);
  bool VisitEntries(const Block& block, StreamId from);
  bool MayEnterNode(const Block& block, StreamId id) const;
  void Take(StreamId first, StreamId last, uint64_t count);

  Core& core_;
  Op& op_;
  Stream& stream_;
  const uint64_t extra_;
  const StreamId first_id_;
  uint64_t surplus_;  // Entries that may still go by count.
  uint64_t limit_;    // A node is not entered if this may be exceeded.
  StreamId bound_;    // The highest id that may go by MINID and by what all groups have read.
  bool any_may_go_ = true;
  uint64_t removed_ = 0;
  std::vector<IdRange> ranges_;
  bool extends_ = false;        // Nothing was kept since the last range.
  std::vector<StreamId> held_;  // Pending ids of the block under the hand.
};

}  // namespace engine
