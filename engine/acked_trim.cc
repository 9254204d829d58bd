#include "engine/acked_trim.h"

#include <algorithm>

#include "engine/limits.h"
#include "engine/references.h"

namespace engine {

AckedTrim::AckedTrim(Core& core, Op& op, Stream& stream, const TrimArgs& args, const TrimBase& base)
    : core_(core),
      op_(op),
      stream_(stream),
      extra_(base.extra),
      first_id_(std::max(stream.first_id, base.first_id)),
      surplus_(UINT64_MAX),
      limit_(args.limit > 0 ? static_cast<uint64_t>(args.limit) : UINT64_MAX),
      bound_(stream.positions.Lowest()) {
  if (args.strategy == TrimArgs::Strategy::kMaxLen) {
    const uint64_t length = stream.length - base.gone + base.extra;
    surplus_ = length > args.max_len ? length - args.max_len : 0;
  } else if (const auto below = args.min_id.Previous(); below.has_value()) {
    bound_ = std::min(bound_, *below);
  } else {
    any_may_go_ = false;
  }
}

std::vector<IdRange> AckedTrim::Plan() {
  Directory& directory = stream_.directory;
  if (!any_may_go_) {
    return {};
  }
  std::optional<Directory::Place> at;
  if (!directory.empty()) {
    at = directory.FindAtOrAfter(first_id_);
  }
  for (; at.has_value(); at = directory.Next(*at)) {
    if (!VisitBlock(directory.At(*at), *at == directory.Last())) {
      return std::move(ranges_);
    }
  }
  if (extra_ > 0) {
    // The entry to come may be one that goes, in the newest block or behind it.
    if (!directory.empty()) {
      core_.NeedBlock(op_, stream_, directory.Back());
    }
    CollectPending(core_, op_, stream_, stream_.last_id, StreamId::Max(), &held_);
  }
  return std::move(ranges_);
}

bool AckedTrim::VisitBlock(BlockSlot& slot, bool is_newest) {
  if (slot.last_id < first_id_) {
    return true;
  }
  const StreamId from = std::max(first_id_, slot.first_id);
  if (surplus_ == 0 || from > bound_ || op_.needs.size() >= kLoadRoundItems) {
    return false;
  }
  const bool may_grow = is_newest && extra_ > 0;
  held_.clear();
  const bool has_pages =
      CollectPending(core_, op_, stream_, from, may_grow ? StreamId::Max() : slot.last_id, &held_);
  const uint64_t live = slot.live_count;
  const bool is_cut = first_id_ > slot.first_id && first_id_ > stream_.first_id;
  const bool goes_whole = has_pages && held_.empty() && !may_grow && !is_cut &&
                          slot.last_id <= bound_ && live <= surplus_ && live <= limit_ - removed_;
  if (goes_whole) {
    Take(slot.first_id, slot.last_id, live);
    return true;
  }
  const Block* block = core_.NeedBlock(op_, stream_, slot);
  if (block == nullptr || !has_pages) {
    // On to what else will be missing, as if all of it went.
    surplus_ -= std::min(surplus_, live);
    return true;
  }
  return VisitEntries(*block, from);
}

bool AckedTrim::VisitEntries(const Block& block, StreamId from) {
  bool is_first = true;
  for (Block::Cursor at = block.SeekAtOrAfter(from); at.valid(); at.Next()) {
    const EntryView& entry = at.entry();
    if (surplus_ == 0 || entry.id > bound_ ||
        ((is_first || entry.opens_node) && !MayEnterNode(block, entry.id))) {
      return false;
    }
    is_first = false;
    if (entry.deleted) {
      continue;
    }
    if (std::binary_search(held_.begin(), held_.end(), entry.id)) {
      extends_ = false;
    } else {
      Take(entry.id, entry.id, 1);
    }
  }
  return true;
}

bool AckedTrim::MayEnterNode(const Block& block, StreamId id) const {
  if (limit_ == UINT64_MAX) {
    return true;
  }
  const auto node = block.NodeContaining(id, first_id_);
  return !node.has_value() || node->live_count <= limit_ - removed_;
}

void AckedTrim::Take(StreamId first, StreamId last, uint64_t count) {
  if (extends_) {
    ranges_.back().last = last;
  } else {
    ranges_.push_back({first, last});
    extends_ = true;
  }
  removed_ += count;
  surplus_ -= count;
}

}  // namespace engine
