#include "engine/trim.h"

#include <algorithm>
#include <optional>

#include "engine/apply.h"
#include "engine/check.h"

namespace engine {
namespace {

uint64_t Limit(const TrimArgs& args) {
  return args.limit > 0 ? static_cast<uint64_t>(args.limit) : UINT64_MAX;
}

// Entries that may go by count: MAXLEN's surplus (all, for MINID), capped by LIMIT.
uint64_t Allowance(const Stream& stream, const TrimArgs& args, uint64_t extra) {
  uint64_t allowance = UINT64_MAX;
  if (args.strategy == TrimArgs::Strategy::kMaxLen) {
    const uint64_t length = stream.length + extra;
    allowance = length > args.max_len ? length - args.max_len : 0;
  }
  return std::min(allowance, Limit(args));
}

// Nothing goes although there may be entries: seen without a look into any block.
bool IsIdle(const Stream& stream, const TrimArgs& args, uint64_t allowance) {
  if (stream.length == 0 || allowance == 0) {
    return true;
  }
  if (args.strategy == TrimArgs::Strategy::kMinId && stream.first_id >= args.min_id) {
    return true;
  }
  return args.approximate && stream.first_node_live > allowance;
}

// The first live entry of the block that stays, for exact trimming; nothing if all of it goes.
std::optional<StreamId> ExactEnd(const Block& block, const TrimArgs& args, StreamId live_from,
                                 uint64_t allowance) {
  if (args.strategy == TrimArgs::Strategy::kMinId) {
    return block.FirstLiveAtOrAfter(std::max(live_from, args.min_id));
  }
  return block.NthLive(live_from, static_cast<uint32_t>(std::min<uint64_t>(allowance, UINT32_MAX)));
}

// The same for `~`: the first live entry of the first node that stays. Only whole nodes go.
std::optional<StreamId> NodeEnd(const Block& block, const TrimArgs& args, StreamId live_from,
                                uint64_t allowance) {
  for (auto node = block.FirstLiveNode(live_from); node.has_value();
       node = block.FirstLiveNode(live_from)) {
    const bool id_allows =
        args.strategy != TrimArgs::Strategy::kMinId || node->last_id < args.min_id;
    if (node->live_count > allowance || !id_allows) {
      return block.FirstLiveAtOrAfter(live_from);
    }
    allowance -= node->live_count;
    live_from = *node->last_id.Next();
  }
  return std::nullopt;
}

// Whether the block in which the trim ends must be looked into at all.
bool MustLookInto(const Stream& stream, const BlockSlot& slot, const TrimArgs& args,
                  uint64_t allowance) {
  if (!slot.WhollyLive()) {
    return true;
  }
  if (allowance == 0) {
    return false;
  }
  return args.strategy != TrimArgs::Strategy::kMinId ||
         std::max(stream.first_id, slot.first_id) < args.min_id;
}

struct Plan {
  bool missing = false;  // A block must be loaded first; it is in op.needs.
  StreamId first_id;     // What stays begins here; 0-0: nothing stays.
};

Plan MakePlan(Core& core, Op& op, Stream& stream, const TrimArgs& args, uint64_t extra) {
  Plan plan;
  uint64_t allowance = Allowance(stream, args, extra);
  const bool by_id = args.strategy == TrimArgs::Strategy::kMinId;
  if (stream.directory.empty()) {
    return plan;
  }
  for (std::optional<Directory::Place> at = stream.directory.First(); at.has_value();
       at = stream.directory.Next(*at)) {
    BlockSlot& slot = stream.directory.At(*at);
    if (slot.live_count <= allowance && !(by_id && slot.last_id >= args.min_id)) {
      allowance -= slot.live_count;
      continue;
    }
    if (extra == 0 && !MustLookInto(stream, slot, args, allowance)) {
      plan.first_id = slot.first_id;
      return plan;
    }
    const Block* block = core.NeedBlock(op, stream, slot);
    if (block == nullptr) {
      plan.missing = true;
      return plan;
    }
    const StreamId live_from = std::max(stream.first_id, slot.first_id);
    if (*at == stream.directory.First()) {
      stream.first_node_live = block->FirstLiveNode(live_from)->live_count;
    }
    const auto end = args.approximate ? NodeEnd(*block, args, live_from, allowance)
                                      : ExactEnd(*block, args, live_from, allowance);
    if (end.has_value()) {
      plan.first_id = *end;
      return plan;
    }
    // Its newest entries are deleted ones: nothing live of it stays.
    allowance -= std::min<uint64_t>(allowance, slot.live_count);
  }
  if (extra > 0) {
    // The entry to come may be what stays, behind others in the newest block.
    plan.missing = core.NeedBlock(op, stream, stream.directory.Back()) == nullptr;
  }
  return plan;
}

}  // namespace

void RequireForTrimPlan(Core& core, Op& op, Stream& stream, const TrimArgs& args, uint64_t extra) {
  if (args.strategy != TrimArgs::Strategy::kNone &&
      !IsIdle(stream, args, Allowance(stream, args, extra))) {
    MakePlan(core, op, stream, args, extra);
  }
}

int64_t TrimStream(Core& core, Stream& stream, const TrimArgs& args) {
  if (IsIdle(stream, args, Allowance(stream, args, 0))) {
    return 0;
  }
  Op op;
  const Plan plan = MakePlan(core, op, stream, args, 0);
  CHECK(!plan.missing);
  if (!plan.first_id.IsZero() && plan.first_id <= stream.first_id) {
    return 0;
  }
  const uint64_t length_before = stream.length;
  Emit(core, stream, Trimmed{plan.first_id});
  return static_cast<int64_t>(length_before - stream.length);
}

}  // namespace engine
