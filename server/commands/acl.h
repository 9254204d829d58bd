// ACL, for the one user there is: `default`, who may do everything.
//
// Thread: loop.
#pragma once

#include "server/core/command.h"

namespace server {

Outcome CmdAclCat(CommandContext& context);
Outcome CmdAclDelUser(CommandContext& context);
Outcome CmdAclDryRun(CommandContext& context);
Outcome CmdAclGenPass(CommandContext& context);
Outcome CmdAclGetUser(CommandContext& context);
Outcome CmdAclHelp(CommandContext& context);
Outcome CmdAclList(CommandContext& context);
// LOAD and SAVE: there is no file.
Outcome CmdAclNoFile(CommandContext& context);
Outcome CmdAclSetUser(CommandContext& context);
Outcome CmdAclUsers(CommandContext& context);
Outcome CmdAclWhoAmI(CommandContext& context);

}  // namespace server
