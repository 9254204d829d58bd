#include "server/commands/monitor.h"

#include "server/core/server_context.h"
#include "server/core/session.h"

namespace server {

Outcome CmdMonitor(CommandContext& context) {
  if (!context.may_block) return Error::kMonitorInTransaction;
  if (!context.session.is_monitor) context.server.monitors().Add(context.session);
  context.out.SimpleString("OK");
  return Done();
}

}  // namespace server
