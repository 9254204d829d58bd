#include "engine/trim.h"

#include <algorithm>
#include <optional>

#include "engine/acked_trim.h"
#include "engine/apply.h"
#include "engine/check.h"
#include "engine/fault_point.h"
#include "engine/references.h"
#include "engine/require.h"

namespace engine {
namespace {

uint64_t Limit(const TrimArgs& args) {
  return args.limit > 0 ? static_cast<uint64_t>(args.limit) : UINT64_MAX;
}

// Only whole nodes go.
bool ByNode(const TrimArgs& args) {
  return args.approximate && args.references == References::kKeep;
}

// Entries are judged one by one with regard to groups. Without a group nothing is referenced.
bool ByReference(const Stream& stream, const TrimArgs& args) {
  return args.references == References::kRespect && !stream.positions.empty();
}

// Entries that may go by MAXLEN; all, for MINID.
uint64_t Surplus(const Stream& stream, const TrimArgs& args, const TrimBase& base) {
  if (args.strategy != TrimArgs::Strategy::kMaxLen) {
    return UINT64_MAX;
  }
  const uint64_t length = stream.length - base.gone + base.extra;
  return length > args.max_len ? length - args.max_len : 0;
}

// Entries that may go by count: the surplus, capped by LIMIT.
uint64_t Allowance(const Stream& stream, const TrimArgs& args, const TrimBase& base) {
  return std::min(Surplus(stream, args, base), Limit(args));
}

// Nothing goes although there may be entries: seen without a look into any block.
bool IsIdle(const Stream& stream, const TrimArgs& args, const TrimBase& base) {
  const uint64_t allowance = Allowance(stream, args, base);
  if (stream.length + base.extra == base.gone || allowance == 0) {
    return true;
  }
  if (args.strategy == TrimArgs::Strategy::kMinId &&
      std::max(stream.first_id, base.first_id) >= args.min_id) {
    return true;
  }
  return ByNode(args) && base.gone == 0 && stream.first_node.live_count > allowance;
}

// The first live entry of the block that stays, for exact trimming; nothing if all of it goes.
std::optional<StreamId> ExactEnd(const Block& block, const TrimArgs& args, StreamId live_from,
                                 uint64_t allowance) {
  if (args.strategy == TrimArgs::Strategy::kMinId) {
    const StreamId end = PLANTED_BUG("trim_off_by_one") ? *args.min_id.Next() : args.min_id;
    return block.FirstLiveAtOrAfter(std::max(live_from, end));
  }
  return block.NthLive(live_from, static_cast<uint32_t>(std::min<uint64_t>(allowance, UINT32_MAX)));
}

// The same for `~`: the first live entry of the first node that is too much for the allowance, or
// has an id at or above `end`. `known` is the node in which `live_from` is, if that is known.
std::optional<StreamId> NodeEnd(const Block& block, std::optional<StreamId> end, StreamId live_from,
                                uint64_t allowance, Stream::FirstNode known) {
  while (allowance > 0) {
    if (known.live_count == 0) {
      const auto node = block.FirstLiveNode(live_from);
      if (!node.has_value()) {
        return std::nullopt;
      }
      known = {.last_id = node->last_id, .live_count = node->live_count};
    }
    if (known.live_count > allowance || (end.has_value() && known.last_id >= *end)) {
      break;
    }
    allowance -= known.live_count;
    const auto behind = known.last_id.Next();
    if (!behind.has_value()) {
      return std::nullopt;
    }
    live_from = *behind;
    known = {};
  }
  return block.FirstLiveAtOrAfter(live_from);
}

// How many entries may go, in all and before LIMIT keeps a node from being entered.
struct Room {
  uint64_t surplus = 0;
  uint64_t limit = 0;

