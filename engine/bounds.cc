#include "engine/bounds.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "engine/apply.h"
#include "engine/check.h"
#include "engine/entry_cursor.h"
#include "engine/limits.h"
#include "engine/references.h"
#include "engine/require.h"
#include "engine/retire.h"
#include "engine/steward.h"

namespace engine {
namespace {

// A run of live entries at the front of a stream.
struct Front {
  StreamId end;  // The first entry behind it; 0-0: there is none.
  uint64_t count = 0;
  uint64_t data_bytes = 0;
};

// Takes entries off the front while `takes(id, front so far)`; whole blocks, of which the directory
// knows all there is to know, while `takes_block(slot, front so far)`. Missing blocks are noted;
// the answer is void then.
template <typename TakesBlock, typename Takes>
Front TakeFront(Core& core, Op& op, Stream& stream, TakesBlock takes_block, Takes takes) {
  Front front;
  if (stream.directory.empty()) {
    return front;
  }
  for (std::optional<Directory::Place> at = stream.directory.First(); at.has_value();
       at = stream.directory.Next(*at)) {
    BlockSlot& slot = stream.directory.At(*at);
    if (takes_block(slot, front)) {
      front.count += slot.live_count;
      front.data_bytes += slot.live_data_bytes;
      continue;
    }
    if (slot.WhollyLive() && !takes(slot.first_id, front)) {
      front.end = slot.first_id;
      return front;
    }
    const Block* block = core.NeedBlock(op, stream, slot);
    if (block == nullptr) {
      return front;
    }
    for (Block::Cursor entry = block->SeekAtOrAfter(std::max(stream.first_id, slot.first_id));
         entry.valid(); entry.Next()) {
      const EntryView& view = entry.entry();
      if (view.deleted) {
        continue;
      }
      if (!takes(view.id, front)) {
        front.end = view.id;
        return front;
      }
      ++front.count;
      front.data_bytes += EntryDataBytes(view.payload, view.arg_count);
    }
  }
  return front;
}

Front TakeBelow(Core& core, Op& op, Stream& stream, StreamId end) {
  return TakeFront(
      core, op, stream, [end](const BlockSlot& slot, const Front&) { return slot.last_id < end; },
      [end](StreamId id, const Front&) { return id < end; });
}

// The oldest entries: so many, and of so many bytes.
Front TakeOldest(Core& core, Op& op, Stream& stream, uint64_t count, uint64_t data_bytes) {
  return TakeFront(
      core, op, stream,
      [=](const BlockSlot& slot, const Front& front) {
        return (front.count < count && front.count + slot.live_count <= count) ||
               (front.data_bytes < data_bytes &&
                front.data_bytes + slot.live_data_bytes <= data_bytes);
      },
      [=](StreamId, const Front& front) {
        return front.count < count || front.data_bytes < data_bytes;
      });
}

// Entries with a smaller id are above MAXAGE.
StreamId OldestAllowed(const StreamPolicy& policy, Now now) {
  const int64_t oldest_ms = now.unix_ms - policy.max_age_ms;
  return policy.max_age_ms == 0 || oldest_ms <= 0 ? StreamId::Min()
                                                  : StreamId{static_cast<uint64_t>(oldest_ms), 0};
}

bool IsBelow(StreamId id, StreamId end) { return end.IsZero() || id < end; }

// The oldest live entry that some group has yet to read; nothing when there is none. There is a
// group.
std::optional<StreamId> FirstUnread(Core& core, Op& op, Stream& stream) {
  const auto next = stream.positions.Lowest().Next();
  if (stream.length == 0 || !next.has_value() || stream.last_live_id < *next) {
    return std::nullopt;
  }
  if (*next <= stream.first_id) {
    return stream.first_id;
  }
  for (auto at = stream.directory.FindAtOrAfter(*next); at.has_value();
       at = stream.directory.Next(*at)) {
    BlockSlot& slot = stream.directory.At(*at);
    if (slot.last_id < *next) {
      continue;
    }
    const Block* block = core.NeedBlock(op, stream, slot);
    if (block == nullptr) {
      return std::nullopt;
    }
    if (const auto found = block->FirstLiveAtOrAfter(*next)) {
      return found;
    }
  }
  return std::nullopt;
}

// How many live entries in [first, end) are pending in some group.
uint64_t CountPending(Core& core, Op& op, Stream& stream, StreamId first, StreamId end) {
  std::vector<StreamId> ids;
  const StreamId last = end.IsZero() ? stream.last_live_id : *end.Previous();
  if (last < first) {
    return 0;
  }
  CollectPending(core, op, stream, first, last, &ids);
  return static_cast<uint64_t>(std::count_if(ids.begin(), ids.end(), [&](StreamId id) {
    return op.needs.size() < kLoadRoundItems && EntryExists(core, op, stream, id).value_or(false);
  }));
}

// Whether not even the oldest entry may go.
bool IsFirstReferenced(Core& core, Op& op, Stream& stream, StreamId first) {
  const StreamId next = first.Next().value_or(StreamId());
  return IsUnread(stream, first) || CountPending(core, op, stream, first, next) > 0;
}

Room NoRoom(const Refusal& refusal) {
  Room room;
  room.refusal = refusal;
  return room;
}

class RoomPlan {
 public:
  RoomPlan(Core& core, Op& op, Stream& stream, const StreamPolicy& policy,
           const NewEntries& entries)
      : core_(core), op_(op), stream_(stream), policy_(policy), entries_(entries) {}

