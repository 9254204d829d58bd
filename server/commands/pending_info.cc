// XINFO PENDING.
#include <cstddef>
#include <string_view>

#include "engine/engine.h"
#include "server/commands/stream_access.h"
#include "server/commands/stream_args.h"
#include "server/commands/stream_info.h"

namespace server {
namespace {

using engine::Group;
using engine::PendingDetails;
using engine::PendingRangeArgs;
using engine::Stream;

constexpr size_t kFields = 8;

std::string_view StateName(PendingDetails::State state) {
  switch (state) {
    case PendingDetails::State::kOwned:
      return "owned";
    case PendingDetails::State::kReleased:
      return "released";
    case PendingDetails::State::kParked:
      break;
  }
  return "parked";
}

void WriteRecord(resp::Writer& out, const PendingDetails& record) {
  const auto text = [&out](std::string_view name, std::string_view value) {
    out.Bulk(name);
    out.Bulk(value);
  };
  const auto integer = [&out](std::string_view name, int64_t value) {
    out.Bulk(name);
    out.Integer(value);
  };
  out.MapHeader(kFields);
  out.Bulk("id");
  WriteId(out, record.id);
  text("consumer", record.consumer);
  text("state", StateName(record.state));
  integer("deliveries", static_cast<int64_t>(record.delivery_count));
  integer("first-ms", record.first_unix_ms);
  integer("last-ms", record.last_unix_ms);
  integer("due-ms", record.due_unix_ms);
  text("error", record.reason);
}

}  // namespace

Outcome CmdXInfoPending(CommandContext& context) {
  const Arguments args = context.args;
  PendingRangeArgs range;
  RETURN_IF_FAILED(ReadInteger(args[6], &range.count));
  RETURN_IF_FAILED(ReadRangeStart(args[4], &range.start));
  RETURN_IF_FAILED(ReadRangeEnd(args[5], &range.end));
  ASSIGN_OR_RETURN(Stream * stream, FindStream(context, args[2]));
  if (stream == nullptr) return Error::kNoSuchKey;
  ASSIGN_OR_RETURN(Group * group, FindGroup(context, *stream, args[3]));
  if (group == nullptr) return {Error::kNoGroupForKeyName, {args[3], args[2]}};
  resp::Writer& out = context.out;
  size_t count = 0;
  const size_t mark = out.BeginArray();
  RETURN_IF_ERROR(context.engine.DescribePending(context.op, *stream, *group, range,
                                                 [&out, &count](const PendingDetails& record) {
                                                   WriteRecord(out, record);
                                                   ++count;
                                                 }));
  out.EndArray(mark, count);
  return Done();
}

}  // namespace server
