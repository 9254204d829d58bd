// XCFGSET and XCFGGET: what is set of a stream's or a group's policy, and what is in force.
//
// Rules: delivery specification, section 1. Thread: loop, what takes no context: any.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "server/core/command.h"

namespace server {

Outcome CmdXCfgSet(CommandContext& context);
Outcome CmdXCfgGet(CommandContext& context);

// KeyFinders: the stream, and the value of DEADLETTER-KEY.
bool FindXCfgSetKeys(std::span<const std::string_view> args, std::vector<int>* positions);
bool FindXGroupCreateKeys(std::span<const std::string_view> args, std::vector<int>* positions);

}  // namespace server