  Room Make() {
    Front front = TakeAged();
    const uint64_t expired = front.count;
    const StreamId from = expired > 0 ? front.end : stream_.first_id;
    Refusal refusal = BoundMet(front);
    if (refusal.bound != Bound::kNone && op_.needs.empty()) {
      const bool takes_needed = policy_.overflow == Overflow::kDrop;
      if (!takes_needed && (from.IsZero() || stream_.positions.empty() ||
                            IsFirstReferenced(core_, op_, stream_, from))) {
        return NoRoom(refusal);
      }
      front = TakeOldest(core_, op_, stream_, count_over_ + front.count,
                         bytes_over_ + front.data_bytes);
      room_.counts.dropped = op_.needs.empty() ? CountMissed(from, front, expired) : 0;
      if (!takes_needed && room_.counts.dropped > 0) {
        return NoRoom(refusal);
      }
    }
    room_.gone = front.count;
    room_.first_id = front.end;
    room_.counts.expired = expired;
    room_.counts.retired = front.count - expired - std::min(room_.counts.dropped, front.count);
    if (room_.gone > 0 && op_.needs.empty()) {
      RequireForTrim(core_, op_, stream_, room_.first_id);
    }
    return room_;
  }

 private:
  Front TakeAged() {
    const StreamId oldest = OldestAllowed(policy_, op_.now);
    if (stream_.length == 0 || stream_.first_id >= oldest) {
      return {};
    }
    return TakeBelow(core_, op_, stream_, oldest);
  }

  // The bound that is in the way when the aged entries have gone, and by how much.
  Refusal BoundMet(const Front& aged) {
    const uint64_t length = stream_.length - aged.count + entries_.count;
    const uint64_t data_bytes = stream_.data_bytes - aged.data_bytes + entries_.data_bytes;
    const auto over = [](uint64_t value, int64_t bound) {
      return bound > 0 && value > static_cast<uint64_t>(bound)
                 ? value - static_cast<uint64_t>(bound)
                 : 0;
    };
    count_over_ = std::min(over(length, policy_.max_len), stream_.length - aged.count);
    bytes_over_ =
        std::min(over(data_bytes, policy_.max_bytes), stream_.data_bytes - aged.data_bytes);
    Refusal refusal{.may_wait = policy_.overflow == Overflow::kBlock,
                    .timeout_ms = policy_.overflow_timeout_ms};
    if (over(length, policy_.max_len) > 0) {
      refusal.bound = Bound::kMaxLen;
      refusal.limit = policy_.max_len;
    } else if (over(data_bytes, policy_.max_bytes) > 0) {
      refusal.bound = Bound::kMaxBytes;
      refusal.limit = policy_.max_bytes;
    }
    return refusal;
  }

