#include "server/commands/read.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "engine/engine.h"
#include "engine/inspect.h"
#include "engine/limits.h"
#include "server/commands/missing_objects.h"
#include "server/commands/read_args.h"
#include "server/commands/stream_access.h"

namespace server {
namespace {

using engine::Code;
using engine::EntryView;
using engine::Group;
using engine::PriorDelivery;
using engine::Result;
using engine::Status;
using engine::Stream;
using engine::StreamId;

constexpr size_t kUsualStreams = 4;

// One stream of the call. `after` is the id above which entries are wanted; for a group read of new
// entries it is StreamId::Max(), which is also what a client may type for it.
struct Target {
  std::string_view key;
  Stream* stream = nullptr;
  Group* group = nullptr;
  StreamId after;
  bool newest = false;  // XREAD `+`: the newest entry, whatever was read before.

  bool wants_new() const { return after == StreamId::Max(); }
};
using Targets = absl::InlinedVector<Target, kUsualStreams>;

// The streams with something to show, as `[key, entries]` or as a map, within the caps that the
// client gave for the whole reply.
class StreamsReply {
 public:
  StreamsReply(resp::Writer& out, const ReadOptions& options)
      : out_(out), options_(options), start_(out.size()), mark_(out.BeginArray()) {}

  // Nothing more may be added. Never before the first entry.
  bool full() const {
    return total_count_ > 0 &&
           (is_closed_ || total_count_ == options_.max_count ||
            (options_.max_bytes > 0 && out_.size() - start_ >= options_.max_bytes));
  }
  // Nothing may be added whatever its caps: there is an entry that must be alone, or such a one
  // would come next.
  void Close() { is_closed_ = true; }
  bool has_entries() const { return total_count_ > 0; }
  // Entries that a stream may have from now on; 0 = any number.
  int64_t count_left() const {
    if (options_.max_count == 0) return options_.count;
    const int64_t left = options_.max_count - total_count_;
    return options_.count == 0 ? left : std::min(left, options_.count);
  }

  // False, with nothing written, when the reply is full.
  bool Begin(std::string_view key) {
    if (full()) return false;
    stream_mark_ = out_.size();
    if (out_.protocol() != 3) out_.ArrayHeader(2);
    out_.Bulk(key);
    list_mark_ = out_.BeginArray();
    entry_count_ = 0;
    if (full()) {
      out_.Rewind(stream_mark_);
      return false;
    }
    return true;
  }
  void Add(const EntryView& entry) {
    WriteEntry(out_, entry);
    Count();
  }
  void Add(const EntryView& entry, const PriorDelivery& prior) {
    WriteEntry(out_, entry, prior);
    Count();
  }
  void AddDeleted(StreamId id) {
    out_.ArrayHeader(2);
    WriteId(out_, id);
    out_.NullArray();
    Count();
  }
  void End() {
    out_.EndArray(list_mark_, entry_count_);
    ++stream_count_;
  }
  // The stream appears only if it has entries.
  void EndUnlessEmpty() {
    if (entry_count_ == 0) {
      out_.Rewind(stream_mark_);
    } else {
      End();
    }
  }
  // False, with nothing written, when there is no stream.
  bool Finish() {
    if (stream_count_ == 0) {
      out_.Rewind(mark_);
      return false;
    }
    if (out_.protocol() == 3) {
      out_.EndMap(mark_, stream_count_);
    } else {
      out_.EndArray(mark_, stream_count_);
    }
    return true;
  }

 private:
  void Count() {
    ++entry_count_;
    ++total_count_;
  }

