#include "server/commands/server_extras.h"

#include <optional>
#include <string>
#include <string_view>

#include "fmt/format.h"
#include "server/commands/help.h"
#include "server/core/args.h"
#include "server/core/server_context.h"
#include "server/core/text.h"
#include "server/core/version.h"

namespace server {
namespace {

constexpr std::string_view kModuleHelp[] = {
    "LIST",
    "    The modules that are loaded: none, this server takes none.",
};

// Water over a weir, never the same twice.
std::string DrawWeir(ServerContext& server) {
  constexpr int kLines = 6;
  constexpr int kColumns = 48;
  constexpr std::string_view kWater = "~~~-~ ";
  constexpr std::string_view kFall = "|!:. ";
  std::string picture;
  for (int line = 0; line < kLines; ++line) {
    const int edge = kColumns / 3 + line * 2;
    for (int column = 0; column < kColumns; ++column) {
      const std::string_view marks = column < edge ? kWater : kFall;
      const bool is_air = column > edge + 2 * (kLines - line);
      picture += is_air ? ' ' : marks[server.Random() % marks.size()];
    }
    picture += '\n';
  }
  return picture;
}

}  // namespace

Outcome CmdModuleList(CommandContext& context) {
  context.out.ArrayHeader(0);
  return Done();
}

Outcome CmdModuleHelp(CommandContext& context) {
  WriteHelp(context.out, "MODULE", kModuleHelp);
  return Done();
}

Outcome CmdLolwut(CommandContext& context) {
  if (context.args.size() > 2 && EqualsIgnoreCase(context.args[1], "VERSION") &&
      !ParseInteger(context.args[2])) {
    return Error::kNotInteger;
  }
  context.out.Verbatim(fmt::format("{}\nRedis ver. {}\nWeir {}\n", DrawWeir(context.server),
                                   context.server.settings().redis_version, kWeirVersion));
  return Done();
}

}  // namespace server