  // What somebody may miss of the oldest entries when they go; without groups that is all of it.
  uint64_t CountMissed(StreamId from, const Front& front, uint64_t expired) {
    return stream_.positions.empty() ? front.count - expired : CountReferenced(from, front.end);
  }

  // How many live entries in [from, end) some group has yet to read or to acknowledge.
  uint64_t CountReferenced(StreamId from, StreamId end) {
    if (stream_.positions.empty()) {
      return 0;
    }
    const auto unread = FirstUnread(core_, op_, stream_);
    if (!op_.needs.empty() || !unread.has_value() || !IsBelow(*unread, end)) {
      return CountPending(core_, op_, stream_, from, end);
    }
    const uint64_t read = TakeBelow(core_, op_, stream_, std::max(*unread, from)).count;
    const uint64_t all = end.IsZero() ? stream_.length : TakeBelow(core_, op_, stream_, end).count;
    const uint64_t pending = *unread > from ? CountPending(core_, op_, stream_, from, *unread) : 0;
    return all - std::min(read, all) + pending;
  }

  Core& core_;
  Op& op_;
  Stream& stream_;
  const StreamPolicy& policy_;
  const NewEntries& entries_;
  Room room_;
  uint64_t count_over_ = 0;
  uint64_t bytes_over_ = 0;
};

bool IsAbove(uint64_t data_bytes, int64_t max_bytes) {
  return max_bytes > 0 && data_bytes > static_cast<uint64_t>(max_bytes);
}

}  // namespace

TrimBase Room::BaseOfTrim() const {
  TrimBase base{.extra = 1, .gone = gone, .first_id = {}};
  if (gone > 0) {
    base.first_id = first_id.IsZero() ? StreamId::Max() : first_id;
  }
  return base;
}

Result<Room> FindRoom(Core& core, Op& op, Stream& stream, const NewEntries& entries) {
  Room room;
  const StreamPolicy* policy = core.PolicyOf(stream);
  if (policy == nullptr) {
    return room;
  }
  if (entries.count == 1 && IsAbove(entries.data_bytes, policy->max_bytes)) {
    return NoRoom({.bound = Bound::kEntryBytes, .limit = policy->max_bytes});
  }
  RETURN_IF_ERROR(
      LoadInRounds(core, op, [&] { room = RoomPlan(core, op, stream, *policy, entries).Make(); }));
  return room;
}

Refusal RefusalOfFirst(const Core& core, std::string_view key, uint64_t data_bytes) {
  if (!core.policy_rules.has_stream_rules()) {
    return {};
  }
  const StreamPolicy policy = core.policy_rules.ForStream(key, false, nullptr);
  if (!IsAbove(data_bytes, policy.max_bytes)) {
    return {};
  }
  return {.bound = Bound::kEntryBytes, .limit = policy.max_bytes};
}

Refusal RefusalBehindOthers(Core& core, Stream& stream, const Room& room) {
  const StreamPolicy* policy = core.PolicyOf(stream);
  if (room.refusal.bound != Bound::kNone || policy == nullptr ||
      policy->overflow != Overflow::kBlock) {
    return room.refusal;
  }
  Refusal refusal{.may_wait = true, .timeout_ms = policy->overflow_timeout_ms};
  if (policy->max_len > 0) {
    refusal.bound = Bound::kMaxLen;
    refusal.limit = policy->max_len;
  } else if (policy->max_bytes > 0) {
    refusal.bound = Bound::kMaxBytes;
    refusal.limit = policy->max_bytes;
  }
  return refusal;
}

void NoteAdded(Core& core, const Op& op, Stream& stream, StreamId id) {
  const int64_t look_ms = NextAgeLook(core, op.now, stream);
  if (look_ms != INT64_MAX) {
    core.steward->Expect(stream, look_ms);
  }
  // An entry that all groups have passed already.
  if (!stream.positions.empty() && stream.positions.Lowest() >= id && Retires(core, stream) &&
      stream.retirement != Retirement::kOff) {
    BeginSweep(core, op, stream, id);
  }
}

void MakeRoom(Core& core, Stream& stream, const Room& room) {
  CHECK(room.refusal.bound == Bound::kNone);
  if (room.gone == 0) {
    return;
  }
  Emit(core, stream, Trimmed{room.first_id});
  Emit(core, stream, StreamCounted{room.counts});
  core.Tell(StreamEvent::Kind::kTrimmed, stream);
}

void NoteRoom(Core& core, Stream& stream) {
  if (stream.schedule_waits) {
    core.steward->Expect(stream, 0);
  }
  if (!core.producers_wait) {
    return;
  }
  const std::vector<StreamEvent>& events = core.events;
  const bool is_told = !events.empty() && events.back().kind == StreamEvent::Kind::kRoom &&
                       events.back().key == stream.key;
  if (!is_told) {
    core.Tell(StreamEvent::Kind::kRoom, stream);
  }
}

Result<Bound> Engine::FullBound(Op& op, Stream& stream) {
  Core::Saw(op, stream);
  const StreamPolicy* policy = core_->PolicyOf(stream);
  if (policy == nullptr) {
    return Bound::kNone;
  }
  // Of the smallest entry that takes room by any measure.
  ASSIGN_OR_RETURN(const Room room, FindRoom(*core_, op, stream, {.count = 1, .data_bytes = 1}));
  if (room.refusal.bound != Bound::kNone || room.counts.dropped == 0) {
    return room.refusal.bound;
  }
  const bool by_length =
      policy->max_len > 0 && stream.length >= static_cast<uint64_t>(policy->max_len);
  return by_length ? Bound::kMaxLen : Bound::kMaxBytes;
}

void Engine::CountRefusal(Op& op, Stream& stream) {
  const uint64_t rejected = stream.counters == nullptr ? 0 : stream.counters->rejected;
  Emit(*core_, stream, RefusalsCounted{rejected + 1});
  Core::Saw(op, stream);
}

void Engine::SetProducersWait(bool producers_wait) { core_->producers_wait = producers_wait; }

// ---- Age ----

int64_t NextAgeLook(Core& core, Now now, Stream& stream) {
  const StreamPolicy* policy = core.PolicyOf(stream);
  if (policy == nullptr || policy->max_age_ms == 0 || stream.length == 0) {
    return INT64_MAX;
  }
  constexpr int64_t kLongestMs = int64_t{1} << 50;
  const int64_t added_ms = static_cast<int64_t>(std::min<uint64_t>(stream.first_id.ms, kLongestMs));
  const int64_t left_ms = added_ms + policy->max_age_ms + 1 - now.unix_ms;
  return now.store_ms + std::max(left_ms, kAgePauseMs);
}

Result<TaskResult> TrimAged(Core& core, Op& op, Stream& stream) {
  const StreamPolicy* policy = core.PolicyOf(stream);
  const int64_t look_ms = NextAgeLook(core, op.now, stream);
  if (look_ms == INT64_MAX) {
    return TaskResult();
  }
  const StreamId oldest = OldestAllowed(*policy, op.now);
  if (stream.first_id >= oldest) {
    return TaskResult{look_ms};
  }
  Front aged;
  size_t blocks = 0;
  bool is_cut_off = false;
  RETURN_IF_ERROR(LoadInRounds(core, op, [&] {
    blocks = 0;
    is_cut_off = false;
    aged = TakeFront(
        core, op, stream,
        [&](const BlockSlot& slot, const Front&) {
          return slot.last_id < oldest && blocks++ < kAgedBlocksPerStep;
        },
        [&](StreamId id, const Front&) {
          is_cut_off = id < oldest && blocks > kAgedBlocksPerStep;
          return id < oldest && !is_cut_off;
        });
    if (op.needs.empty()) {
      RequireForTrim(core, op, stream, aged.end);
    }
  }));
  if (aged.count > 0) {
    Room room;
    room.gone = aged.count;
    room.first_id = aged.end;
    room.counts.expired = aged.count;
    MakeRoom(core, stream, room);
  }
  // In another turn: this one has had its part.
  return TaskResult{is_cut_off ? op.now.store_ms + 1 : NextAgeLook(core, op.now, stream)};
}

}  // namespace engine
