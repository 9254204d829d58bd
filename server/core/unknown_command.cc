#include "server/core/unknown_command.h"

#include <string>

#include "server/core/text.h"
#include "server/limits.h"

namespace server {
namespace {

std::string_view UpToZero(std::string_view text) { return text.substr(0, text.find('\0')); }

}  // namespace

Outcome UnknownCommand(std::span<const std::string_view> args) {
  std::string shown;
  for (std::string_view arg : args.subspan(1)) {
    if (shown.size() >= kMaxEchoedBytes) break;
    const size_t room = kMaxEchoedBytes - shown.size();
    shown.append("'").append(UpToZero(arg.substr(0, room))).append("' ");
  }
  return {Error::kUnknownCommand, {UpToZero(args[0].substr(0, kMaxEchoedBytes)), shown}};
}

Outcome UnknownSubcommand(const CommandSpec& container, std::string_view word) {
  std::string parent(container.name);
  for (char& c : parent) c = UpperCase(c);
  return {Error::kUnknownSubcommand, {UpToZero(word.substr(0, kMaxEchoedBytes)), parent}};
}

}  // namespace server
