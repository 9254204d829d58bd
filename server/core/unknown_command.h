// Refusals of words that are no command; what was sent is shown, cut to kMaxEchoedBytes and at the
// first zero byte (connection spec 1.3). Thread: any.
#pragma once

#include <span>
#include <string_view>

#include "server/core/command.h"
#include "server/core/error_reply.h"

namespace server {

Outcome UnknownCommand(std::span<const std::string_view> args);
Outcome UnknownSubcommand(const CommandSpec& container, std::string_view word);

}  // namespace server
