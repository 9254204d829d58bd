// Which arguments of a command must not be seen in the slow log and by monitors.
//
// Thread: any.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "server/core/command.h"

namespace server {

// The arguments with passwords, and what is needed beside them to log in, replaced by
// "(redacted)". Views of `args`.
std::vector<std::string_view> WithoutSecrets(const CommandSpec& spec,
                                             std::span<const std::string_view> args);

}  // namespace server
