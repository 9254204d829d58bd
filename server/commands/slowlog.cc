#include "server/commands/slowlog.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "server/commands/help.h"
#include "server/core/args.h"
#include "server/core/server_context.h"

namespace server {
namespace {

constexpr int64_t kDefaultCount = 10;
constexpr int64_t kEverything = -1;

constexpr std::string_view kHelp[] = {
    "GET [<count>]",
    "    The newest slow commands (default: 10; -1: all of them). Each is:",
    "    id, unix time, microseconds, arguments, the client's address and its name.",
    "LEN",
    "    The number of slow commands kept.",
    "RESET",
    "    Forget them.",
};

// Six elements: older clients read no more and lose their place in the stream of replies.
void WriteSlowCommand(resp::Writer& out, const SlowCommand& slow) {
  out.ArrayHeader(6);
  out.Integer(static_cast<int64_t>(slow.id));
  out.Integer(slow.unix_seconds);
  out.Integer(slow.micros);
  out.ArrayHeader(slow.args.size());
  for (const std::string& arg : slow.args) out.Bulk(arg);
  out.Bulk(slow.client_address);
  out.Bulk(slow.client_name);
}

}  // namespace

Outcome CmdSlowLogGet(CommandContext& context) {
  constexpr size_t kMaxArguments = 3;
  if (context.args.size() > kMaxArguments) {
    return {Error::kSubcommandSyntax, {context.args[1], "SLOWLOG"}};
  }
  int64_t count = kDefaultCount;
  if (context.args.size() == kMaxArguments) {
    const std::optional<int64_t> given = ParseInteger(context.args[2]);
    if (!given || *given < kEverything) return Error::kSlowLogCount;
    count = *given;
  }
  const std::deque<SlowCommand>& entries = context.server.slow_log().entries();
  const size_t shown =
      count == kEverything ? entries.size() : std::min(static_cast<size_t>(count), entries.size());
  context.out.ArrayHeader(shown);
  for (size_t i = 0; i < shown; ++i) WriteSlowCommand(context.out, entries[i]);
  return Done();
}

Outcome CmdSlowLogLen(CommandContext& context) {
  context.out.Integer(static_cast<int64_t>(context.server.slow_log().entries().size()));
  return Done();
}

Outcome CmdSlowLogReset(CommandContext& context) {
  context.server.slow_log().Clear();
  context.out.SimpleString("OK");
  return Done();
}

Outcome CmdSlowLogHelp(CommandContext& context) {
  WriteHelp(context.out, "SLOWLOG", kHelp);
  return Done();
}

}  // namespace server
