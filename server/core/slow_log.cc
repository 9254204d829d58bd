#include "server/core/slow_log.h"

#include <utility>

#include "fmt/format.h"
#include "server/limits.h"

namespace server {

void SlowLog::Add(SlowCommand command, size_t max_entries) {
  command.id = next_id_++;
  entries_.push_front(std::move(command));
  while (entries_.size() > max_entries) entries_.pop_back();
}

std::vector<std::string> CutArguments(std::span<const std::string_view> args) {
  const bool too_many = args.size() > kSlowLogArguments;
  // The last place tells how many are missing.
  const size_t kept = too_many ? kSlowLogArguments - 1 : args.size();
  std::vector<std::string> cut;
  for (std::string_view arg : args.first(kept)) {
    if (arg.size() > kSlowLogArgumentBytes) {
      cut.push_back(fmt::format("{}... ({} more bytes)", arg.substr(0, kSlowLogArgumentBytes),
                                arg.size() - kSlowLogArgumentBytes));
    } else {
      cut.emplace_back(arg);
    }
  }
  if (too_many) cut.push_back(fmt::format("... ({} more arguments)", args.size() - kept));
  return cut;
}

}  // namespace server
