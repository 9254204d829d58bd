// XACK and XPENDING.
#include "server/commands/pending.h"

#include <cstddef>
#include <string_view>

#include "engine/engine.h"
#include "server/commands/stream_access.h"
#include "server/commands/stream_args.h"
#include "server/core/text.h"

namespace server {
namespace {

using engine::PendingRangeArgs;
using engine::PendingRow;
using engine::PendingSummary;

constexpr size_t kSummaryArguments = 3;
constexpr size_t kMinRangeArguments = 6;
constexpr size_t kMinRangeArgumentsWithIdle = 8;
constexpr size_t kMaxRangeArguments = 9;

// `[IDLE min] start end count [consumer]`; the count is judged before the bounds.
Outcome ReadPendingRange(Arguments args, PendingRangeArgs* range) {
  size_t first = kSummaryArguments;
  if (EqualsIgnoreCase(args[first], "IDLE")) {
    RETURN_IF_FAILED(ReadInteger(args[first + 1], &range->min_idle_ms));
    if (args.size() < kMinRangeArgumentsWithIdle) return Error::kSyntax;
    first += 2;
  }
  RETURN_IF_FAILED(ReadInteger(args[first + 2], &range->count));
  RETURN_IF_FAILED(ReadRangeStart(args[first], &range->start));
  RETURN_IF_FAILED(ReadRangeEnd(args[first + 1], &range->end));
  if (first + 3 < args.size()) range->consumer = args[first + 3];
  return Done();
}

void WriteSummary(resp::Writer& out, const PendingSummary& summary) {
  out.ArrayHeader(4);
  out.Integer(summary.total);
  if (summary.total == 0) {
    out.Null();
    out.Null();
    out.NullArray();
    return;
  }
  WriteId(out, summary.lowest);
  WriteId(out, summary.highest);
  out.ArrayHeader(summary.consumers.size());
  for (const auto& [name, count] : summary.consumers) {
    out.ArrayHeader(2);
    out.Bulk(name);
    out.BulkInteger(count);
  }
}

Outcome WriteRange(CommandContext& context, const StreamGroup& found,
                   const PendingRangeArgs& range) {
  resp::Writer& out = context.out;
  size_t count = 0;
  const size_t mark = out.BeginArray();
  if (range.count > 0) {
    RETURN_IF_ERROR(context.engine.ListPending(
        context.op, *found.stream, *found.group, range, [&out, &count](const PendingRow& row) {
          out.ArrayHeader(4);
          WriteId(out, row.id);
          out.Bulk(row.consumer);
          out.Integer(row.idle_ms);
          out.Integer(static_cast<int64_t>(row.delivery_count));
          ++count;
        }));
  }
  out.EndArray(mark, count);
  return Done();
}

}  // namespace

Outcome CmdXAck(CommandContext& context) {
  ASSIGN_OR_RETURN(const StreamGroup found,
                   FindStreamGroup(context, context.args[1], context.args[2]));
  int64_t acknowledged = 0;
  if (found.group != nullptr) {
    IdList ids;
    RETURN_IF_FAILED(ReadStreamIds(context.args.subspan(3), &ids));
    ASSIGN_OR_RETURN(acknowledged,
                     context.engine.Acknowledge(context.op, *found.stream, *found.group, ids));
  }
  context.out.Integer(acknowledged);
  return Done();
}

Outcome CmdXPending(CommandContext& context) {
  const Arguments args = context.args;
  const bool wants_summary = args.size() == kSummaryArguments;
  PendingRangeArgs range;
  if (!wants_summary) {
    if (args.size() < kMinRangeArguments || args.size() > kMaxRangeArguments) {
      return Error::kSyntax;
    }
    RETURN_IF_FAILED(ReadPendingRange(args, &range));
  }
  ASSIGN_OR_RETURN(const StreamGroup found, FindStreamGroup(context, args[1], args[2]));
  if (found.group == nullptr) return {Error::kNoKeyOrGroup, {args[1], args[2]}};
  if (!wants_summary) return WriteRange(context, found, range);
  ASSIGN_OR_RETURN(const PendingSummary summary,
                   context.engine.SummarizePending(context.op, *found.stream, *found.group));
  WriteSummary(context.out, summary);
  return Done();
}

}  // namespace server
