// ROLE, WAIT, REPLICAOF and the commands of cluster mode, as a server without replicas that is in
// no cluster answers them.
//
// Thread: loop.
#pragma once

#include "server/core/command.h"

namespace server {

Outcome CmdReplicaOf(CommandContext& context);
Outcome CmdRole(CommandContext& context);
Outcome CmdWait(CommandContext& context);
// CLUSTER, READONLY, READWRITE.
Outcome CmdClusterRefused(CommandContext& context);

}  // namespace server
