// Publish and subscribe. Who is subscribed: server/core/pubsub.h; how messages leave:
// server/core/publish.h.
//
// Thread: loop.
#pragma once

#include "server/core/command.h"

namespace server {

Outcome CmdSubscribe(CommandContext& context);
Outcome CmdUnsubscribe(CommandContext& context);
Outcome CmdPSubscribe(CommandContext& context);
Outcome CmdPUnsubscribe(CommandContext& context);
Outcome CmdSSubscribe(CommandContext& context);
Outcome CmdSUnsubscribe(CommandContext& context);

Outcome CmdPublish(CommandContext& context);
Outcome CmdSPublish(CommandContext& context);

Outcome CmdPubSubChannels(CommandContext& context);
Outcome CmdPubSubNumPat(CommandContext& context);
Outcome CmdPubSubNumSub(CommandContext& context);
Outcome CmdPubSubShardChannels(CommandContext& context);
Outcome CmdPubSubShardNumSub(CommandContext& context);
Outcome CmdPubSubHelp(CommandContext& context);

}  // namespace server
