#include "server/core/monitors.h"

#include <algorithm>
#include <iterator>

#include "fmt/format.h"

namespace server {
namespace {

void AppendQuoted(std::string_view text, std::string* out) {
  constexpr std::string_view kEscaped = "\"\\\n\r\t\a\b";
  constexpr std::string_view kLetters = "\"\\nrtab";
  out->push_back('"');
  for (char c : text) {
    const size_t escape = kEscaped.find(c);
    if (escape != kEscaped.npos) {
      out->push_back('\\');
      out->push_back(kLetters[escape]);
    } else if (c >= ' ' && c <= '~') {
      out->push_back(c);
    } else {
      fmt::format_to(std::back_inserter(*out), "\\x{:02x}", static_cast<unsigned char>(c));
    }
  }
  out->push_back('"');
}

}  // namespace

void Monitors::Add(Session& session) {
  session.is_monitor = true;
  ids_.push_back(session.id);
}

void Monitors::Remove(Session& session) {
  if (!session.is_monitor) return;
  session.is_monitor = false;
  std::erase(ids_, session.id);
}

std::string MonitorLine(int64_t unix_us, uint32_t db, std::string_view client_address,
                        std::span<const std::string_view> args) {
  constexpr int64_t kMicrosPerSecond = 1'000'000;
  std::string line = fmt::format("{}.{:06} [{} {}]", unix_us / kMicrosPerSecond,
                                 unix_us % kMicrosPerSecond, db, client_address);
  for (std::string_view arg : args) {
    line.push_back(' ');
    AppendQuoted(arg, &line);
  }
  return line;
}

}  // namespace server