  uint64_t Least() const { return std::min(surplus, limit); }
  void Take(uint64_t count) {
    surplus -= surplus == UINT64_MAX ? 0 : std::min(surplus, count);
    limit -= limit == UINT64_MAX ? 0 : std::min(limit, count);
  }
};

// Where the trim ends in this block; nothing if all of it goes. `known`: see NodeEnd().
std::optional<StreamId> EndWithin(const Block& block, const TrimArgs& args, StreamId live_from,
                                  const Room& room, Stream::FirstNode known) {
  if (ByNode(args)) {
    const bool by_id = args.strategy == TrimArgs::Strategy::kMinId;
    return NodeEnd(block, by_id ? std::optional<StreamId>(args.min_id) : std::nullopt, live_from,
                   room.Least(), known);
  }
  const auto exact = ExactEnd(block, args, live_from, room.surplus);
  if (room.limit == UINT64_MAX) {
    return exact;
  }
  const auto entered = NodeEnd(block, std::nullopt, live_from, room.limit, known);
  return exact.has_value() && entered.has_value() ? std::min(exact, entered)
                                                  : std::max(exact, entered);
}

// Whether the block in which the trim ends must be looked into at all.
bool MustLookInto(const BlockSlot& slot, StreamId first_id, const TrimArgs& args,
                  uint64_t allowance) {
  if (!slot.WhollyLive() || slot.first_id < first_id) {
    return true;
  }
  if (allowance == 0) {
    return false;
  }
  return args.strategy != TrimArgs::Strategy::kMinId || slot.first_id < args.min_id;
}

struct Plan {
  bool missing = false;  // A block must be loaded first; it is in op.needs.
  StreamId first_id;     // What stays begins here; 0-0: nothing stays.
};

// Live entries of a block that `base` leaves.
uint64_t LiveCount(const Stream& stream, const BlockSlot& slot, const TrimBase& base) {
  const StreamId live_from = std::max(stream.first_id, slot.first_id);
  if (base.first_id <= live_from) {
    return slot.live_count;
  }
  CHECK(slot.unit != nullptr);
  const uint32_t gone = slot.unit->block.CountLiveBelow(live_from, base.first_id);
  return slot.live_count - std::min(gone, slot.live_count);
}

Plan MakePlan(Core& core, Op& op, Stream& stream, const TrimArgs& args, const TrimBase& base) {
  Plan plan;
  Room room{Surplus(stream, args, base), Limit(args)};
  const bool by_id = args.strategy == TrimArgs::Strategy::kMinId;
  const StreamId first_id = std::max(stream.first_id, base.first_id);
  if (stream.directory.empty()) {
    return plan;
  }
  for (std::optional<Directory::Place> at = stream.directory.FindAtOrAfter(first_id);
       at.has_value(); at = stream.directory.Next(*at)) {
    BlockSlot& slot = stream.directory.At(*at);
    if (slot.last_id < first_id) {
      continue;
    }
    const uint64_t live_count = LiveCount(stream, slot, base);
    if (live_count <= room.Least() && !(by_id && slot.last_id >= args.min_id)) {
      room.Take(live_count);
      continue;
    }
    if (base.extra == 0 && !MustLookInto(slot, first_id, args, room.Least())) {
      plan.first_id = slot.first_id;
      return plan;
    }
    const Block* block = core.NeedBlock(op, stream, slot);
    if (block == nullptr) {
      plan.missing = true;
      return plan;
    }
    const StreamId live_from = std::max(first_id, slot.first_id);
    const bool is_first = base.gone == 0 && *at == stream.directory.First();
    if (is_first && stream.first_node.live_count == 0) {
      const NodeSpan node = *block->FirstLiveNode(live_from);
      stream.first_node = {.last_id = node.last_id, .live_count = node.live_count};
    }
    const auto end = EndWithin(*block, args, live_from, room,
                               is_first ? stream.first_node : Stream::FirstNode());
    if (end.has_value()) {
      plan.first_id = *end;
      return plan;
    }
    // Its newest entries are deleted ones: nothing live of it stays.
    room.Take(live_count);
  }
  if (base.extra > 0) {
    // The entry to come may be what stays, behind others in the newest block.
    plan.missing = core.NeedBlock(op, stream, stream.directory.Back()) == nullptr;
  }
  return plan;
}

// The next trims look into the first blocks, one after the other.
void PrefetchHead(Core& core, const Stream& stream) {
  const Directory& directory = stream.directory;
  if (!directory.empty()) {
    core.Prefetch(stream, directory.First());
  }
}

int64_t TrimByReference(Core& core, Stream& stream, const TrimArgs& args) {
  Op op;
  const std::vector<IdRange> ranges = AckedTrim(core, op, stream, args, {}).Plan();
  CHECK(op.needs.empty());
  const uint64_t length_before = stream.length;
  if (!ranges.empty()) {
    Emit(core, stream, RangesTrimmed{ranges});
  }
  return static_cast<int64_t>(length_before - stream.length);
}

void RequireByReference(Core& core, Op& op, Stream& stream, const TrimArgs& args,
                        const TrimBase& base) {
  const std::vector<IdRange> ranges = AckedTrim(core, op, stream, args, base).Plan();
  if (op.needs.empty()) {
    RequireForRanges(core, op, stream, ranges);
  }
}

}  // namespace

Status RequireForTrimPlan(Core& core, Op& op, Stream& stream, const TrimArgs& args,
                          const TrimBase& base) {
  if (args.strategy == TrimArgs::Strategy::kNone || IsIdle(stream, args, base)) {
    return OkStatus();
  }
  return LoadInRounds(core, op, [&] {
    if (ByReference(stream, args)) {
      RequireByReference(core, op, stream, args, base);
      return;
    }
    const Plan plan = MakePlan(core, op, stream, args, base);
    if (!plan.missing && args.references == References::kDrop) {
      RecordsBelow(core, op, stream, plan.first_id);
    }
  });
}

int64_t TrimStream(Core& core, Stream& stream, const TrimArgs& args) {
  if (IsIdle(stream, args, {})) {
    return 0;
  }
  if (ByReference(stream, args)) {
    return TrimByReference(core, stream, args);
  }
  Op op;
  const Plan plan = MakePlan(core, op, stream, args, {});
  CHECK(!plan.missing);
  if (!plan.first_id.IsZero() && plan.first_id <= stream.first_id) {
    return 0;
  }
  if (args.references == References::kDrop) {
    const std::vector<DoomedRecords> doomed = RecordsBelow(core, op, stream, plan.first_id);
    CHECK(op.needs.empty());
    for (const DoomedRecords& records : doomed) {
      Emit(core, stream, Acknowledged{records.group, records.ids});
    }
  }
  const uint64_t length_before = stream.length;
  Emit(core, stream, Trimmed{plan.first_id});
  PrefetchHead(core, stream);
  return static_cast<int64_t>(length_before - stream.length);
}

}  // namespace engine
