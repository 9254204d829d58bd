// XADD, XTRIM, XDEL and XSETID: commands that change entries and the counters of a stream.
//
// Rules: streams specification sections 5, 6 and 8. Thread: loop.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "engine/engine.h"
#include "server/core/command.h"

namespace server {

// The fields as an entry keeps them: the bytes that came where possible, else encoded into `copy`.
engine::Payload PayloadOf(const CommandContext& context, std::span<const std::string_view> fields,
                          std::string* copy);

Outcome CmdXAdd(CommandContext& context);
Outcome CmdXTrim(CommandContext& context);
Outcome CmdXDel(CommandContext& context);
Outcome CmdXSetId(CommandContext& context);

}  // namespace server
