// XCLAIM and XAUTOCLAIM.

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "engine/engine.h"
#include "server/commands/pending.h"
#include "server/commands/stream_access.h"
#include "server/commands/stream_args.h"
#include "server/core/text.h"

namespace server {
namespace {

using engine::AutoClaimArgs;
using engine::ClaimArgs;
using engine::EntryView;
using engine::StreamId;

constexpr size_t kMinIdle = 4;
constexpr size_t kFirstId = 5;
constexpr size_t kFirstAutoClaimOption = 6;
// From how many records a COUNT may ask for; the number is part of the protocol.
constexpr int64_t kMaxAutoClaimCount = 576460752303423487;

Outcome ReadMinIdle(Arguments args, std::string_view command, int64_t* min_idle_ms) {
  RETURN_IF_FAILED(ReadInteger(args[kMinIdle], min_idle_ms, Error::kXClaimMinIdle, {command}));
  *min_idle_ms = std::max<int64_t>(*min_idle_ms, 0);
  return Done();
}

// IDLE and TIME both name a moment from the beginning of time to now. One outside of that means
// now, which is what an unset option says.
std::optional<int64_t> UpToNow(int64_t ms, int64_t now_unix_ms) {
  return ms >= 0 && ms <= now_unix_ms ? std::optional<int64_t>(ms) : std::nullopt;
}

Outcome TakeNumberOption(std::string_view word, std::string_view value, int64_t now_unix_ms,
                         ClaimArgs* claim) {
  int64_t number = 0;
  for (std::string_view option : {"IDLE", "TIME", "RETRYCOUNT"}) {
    if (EqualsIgnoreCase(word, option)) {
      RETURN_IF_FAILED(ReadInteger(value, &number, Error::kXClaimOptionValue, {option}));
    }
  }
  if (EqualsIgnoreCase(word, "IDLE")) {
    claim->idle_ms = UpToNow(number, now_unix_ms);
    claim->delivery_unix_ms.reset();
  } else if (EqualsIgnoreCase(word, "TIME")) {
    claim->delivery_unix_ms = UpToNow(number, now_unix_ms);
    claim->idle_ms.reset();
  } else if (EqualsIgnoreCase(word, "RETRYCOUNT")) {
    claim->retry_count = number >= 0 ? std::optional<int64_t>(number) : std::nullopt;
  } else {
    return {Error::kXClaimUnknownOption, {word}};
  }
  return Done();
}

// Takes the option at `*position`, value included.
Outcome TakeClaimOption(Arguments args, int64_t now_unix_ms, size_t* position, ClaimArgs* claim) {
  const std::string_view word = args[(*position)++];
  if (EqualsIgnoreCase(word, "FORCE")) {
    claim->force = true;
    return Done();
  }
  if (EqualsIgnoreCase(word, "JUSTID")) {
    claim->just_id = true;
    return Done();
  }
  if (*position == args.size()) return {Error::kXClaimUnknownOption, {word}};
  const std::string_view value = args[(*position)++];
  if (EqualsIgnoreCase(word, "LASTID")) {
    StreamId last_id;
    RETURN_IF_FAILED(ReadStreamId(value, &last_id));
    claim->last_id = last_id;
    return Done();
  }
  return TakeNumberOption(word, value, now_unix_ms, claim);
}

// Ids up to the first argument that is none, options from there.
Outcome ReadClaim(const CommandContext& context, ClaimArgs* claim, IdList* ids) {
  const Arguments args = context.args;
  claim->consumer = args[3];
  RETURN_IF_FAILED(ReadMinIdle(args, "XCLAIM", &claim->min_idle_ms));
  size_t position = kFirstId;
  for (; position < args.size(); ++position) {
    const std::optional<StreamId> id = engine::ParseStreamIdStrict(args[position], 0);
    if (!id) break;
    ids->push_back(*id);
  }
  while (position < args.size()) {
    RETURN_IF_FAILED(TakeClaimOption(args, context.op.now.unix_ms, &position, claim));
  }
  return Done();
}

Outcome ReadAutoClaim(Arguments args, AutoClaimArgs* claim) {
  claim->consumer = args[3];
  RETURN_IF_FAILED(ReadMinIdle(args, "XAUTOCLAIM", &claim->min_idle_ms));
  RETURN_IF_FAILED(ReadRangeStart(args[kFirstId], &claim->start));
  for (size_t i = kFirstAutoClaimOption; i < args.size(); ++i) {
    if (EqualsIgnoreCase(args[i], "COUNT") && i + 1 < args.size()) {
      RETURN_IF_FAILED(ReadInteger(args[++i], &claim->count, Error::kXAutoClaimCount));
      if (claim->count < 1 || claim->count > kMaxAutoClaimCount) return Error::kXAutoClaimCount;
    } else if (EqualsIgnoreCase(args[i], "JUSTID")) {
      claim->just_id = true;
    } else {
      return Error::kSyntax;
    }
  }
  return Done();
}

// An entry, or its id alone when the caller wanted no more.
void WriteClaimed(resp::Writer& out, StreamId id, const EntryView* entry) {
  if (entry == nullptr) {
    WriteId(out, id);
  } else {
    WriteEntry(out, *entry);
  }
}

}  // namespace

Outcome CmdXClaim(CommandContext& context) {
  const Arguments args = context.args;
  ASSIGN_OR_RETURN(const StreamGroup found, FindStreamGroup(context, args[1], args[2]));
  if (found.group == nullptr) return {Error::kNoKeyOrGroup, {args[1], args[2]}};
  ClaimArgs claim;
  IdList ids;
  RETURN_IF_FAILED(ReadClaim(context, &claim, &ids));
  const bool tells = WillTellOfConsumer(context, *found.group, claim.consumer);
  size_t count = 0;
  const size_t mark = context.out.BeginArray();
  RETURN_IF_ERROR(context.engine.Claim(context.op, *found.stream, *found.group, claim, ids,
                                       [&context, &count](StreamId id, const EntryView* entry) {
                                         WriteClaimed(context.out, id, entry);
                                         ++count;
                                       }));
  context.out.EndArray(mark, count);
  if (tells) context.KeyChanged(args[1], key_event::kXgroupCreateConsumer);
  // Claimed into the past, they may be due for a blocked reader at once.
  if (count > 0 && (claim.idle_ms || claim.delivery_unix_ms)) {
    context.SignalClaims(args[1], args[2]);
  }
  return Done();
}

Outcome CmdXAutoClaim(CommandContext& context) {
  const Arguments args = context.args;
  AutoClaimArgs claim;
  RETURN_IF_FAILED(ReadAutoClaim(args, &claim));
  ASSIGN_OR_RETURN(const StreamGroup found, FindStreamGroup(context, args[1], args[2]));
  if (found.group == nullptr) return {Error::kNoKeyOrGroup, {args[1], args[2]}};
  const bool tells = WillTellOfConsumer(context, *found.group, claim.consumer);
  // The cursor goes first and is known last.
  std::string claimed_bytes;
  resp::Writer claimed(&claimed_bytes);
  claimed.set_protocol(context.out.protocol());
  size_t count = 0;
  ASSIGN_OR_RETURN(
      const engine::AutoClaimResult result,
      context.engine.AutoClaim(context.op, *found.stream, *found.group, claim,
                               [&claimed, &count](StreamId id, const EntryView* entry) {
                                 WriteClaimed(claimed, id, entry);
                                 ++count;
                               }));
  context.out.ArrayHeader(3);
  WriteId(context.out, result.cursor);
  context.out.ArrayHeader(count);
  context.out.Raw(claimed_bytes);
  context.out.ArrayHeader(result.deleted.size());
  for (StreamId id : result.deleted) WriteId(context.out, id);
  if (tells) context.KeyChanged(args[1], key_event::kXgroupCreateConsumer);
  return Done();
}

}  // namespace server
