#include "server/commands/help.h"

#include "fmt/format.h"

namespace server {

void WriteHelp(resp::Writer& out, std::string_view container,
               std::span<const std::string_view> lines) {
  constexpr size_t kFrameLines = 3;
  out.ArrayHeader(lines.size() + kFrameLines);
  out.SimpleString(
      fmt::format("{} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:", container));
  for (std::string_view line : lines) out.SimpleString(line);
  out.SimpleString("HELP");
  out.SimpleString("    Print this help.");
}

}  // namespace server
