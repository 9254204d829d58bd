#include "server/commands/client_pause.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "server/commands/timeout.h"
#include "server/core/client_pause.h"
#include "server/core/server_context.h"
#include "server/core/text.h"

namespace server {

Outcome CmdClientPause(CommandContext& context) {
  constexpr size_t kMaxArguments = 4;
  constexpr int64_t kMicrosPerMilli = 1000;
  if (context.args.size() > kMaxArguments) {
    return {Error::kSubcommandSyntax, {context.args[1], "CLIENT"}};
  }
  ClientPause::Mode mode = ClientPause::Mode::kAll;
  if (context.args.size() == kMaxArguments) {
    if (EqualsIgnoreCase(context.args[3], "WRITE")) {
      mode = ClientPause::Mode::kWrites;
    } else if (!EqualsIgnoreCase(context.args[3], "ALL")) {
      return Error::kPauseMode;
    }
  }
  int64_t pause_ms = 0;
  RETURN_IF_FAILED(ReadTimeout(context.args[2], context.op.now.unix_ms, &pause_ms));
  const int64_t now_us = context.server.clock().MonotonicMicros();
  const int64_t longest_ms = (std::numeric_limits<int64_t>::max() - now_us) / kMicrosPerMilli;
  const int64_t end_us = now_us + std::min(pause_ms, longest_ms) * kMicrosPerMilli;
  context.server.pause().Begin(mode, end_us, now_us);
  context.out.SimpleString("OK");
  return Done();
}

Outcome CmdClientUnpause(CommandContext& context) {
  context.server.pause().End();
  context.out.SimpleString("OK");
  return Done();
}

}  // namespace server
