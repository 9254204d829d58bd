#include "server/commands/schedule.h"

#include <algorithm>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"
#include "engine/schedule_token.h"
#include "server/commands/append.h"
#include "server/commands/stream_access.h"
#include "server/commands/stream_args.h"
#include "server/core/text.h"

namespace server {
namespace {

using engine::ScheduleToken;
using engine::Stream;
using engine::StreamId;

constexpr int64_t kMaxDelayMs = 31'536'000'000;
constexpr int64_t kMaxUnixMs = int64_t{1} << 53;
constexpr int64_t kDefaultCount = 100;

// A token is written as an id is.
ScheduleToken TokenOf(StreamId id) {
  const auto due_ms = static_cast<int64_t>(std::min(id.ms, static_cast<uint64_t>(kMaxUnixMs)));
  return static_cast<uint64_t>(due_ms) == id.ms ? ScheduleToken{due_ms, id.seq}
                                                : ScheduleToken::Max();
}

Outcome ReadDueTime(CommandContext& context, int64_t* due_ms) {
  const std::string_view form = context.args[2];
  if (EqualsIgnoreCase(form, "DELAY")) {
    int64_t delay_ms = 0;
    RETURN_IF_FAILED(ReadInteger(context.args[3], &delay_ms, Error::kScheduleDelay));
    if (delay_ms < 0 || delay_ms > kMaxDelayMs) return Error::kScheduleDelay;
    *due_ms = std::max<int64_t>(context.op.now.unix_ms, 0) + delay_ms;
    return Done();
  }
  if (!EqualsIgnoreCase(form, "AT")) return Error::kSyntax;
  RETURN_IF_FAILED(ReadInteger(context.args[3], due_ms, Error::kScheduleAt));
  if (*due_ms < 0 || *due_ms > kMaxUnixMs) return Error::kScheduleAt;
  return Done();
}

Outcome RefusalOf(const CommandContext& context, const engine::ScheduleResult& result) {
  switch (result.refusal) {
    case engine::ScheduleRefusal::kNone:
      return Done();
    case engine::ScheduleRefusal::kFull:
      return {Error::kScheduleFull, {context.args[1], std::to_string(result.limit)}};
    case engine::ScheduleRefusal::kLargerThanMaxBytes:
      return Error::kEntryAboveMaxBytes;
  }
  return Done();
}

struct ScheduledOptions {
  ScheduleToken first;
  ScheduleToken last = ScheduleToken::Max();
  int64_t count = kDefaultCount;
};

// `[start end] [COUNT n]`
Outcome ReadScheduledOptions(Arguments args, ScheduledOptions* options) {
  size_t at = 2;
  if (at < args.size() && !EqualsIgnoreCase(args[at], "COUNT")) {
    if (at + 1 >= args.size()) return Error::kSyntax;
    StreamId start;
    StreamId end;
    RETURN_IF_FAILED(ReadRangeStart(args[at], &start));
    RETURN_IF_FAILED(ReadRangeEnd(args[at + 1], &end));
    options->first = TokenOf(start);
    options->last = TokenOf(end);
    at += 2;
  }
  for (; at < args.size(); at += 2) {
    if (!EqualsIgnoreCase(args[at], "COUNT") || at + 1 == args.size()) return Error::kSyntax;
    RETURN_IF_FAILED(ReadInteger(args[at + 1], &options->count));
  }
  return Done();
}

}  // namespace

Outcome CmdXSchedule(CommandContext& context) {
  int64_t due_ms = 0;
  RETURN_IF_FAILED(ReadDueTime(context, &due_ms));
  Arguments fields = context.args.subspan(4);
  // An odd number of them cannot be fields and values.
  const bool make_stream = fields.size() % 2 == 0 || !EqualsIgnoreCase(fields[0], "NOMKSTREAM");
  if (!make_stream) fields = fields.subspan(1);
  if (fields.empty() || fields.size() % 2 != 0) {
    return {Error::kWrongArity, {context.spec.name}};
  }
  const std::string_view key = context.args[1];
  ASSIGN_OR_RETURN(Stream * stream, FindStream(context, key));
  if (stream == nullptr && !make_stream) {
    context.out.Null();
    return Done();
  }
  std::string copy;
  const engine::Payload payload = PayloadOf(context, fields, &copy);
  ASSIGN_OR_RETURN(const engine::ScheduleResult result,
                   context.engine.ScheduleEntry(context.op, key, stream, due_ms, payload));
  RETURN_IF_FAILED(RefusalOf(context, result));
  if (result.created) context.KeyChanged(key, key_event::kNew);
  context.KeyChanged(key, key_event::kSchedule);
  context.out.Bulk(result.token.ToString());
  return Done();
}

Outcome CmdXUnschedule(CommandContext& context) {
  IdList ids;
  RETURN_IF_FAILED(ReadStreamIds(context.args.subspan(2), &ids));
  ASSIGN_OR_RETURN(Stream * stream, FindStream(context, context.args[1]));
  int64_t cancelled = 0;
  if (stream != nullptr) {
    std::vector<ScheduleToken> tokens;
    for (const StreamId id : ids) tokens.push_back(TokenOf(id));
    ASSIGN_OR_RETURN(cancelled, context.engine.CancelScheduled(context.op, *stream, tokens));
  }
  if (cancelled > 0) context.KeyChanged(context.args[1], key_event::kSchedule);
  context.out.Integer(cancelled);
  return Done();
}

Outcome CmdXScheduled(CommandContext& context) {
  ScheduledOptions options;
  RETURN_IF_FAILED(ReadScheduledOptions(context.args, &options));
  ASSIGN_OR_RETURN(Stream * stream, FindStream(context, context.args[1]));
  if (stream == nullptr || options.count <= 0) {
    context.out.ArrayHeader(0);
    return Done();
  }
  size_t count = 0;
  const size_t mark = context.out.BeginArray();
  RETURN_IF_ERROR(context.engine.ListScheduled(
      context.op, *stream, options.first, options.last, static_cast<size_t>(options.count),
      [&](ScheduleToken token, const engine::Payload& payload) {
        context.out.ArrayHeader(2);
        context.out.Bulk(token.ToString());
        context.out.ArrayHeader(payload.arg_count);
        context.out.Raw(payload.wire);
        ++count;
      }));
  context.out.EndArray(mark, count);
  return Done();
}

}  // namespace server
