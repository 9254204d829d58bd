// Idempotent production: the IDMP options of XADD, and XIDMPRECORD.
//
// Rules: streams specification section 16. Thread: loop, what takes no context: any.
#pragma once

#include <cstddef>
#include <string_view>

#include "server/commands/stream_args.h"
#include "server/core/command.h"

namespace server {

// IDMP and IDMPAUTO as XADD collects them.
struct ProductionOptions {
  enum class Form : uint8_t { kNone, kGiven, kAuto };
  Form form = Form::kNone;
  std::string_view producer;
  std::string_view iid;  // kGiven
};

// Takes the option at `*position`, values included, and moves `*position` behind it. Without one
// there (also when values are missing) nothing moves and nothing fails.
Outcome TakeProductionOption(Arguments args, size_t* position, ProductionOptions* options);

Outcome CmdXIdmpRecord(CommandContext& context);

}  // namespace server
