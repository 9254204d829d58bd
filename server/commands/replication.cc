#include "server/commands/replication.h"

#include <cstdint>
#include <optional>
#include <utility>

#include "server/commands/timeout.h"
#include "server/core/args.h"
#include "server/core/text.h"

namespace server {

Outcome CmdRole(CommandContext& context) {
  context.out.ArrayHeader(3);
  context.out.Bulk("master");
  context.out.Integer(0);
  context.out.ArrayHeader(0);
  return Done();
}

// No replica will ever acknowledge anything, so whoever wants one waits for the whole time.
Outcome CmdWait(CommandContext& context) {
  const std::optional<int64_t> replicas = ParseInteger(context.args[1]);
  if (!replicas) return Error::kNotInteger;
  WaitRequest wait;
  RETURN_IF_FAILED(ReadTimeout(context.args[2], context.op.now.unix_ms, &wait.timeout_ms));
  if (*replicas <= 0 || !context.may_block) {
    context.out.Integer(0);
    return Done();
  }
  wait.timeout_reply = TimeoutReply::kZero;
  context.Park(std::move(wait));
  return Done();
}

Outcome CmdReplicaOf(CommandContext& context) {
  if (EqualsIgnoreCase(context.args[1], "NO") && EqualsIgnoreCase(context.args[2], "ONE")) {
    context.out.SimpleString("OK");
    return Done();
  }
  constexpr int64_t kHighestPort = 65535;
  const std::optional<int64_t> port = ParseInteger(context.args[2]);
  if (!port || *port < 0 || *port > kHighestPort) return Error::kMasterPort;
  return Error::kNoReplication;
}

Outcome CmdClusterRefused(CommandContext&) { return Error::kClusterOff; }

}  // namespace server