  resp::Writer& out_;
  const ReadOptions& options_;
  const size_t start_;
  const size_t mark_;
  size_t stream_mark_ = 0;
  size_t list_mark_ = 0;
  size_t entry_count_ = 0;
  int64_t total_count_ = 0;
  size_t stream_count_ = 0;
  bool is_closed_ = false;
};

// Each stream gets an equal part of the soft cap, so that what one call loads and sends is bounded
// whatever each stream holds. MAXSIZE is kept to the byte by StreamsReply; here it keeps entries
// from being looked at in vain, counted generously: the engine takes an entry for up to three times
// as long as it is in a reply.
uint64_t BytesPerStream(const ReadOptions& options) {
  constexpr uint64_t kGenerosity = 3;
  const uint64_t share = std::max<uint64_t>(engine::kReadReplySoftCap / options.keys.size(), 1);
  if (options.max_bytes == 0 || options.max_bytes >= share) return share;
  return std::min(share, options.max_bytes * kGenerosity);
}

// No stream has anything: waits if the client wants to, else answers null.
Outcome WaitOrNull(CommandContext& context, const ReadOptions& options, const Targets& targets,
                   int64_t claim_wait_ms) {
  if (!options.block_ms || !context.may_block) {
    context.out.NullArray();
    return Done();
  }
  WaitRequest wait;
  wait.timeout_ms = *options.block_ms;
  wait.keys.reserve(targets.size());
  wait.resolved_ids.reserve(targets.size());
  for (const Target& target : targets) {
    wait.keys.emplace_back(target.key);
    wait.resolved_ids.push_back(target.after);
  }
  if (options.group) {
    wait.group_read = true;
    wait.leaves_some = options.no_ack || options.claim_min_idle_ms.has_value();
    wait.group = *options.group;
    wait.consumer = options.consumer;
  }
  if (options.claim_min_idle_ms) {
    wait.claim =
        WaitRequest::Claim{.min_idle_ms = *options.claim_min_idle_ms, .wait_ms = claim_wait_ms};
  }
  context.Park(std::move(wait));
  return Done();
}

// What BLOCK is judged by. A command that is run again has passed that check, at an earlier time.
int64_t BlockStart(const CommandContext& context) {
  return context.is_rerun ? 0 : context.op.now.unix_ms;
}

Outcome ResolveXReadId(std::string_view text, const Stream* stream, StreamId* after) {
  if (text == "$") {
    *after = stream == nullptr ? StreamId::Min() : engine::Inspect(*stream).last_id;
    return Done();
  }
  if (text == ">") return Error::kNewIdOnlyInXReadGroup;
  return ReadStreamId(text, after);
}

// A blocked reader that is run again stays blocked where a key has gone or holds something else by
// now, and keeps the ids of its first run.
Outcome ResolveXReadTargets(CommandContext& context, const ReadOptions& options, Targets* targets) {
  const bool was_blocked = !context.resolved_ids.empty();
  MissingObjects missing;
  for (size_t i = 0; i < options.keys.size(); ++i) {
    Target& target = targets->emplace_back();
    target.key = options.keys[i];
    Result<Stream*> stream = FindStream(context, target.key);
    if (missing.Note(stream.status()) || missing.any()) continue;
    if (stream.ok()) {
      target.stream = *stream;
    } else if (stream.code() != Code::kWrongType || !was_blocked) {
      return stream.status();
    }
    if (options.ids[i] == "+") {
      target.newest = true;
    } else if (was_blocked) {
      target.after = context.resolved_ids[i];
    } else {
      RETURN_IF_FAILED(ResolveXReadId(options.ids[i], target.stream, &target.after));
    }
  }
  return missing.status();
}

Outcome ServeXRead(CommandContext& context, const ReadOptions& options, const Targets& targets,
                   StreamsReply* reply) {
  MissingObjects missing;
  for (const Target& target : targets) {
    const std::optional<StreamId> start = target.after.Next();
    if (target.stream == nullptr || !start) continue;
    const engine::StreamInfo info = engine::Inspect(*target.stream);
    if (info.length == 0 || info.last_id < *start) continue;
    const int64_t count = reply->count_left();
    const engine::RangeArgs range = {.start = *start,
                                     .end = StreamId::Max(),
                                     .count = count == 0 ? -1 : count,
                                     .max_bytes = BytesPerStream(options)};
    const auto add = [&](const EntryView& entry) {
      if (!missing.any() && !reply->full()) reply->Add(entry);
    };
    if (!reply->Begin(target.key)) break;
    const Status status = target.newest
                              ? context.engine.LastEntry(context.op, *target.stream, add).status()
                              : context.engine.Range(context.op, *target.stream, range, add);
    if (!missing.Note(status)) RETURN_IF_ERROR(status);
    reply->EndUnlessEmpty();
  }
  return missing.status();
}

Outcome ResolveXReadGroupId(std::string_view text, StreamId* after) {
  if (text == ">") {
    *after = StreamId::Max();
    return Done();
  }
  if (text == "$" || text == "+") return {Error::kMeaninglessId, {text, text}};
  return ReadStreamId(text, after);
}

Outcome ResolveXReadGroupTargets(CommandContext& context, const ReadOptions& options,
                                 Targets* targets) {
  MissingObjects missing;
  for (size_t i = 0; i < options.keys.size(); ++i) {
    Target& target = targets->emplace_back();
    target.key = options.keys[i];
    const Result<StreamGroup> found = FindStreamGroup(context, target.key, *options.group);
    if (missing.Note(found.status()) || missing.any()) continue;
    RETURN_IF_ERROR(found.status());
    if (found->group == nullptr) {
      return {Error::kNoKeyOrGroupInReadGroup, {target.key, *options.group}};
    }
    target.stream = found->stream;
    target.group = found->group;
    RETURN_IF_FAILED(ResolveXReadGroupId(options.ids[i], &target.after));
  }
  return missing.status();
}

engine::ReadNewArgs NewArgsOf(const ReadOptions& options, const StreamsReply& reply) {
  return {.consumer = options.consumer,
          .count = reply.count_left(),
          .no_ack = options.no_ack,
          .claim_min_idle_ms = options.claim_min_idle_ms,
          .max_bytes = BytesPerStream(options),
          .follows_others = reply.has_entries()};
}

engine::HistoryArgs HistoryArgsOf(const ReadOptions& options, const Target& target,
                                  const StreamsReply& reply) {
  return {.consumer = options.consumer,
          .after = target.after,
          .count = reply.count_left(),
          .max_bytes = BytesPerStream(options),
          .follows_others = reply.has_entries()};
}

// Everything all reads need is in memory afterwards; nothing has changed yet.
Status PrepareXReadGroup(CommandContext& context, const ReadOptions& options,
                         const Targets& targets, const StreamsReply& reply) {
  MissingObjects missing;
  for (const Target& target : targets) {
    const Status status =
        target.wants_new()
            ? context.engine.PrepareReadNew(context.op, *target.stream, *target.group,
                                            NewArgsOf(options, reply))
            : context.engine.PrepareReadHistory(context.op, *target.stream, *target.group,
                                                HistoryArgsOf(options, target, reply));
    if (!missing.Note(status)) RETURN_IF_ERROR(status);
  }
  return missing.status();
}

// An entry with one delivery left must be the whole reply. If it is the first one of any stream, no
// other stream is read.
Status KeepOnlyAlone(CommandContext& context, const ReadOptions& options, Targets* targets,
                     const StreamsReply& reply) {
  MissingObjects missing;
  for (const Target& target : *targets) {
    const Result<bool> alone =
        target.wants_new()
            ? context.engine.GoesFirstAndAlone(context.op, *target.stream, *target.group,
                                               NewArgsOf(options, reply))
            : context.engine.GoesFirstAndAlone(context.op, *target.stream, *target.group,
                                               HistoryArgsOf(options, target, reply));
    if (missing.Note(alone.status())) continue;
    RETURN_IF_ERROR(alone.status());
    if (*alone) {
      *targets = {target};
      break;
    }
  }
  return missing.status();
}

Status ServeNew(CommandContext& context, const ReadOptions& options, const Target& target,
                StreamsReply* reply, int64_t* claim_wait_ms) {
  const bool shows_prior = options.claim_min_idle_ms.has_value();
  ASSIGN_OR_RETURN(
      const engine::ReadNewResult result,
      context.engine.ReadNew(context.op, *target.stream, *target.group, NewArgsOf(options, *reply),
                             [=](const EntryView& entry, const PriorDelivery& prior) {
                               if (shows_prior) {
                                 reply->Add(entry, prior);
                               } else {
                                 reply->Add(entry);
                               }
                               return !reply->full();
                             }));
  *claim_wait_ms = std::min(*claim_wait_ms, result.claim_wait_ms);
  reply->EndUnlessEmpty();
  if (result.ends_reply) reply->Close();
  return engine::OkStatus();
}

Status ServeHistory(CommandContext& context, const ReadOptions& options, const Target& target,
                    StreamsReply* reply) {
  ASSIGN_OR_RETURN(const engine::HistoryResult result,
                   context.engine.ReadHistory(context.op, *target.stream, *target.group,
                                              HistoryArgsOf(options, target, *reply),
                                              [reply](StreamId id, const EntryView* entry) {
                                                if (entry != nullptr) {
                                                  reply->Add(*entry);
                                                } else {
                                                  reply->AddDeleted(id);
                                                }
                                                return !reply->full();
                                              }));
  reply->End();
  if (result.ends_reply) reply->Close();
  return engine::OkStatus();
}

// Reads every stream, also those without anything new: the consumer exists and has been seen then.
// Streams behind the one that fills the reply are left alone. `claim_wait_ms` is lowered to how
// long the first pending record takes to become due.
Status ServeXReadGroup(CommandContext& context, const ReadOptions& options, const Targets& targets,
                       StreamsReply* reply, int64_t* claim_wait_ms) {
  // A stream named twice is read on from where its first read ended, which preparing could not
  // know. After the first effect a miss can no longer be answered by running the command again.
  context.op.read_misses = true;
  for (const Target& target : targets) {
    const bool tells = WillTellOfConsumer(context, *target.group, options.consumer);
    if (!reply->Begin(target.key)) break;
    RETURN_IF_ERROR(target.wants_new() ? ServeNew(context, options, target, reply, claim_wait_ms)
                                       : ServeHistory(context, options, target, reply));
    if (tells) context.KeyChanged(target.key, key_event::kXgroupCreateConsumer);
  }
  return engine::OkStatus();
}

}  // namespace

Outcome CmdXRead(CommandContext& context) {
  ReadOptions options;
  RETURN_IF_FAILED(
      ReadReadOptions(context.args, ReadCommand::kXRead, BlockStart(context), &options));
  Targets targets;
  RETURN_IF_FAILED(ResolveXReadTargets(context, options, &targets));
  StreamsReply reply(context.out, options);
  RETURN_IF_FAILED(ServeXRead(context, options, targets, &reply));
  if (reply.Finish()) return Done();
  return WaitOrNull(context, options, targets, /*claim_wait_ms=*/INT64_MAX);
}

Outcome CmdXReadGroup(CommandContext& context) {
  ReadOptions options;
  RETURN_IF_FAILED(
      ReadReadOptions(context.args, ReadCommand::kXReadGroup, BlockStart(context), &options));
  Targets targets;
  RETURN_IF_FAILED(ResolveXReadGroupTargets(context, options, &targets));
  StreamsReply reply(context.out, options);
  RETURN_IF_ERROR(PrepareXReadGroup(context, options, targets, reply));
  if (targets.size() > 1) RETURN_IF_ERROR(KeepOnlyAlone(context, options, &targets, reply));
  int64_t claim_wait_ms = INT64_MAX;
  RETURN_IF_ERROR(ServeXReadGroup(context, options, targets, &reply, &claim_wait_ms));
  if (reply.Finish()) return Done();
  return WaitOrNull(context, options, targets, claim_wait_ms);
}

}  // namespace server
