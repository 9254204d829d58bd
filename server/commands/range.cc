#include "server/commands/range.h"

#include <algorithm>

#include "engine/engine.h"
#include "engine/inspect.h"
#include "server/commands/stream_access.h"
#include "server/commands/stream_args.h"
#include "server/core/text.h"

namespace server {
namespace {

using engine::EntryView;
using engine::RangeArgs;
using engine::Stream;

Outcome ReadRangeOptions(Arguments args, RangeArgs* range) {
  for (size_t i = 4; i < args.size(); i += 2) {
    if (!EqualsIgnoreCase(args[i], "COUNT") || i + 1 == args.size()) return Error::kSyntax;
    RETURN_IF_FAILED(ReadInteger(args[i + 1], &range->count));
    range->count = std::max<int64_t>(range->count, 0);
  }
  return Done();
}

Outcome ReplyWithRange(CommandContext& context, const RangeArgs& range) {
  ASSIGN_OR_RETURN(Stream * stream, FindStream(context, context.args[1]));
  if (stream == nullptr) {
    context.out.ArrayHeader(0);
    return Done();
  }
  if (range.count == 0) {
    context.out.NullArray();
    return Done();
  }
  size_t count = 0;
  const size_t mark = context.out.BeginArray();
  RETURN_IF_ERROR(
      context.engine.Range(context.op, *stream, range, [&context, &count](const EntryView& entry) {
        WriteEntry(context.out, entry);
        ++count;
      }));
  context.out.EndArray(mark, count);
  return Done();
}

}  // namespace

Outcome CmdXLen(CommandContext& context) {
  ASSIGN_OR_RETURN(Stream * stream, FindStream(context, context.args[1]));
  context.out.Integer(stream == nullptr ? 0 : engine::Inspect(*stream).length);
  return Done();
}

Outcome CmdXRange(CommandContext& context) {
  RangeArgs range;
  RETURN_IF_FAILED(ReadRangeStart(context.args[2], &range.start));
  RETURN_IF_FAILED(ReadRangeEnd(context.args[3], &range.end));
  RETURN_IF_FAILED(ReadRangeOptions(context.args, &range));
  return ReplyWithRange(context, range);
}

// The bounds come the other way round, but the lower one is still the first to be judged.
Outcome CmdXRevRange(CommandContext& context) {
  RangeArgs range;
  range.reverse = true;
  RETURN_IF_FAILED(ReadRangeStart(context.args[3], &range.start));
  RETURN_IF_FAILED(ReadRangeEnd(context.args[2], &range.end));
  RETURN_IF_FAILED(ReadRangeOptions(context.args, &range));
  return ReplyWithRange(context, range);
}

}  // namespace server
