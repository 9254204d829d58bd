#include "server/commands/config.h"

#include <string>
#include <utility>
#include <vector>

#include "server/commands/help.h"
#include "server/core/config.h"
#include "server/core/server_context.h"

namespace server {
namespace {

constexpr std::string_view kHelp[] = {
    "GET <pattern> [<pattern> ...]",
    "    The parameters that match a glob pattern, and their values.",
    "SET <parameter> <value> [<parameter> <value> ...]",
    "    Change parameters, all of those given or none.",
    "RESETSTAT",
    "    Set the counters of INFO back to zero.",
    "REWRITE",
    "    Write the parameters into the configuration file.",
};

}  // namespace

Outcome CmdConfigGet(CommandContext& context) {
  const std::vector<std::pair<std::string, std::string>> values =
      context.server.config().Get(context.args.subspan(2));
  context.out.MapHeader(values.size());
  for (const auto& [name, value] : values) {
    context.out.Bulk(name);
    context.out.Bulk(value);
  }
  return Done();
}

Outcome CmdConfigSet(CommandContext& context) {
  const std::span<const std::string_view> names_and_values = context.args.subspan(2);
  if (names_and_values.size() % 2 != 0) return Error::kSyntax;
  RETURN_IF_FAILED(context.server.config().Set(names_and_values));
  context.out.SimpleString("OK");
  return Done();
}

Outcome CmdConfigRewrite(CommandContext& context) {
  RETURN_IF_FAILED(context.server.config().Rewrite());
  context.out.SimpleString("OK");
  return Done();
}

Outcome CmdConfigResetStat(CommandContext& context) {
  context.server.stats().Reset();
  context.out.SimpleString("OK");
  return Done();
}

Outcome CmdConfigHelp(CommandContext& context) {
  WriteHelp(context.out, "CONFIG", kHelp);
  return Done();
}

}  // namespace server
