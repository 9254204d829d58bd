#include "server/commands/queue_info.h"

#include <cstdint>
#include <string_view>

#include "engine/engine.h"
#include "engine/inspect.h"
#include "server/commands/stream_access.h"
#include "server/core/server_context.h"

namespace server {
namespace {

std::string_view NameOf(engine::Bound bound) {
  switch (bound) {
    case engine::Bound::kNone:
      return "no";
    case engine::Bound::kMaxLen:
      return "maxlen";
    case engine::Bound::kMaxBytes:
    case engine::Bound::kEntryBytes:
      break;
  }
  return "maxbytes";
}

}  // namespace

Outcome CmdXInfoQueue(CommandContext& context) {
  const std::string_view key = context.args[2];
  ASSIGN_OR_RETURN(engine::Stream * stream, FindStream(context, key));
  if (stream == nullptr) return Error::kNoSuchKey;
  ASSIGN_OR_RETURN(const engine::Bound full, context.engine.FullBound(context.op, *stream));
  ASSIGN_OR_RETURN(const engine::ScheduleSummary schedule,
                   context.engine.SummarizeSchedule(context.op, *stream));
  const engine::StreamInfo info = engine::Inspect(*stream);
  resp::Writer& out = context.out;
  const auto integer = [&out](std::string_view name, auto value) {
    out.Bulk(name);
    out.Integer(static_cast<int64_t>(value));
  };
  out.MapHeader(10);
  integer("length", info.length);
  integer("bytes", info.data_bytes);
  out.Bulk("full");
  out.Bulk(NameOf(full));
  integer("blocked-producers", context.server.producers().CountOn(context.op.db, key));
  integer("rejected", info.counters.rejected);
  integer("dropped", info.counters.dropped);
  integer("expired", info.counters.expired);
  integer("retired", info.counters.retired);
  integer("scheduled", schedule.count);
  integer("next-due-ms", schedule.next_due_unix_ms);
  return Done();
}

}  // namespace server
