// XINFO DEADLETTER. Rules: delivery specification section 8.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/engine.h"
#include "server/commands/stream_access.h"
#include "server/commands/stream_info.h"

namespace server {
namespace {

using engine::DeadLetterInfo;
using engine::Group;
using engine::Stream;

constexpr std::string_view kHeld[] = {"no", "paused", "max-pending"};

void WriteNumber(resp::Writer& out, std::string_view name, uint64_t value) {
  out.Bulk(name);
  out.Integer(static_cast<int64_t>(value));
}

void WriteInfo(resp::Writer& out, const DeadLetterInfo& info) {
  const engine::GroupCounters& counters = info.counters;
  out.MapHeader(12);
  WriteNumber(out, "exhausted", counters.exhausted);
  WriteNumber(out, "fatal", counters.fatal);
  WriteNumber(out, "trimmed", counters.trimmed);
  WriteNumber(out, "letters", counters.letters);
  WriteNumber(out, "dropped", counters.dropped);
  WriteNumber(out, "redriven", counters.redriven);
  WriteNumber(out, "parked", static_cast<uint64_t>(info.parked));
  WriteNumber(out, "due", static_cast<uint64_t>(info.due));
  out.Bulk("held");
  out.Bulk(kHeld[static_cast<size_t>(info.held)]);
  out.Bulk("deadletter-key");
  if (info.key.empty()) {
    out.Null();
  } else {
    out.Bulk(info.key);
  }
  WriteNumber(out, "deadletter-length", info.length);
  out.Bulk("oldest-letter-id");
  if (info.oldest_letter) {
    WriteId(out, *info.oldest_letter);
  } else {
    out.Null();
  }
}

}  // namespace

Outcome CmdXInfoDeadLetter(CommandContext& context) {
  const std::string_view key = context.args[2];
  const std::string_view group_name = context.args[3];
  ASSIGN_OR_RETURN(Stream * stream, FindStream(context, key));
  if (stream == nullptr) return Error::kNoSuchKey;
  ASSIGN_OR_RETURN(Group * group, FindGroup(context, *stream, group_name));
  if (group == nullptr) return {Error::kNoGroupForKeyName, {group_name, key}};
  ASSIGN_OR_RETURN(const DeadLetterInfo info,
                   context.engine.InspectDeadLetters(context.op, *stream, *group));
  WriteInfo(context.out, info);
  return Done();
}

}  // namespace server
