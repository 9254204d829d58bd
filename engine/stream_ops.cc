// Engine calls on a stream's entries: validate, then effects.
#include "engine/stream_ops.h"

#include <algorithm>
#include <utility>

#include "engine/apply.h"
#include "engine/bounds.h"
#include "engine/check.h"
#include "engine/engine.h"
#include "engine/entry_cursor.h"
#include "engine/fault_point.h"
#include "engine/limits.h"
#include "engine/require.h"
#include "engine/trim.h"

namespace engine {
namespace {

using Direction = EntryCursor::Direction;

NodeLimits LimitsOf(const EngineOptions& options) {
  NodeLimits limits;
  limits.max_entries = static_cast<uint64_t>(std::max<int64_t>(options.node_max_entries, 0));
  limits.max_bytes = static_cast<uint64_t>(std::max<int64_t>(options.node_max_bytes, 0));
  return limits;
}

}  // namespace

// The id a new entry gets (streams specification 4.1 and section 5, checks 10 and 11).
Result<StreamId> ChooseId(const Op& op, const AddId& wanted, StreamId last_id) {
  if (last_id == StreamId::Max()) {
    return Status(Code::kIdExhausted);
  }
  StreamId id = wanted.id;
  switch (wanted.form) {
    case AddId::Form::kAuto: {
      const auto now_ms = static_cast<uint64_t>(std::max<int64_t>(op.now.unix_ms, 0));
      if (PLANTED_BUG("id_goes_back")) {
        return StreamId{now_ms - 1000, last_id.seq + 1};
      }
      return now_ms > last_id.ms ? StreamId{now_ms, 0} : *last_id.Next();
    }
    case AddId::Form::kAutoSequence:
      if (id.ms == last_id.ms) {
        if (last_id.seq == UINT64_MAX) {
          return Status(Code::kIdTooSmall);
        }
        id.seq = last_id.seq + 1;
      } else {
        id.seq = 0;
      }
      break;
    case AddId::Form::kExplicit:
      break;
  }
  if (id <= last_id) {
    return Status(Code::kIdTooSmall);
  }
  return id;
}

EntryAdded MakeEntry(const Core& core, const Stream& stream, StreamId id, const Payload& payload) {
  EntryAdded effect;
  effect.id = id;
  effect.arg_count = payload.arg_count;
  effect.data_bytes = payload.data_bytes;
  effect.payload = payload.wire;
  const NodeState* open_node = stream.open_node.has_value() ? &*stream.open_node : nullptr;
  // A block takes ids above all that were ever in it; XSETID may have gone back below deleted ones.
  const bool must_open = stream.directory.empty() || id <= stream.directory.Back().last_id;
  effect.opens_node =
      must_open || OpensNode(open_node, LimitsOf(core.options), payload.wire, payload.arg_count);
  effect.opens_block =
      must_open || (effect.opens_node &&
                    stream.directory.Back().byte_size + payload.wire.size() > kBlockTargetBytes);
  return effect;
}

Stream& CreateStream(Core& core, Op& op, std::string_view key) {
  DropExpired(core, op, op.db, key);
  Database& database = core.keyspace.at(op.db);
  Stream& stream = InstallNewStream(core, database, core.next_uid, key);
  Emit(core, stream, StreamCreated{core.options.idmp_duration_s, core.options.idmp_max_size});
  Core::Saw(op, stream);
  return stream;
}

Result<StreamId> AppendEntry(Core& core, Op& op, Stream& stream, const Payload& payload) {
  ASSIGN_OR_RETURN(const StreamId id, ChooseId(op, {AddId::Form::kAuto, {}}, stream.last_id));
  const bool has_policy = core.PolicyOf(stream) != nullptr;
  if (has_policy) {
    // What is missing in spite of what the caller has prepared is read at once.
    const bool reads_misses = std::exchange(op.read_misses, true);
    const Result<Room> room = FindRoom(core, op, stream, {1, payload.data_bytes});
    op.read_misses = reads_misses;
    RETURN_IF_ERROR(room.status());
    if (room->refusal.bound != Bound::kNone) {
      return Status(Code::kLimit, "the stream is at a bound of its own");
    }
    MakeRoom(core, stream, *room);
  }
  Emit(core, stream, MakeEntry(core, stream, id, payload));
  if (has_policy) {
    NoteAdded(core, op, stream, id);
  }
  core.Tell(StreamEvent::Kind::kAdded, stream, {}, id);
  return id;
}

int64_t DefaultTrimLimit(const Core& core) {
  constexpr int64_t kNodes = 100;
  constexpr int64_t kMost = 1'000'000;
  constexpr int64_t kWithoutNodes = 10'000;
  const int64_t per_node = core.options.node_max_entries;
  if (per_node <= 0) {
    return kWithoutNodes;
  }
  return std::min(kMost / kNodes, per_node) * kNodes;
}

Result<Stream*> Engine::CreateStream(Op& op, std::string_view key) {
  return &engine::CreateStream(*core_, op, key);
}

Result<AddResult> Engine::Add(Op& op, std::string_view key, Stream* stream, const AddId& id,
                              const Payload& payload, const TrimArgs& trim, RoomLine line) {
  if (payload.data_bytes > kMaxEntryBytes) {
    return Status(Code::kTooLarge);
  }
  AddResult result;
  ASSIGN_OR_RETURN(const StreamId new_id,
                   ChooseId(op, id, stream == nullptr ? StreamId() : stream->last_id));
  bool has_policy = stream != nullptr && core_->PolicyOf(*stream) != nullptr;
  Room room;
  if (stream == nullptr) {
    result.refusal = RefusalOfFirst(*core_, key, payload.data_bytes);
    if (result.refusal.bound != Bound::kNone) {
      return result;
    }
    ASSIGN_OR_RETURN(stream, CreateStream(op, key));
    result.created = true;
    has_policy = core_->PolicyOf(*stream) != nullptr;
  } else {
    if (has_policy) [[unlikely]] {
      ASSIGN_OR_RETURN(room, FindRoom(*core_, op, *stream, {1, payload.data_bytes}));
      const bool is_taken = line == RoomLine::kTaken || stream->schedule_waits;
      result.refusal = is_taken ? RefusalBehindOthers(*core_, *stream, room) : room.refusal;
      if (result.refusal.bound != Bound::kNone) {
        Core::Saw(op, *stream);
        return result;
      }
    }
    if (trim.strategy != TrimArgs::Strategy::kNone) {
      // What the trim will need is there before the entry is: planned as if it were there.
      RETURN_IF_ERROR(RequireForTrimPlan(*core_, op, *stream, trim, room.BaseOfTrim()));
    }
    if (has_policy) [[unlikely]] {
      MakeRoom(*core_, *stream, room);
    }
  }
  result.id = new_id;
  Emit(*core_, *stream, MakeEntry(*core_, *stream, result.id, payload));
  if (trim.strategy != TrimArgs::Strategy::kNone) {
    result.trimmed = TrimStream(*core_, *stream, trim);
  }
  if (has_policy) [[unlikely]] {
    NoteAdded(*core_, op, *stream, result.id);
  }
  Core::Saw(op, *stream);
  return result;
}

Status Engine::Range(Op& op, Stream& stream, const RangeArgs& args, EntrySink sink) {
  EntryExtent extent;
  extent.start = args.start;
  extent.end = args.end;
  extent.count = args.count;
  extent.max_bytes = args.max_bytes;
  extent.direction = args.reverse ? Direction::kBackward : Direction::kForward;
  if (args.start > args.end) {
    return OkStatus();
  }
  RequireEntries(*core_, op, stream, extent);
  RETURN_IF_ERROR(core_->CheckLoaded(op));
  int64_t left = args.count;
  uint64_t bytes = 0;
  for (EntryCursor at(stream, args.reverse ? args.end : args.start, extent.direction);
       at.valid() && left != 0; at.Next()) {
    const EntryView& entry = at.entry();
    if (args.reverse ? entry.id < args.start : entry.id > args.end) {
      break;
    }
    sink(entry);
    --left;
    bytes += entry.payload.size() + kEntryReplyOverhead;
    if (args.max_bytes > 0 && bytes >= args.max_bytes) {
      break;
    }
  }
  return OkStatus();
}

Result<std::optional<StreamId>> Engine::FirstEntry(Op& op, Stream& stream, EntrySink sink) {
  if (stream.length == 0) {
    return std::optional<StreamId>();
  }
  RangeArgs args;
  args.start = stream.first_id;
  args.end = stream.first_id;
  RETURN_IF_ERROR(Range(op, stream, args, sink));
  return std::optional<StreamId>(stream.first_id);
}

Result<std::optional<StreamId>> Engine::LastEntry(Op& op, Stream& stream, EntrySink sink) {
  if (stream.length == 0) {
    return std::optional<StreamId>();
  }
  RangeArgs args;
  args.start = stream.last_live_id;
  args.end = stream.last_live_id;
  RETURN_IF_ERROR(Range(op, stream, args, sink));
  return std::optional<StreamId>(stream.last_live_id);
}

Result<int64_t> Engine::DeleteEntries(Op& op, Stream& stream, std::span<const StreamId> ids) {
  std::vector<StreamId> sorted(ids.begin(), ids.end());
  std::sort(sorted.begin(), sorted.end());
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  RequireForDelete(*core_, op, stream, sorted);
  RETURN_IF_ERROR(core_->CheckLoaded(op));
  std::erase_if(sorted, [&stream](StreamId id) { return !FindLiveEntry(stream, id).has_value(); });
  if (!sorted.empty()) {
    Emit(*core_, stream, EntriesDeleted{sorted});
  }
  Core::Saw(op, stream);
  return static_cast<int64_t>(sorted.size());
}

Result<int64_t> Engine::Trim(Op& op, Stream& stream, const TrimArgs& args) {
  RETURN_IF_ERROR(RequireForTrimPlan(*core_, op, stream, args, {}));
  const int64_t removed = TrimStream(*core_, stream, args);
  Core::Saw(op, stream);
  return removed;
}

int64_t Engine::DefaultTrimLimit() const { return engine::DefaultTrimLimit(*core_); }

Result<Engine::SetIdRefusal> Engine::SetId(Op& op, Stream& stream, const SetIdArgs& args) {
  if (args.last_id < stream.max_deleted) {
    return SetIdRefusal::kBelowMaxDeleted;
  }
  if (stream.length > 0 && args.last_id < stream.last_live_id) {
    return SetIdRefusal::kBelowTopItem;
  }
  if (stream.length > 0 && args.entries_added.has_value() && *args.entries_added < stream.length) {
    return SetIdRefusal::kEntriesAddedTooSmall;
  }
  IdSet effect;
  effect.last_id = args.last_id;
  effect.entries_added = args.entries_added.value_or(stream.entries_added);
  effect.max_deleted = stream.max_deleted;
  if (args.max_deleted.has_value() && !args.max_deleted->IsZero()) {
    effect.max_deleted = *args.max_deleted;
  }
  const bool is_lowered = effect.entries_added < stream.entries_added;
  Emit(*core_, stream, effect);
  // Lag never gets negative by it: no group has read more than was ever added.
  for (Group* group : stream.groups_by_number) {
    if (is_lowered && group->entries_read.has_value() &&
        static_cast<uint64_t>(*group->entries_read) > stream.entries_added) {
      Emit(*core_, stream,
           GroupMoved{group->number, group->last_id, static_cast<int64_t>(stream.entries_added)});
    }
  }
  Core::Saw(op, stream);
  return SetIdRefusal::kNone;
}

}  // namespace engine
