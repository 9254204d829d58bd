// The one table of commands: dispatch, COMMAND, arity and flag checks, statistics and the documents
// read it. Rows are written by family in server/commands/command_rows_<family>.cc; here they become
// one sorted list.
//
// A row is either a command ("xadd") or a subcommand ("xgroup|create"). Adding a command: a row, a
// handler, a transcript, a line in docs/commands.md.
//
// Thread: any; immutable once built, which the first call does.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "server/core/command.h"

namespace server {

// Longest name that can be found, both words of a subcommand and the bar between them included.
inline constexpr size_t kMaxCommandNameBytes = 48;

// All rows, subcommands included, by name; the subcommands of a container follow it directly.
std::span<const CommandSpec> AllCommands();
// Position of a row of AllCommands(), for tables that run in parallel to it.
inline size_t CommandIndex(const CommandSpec& spec) { return spec.index; }

// The command of that name, in any case. Null when there is none. Allocates nothing.
const CommandSpec* FindCommand(std::string_view name);
// The subcommand `word`, in any case, of a container.
const CommandSpec* FindSubcommand(const CommandSpec& container, std::string_view word);
// Either kind, a subcommand by its full name with the bar.
const CommandSpec* FindCommandByFullName(std::string_view name);

std::span<const CommandSpec> SubcommandsOf(const CommandSpec& container);
inline bool IsSubcommand(const CommandSpec& spec) {
  return spec.name.find('|') != std::string_view::npos;
}
// Number of commands that are no subcommands.
size_t TopLevelCommandCount();

// Whether a request of `count` arguments, the name included, can be right.
inline bool ArityMatches(const CommandSpec& spec, size_t count) {
  return spec.arity >= 0 ? count == static_cast<size_t>(spec.arity)
                         : count >= static_cast<size_t>(-spec.arity);
}

// The rows as they are written, family by family, beside the handlers. For command_table.cc.
std::span<const CommandSpec> ScheduleCommands();
std::span<const CommandSpec> StreamCommands();
std::span<const CommandSpec> GroupCommands();
std::span<const CommandSpec> ConnectionCommands();
std::span<const CommandSpec> KeyCommands();
std::span<const CommandSpec> StringCommands();
std::span<const CommandSpec> ExpiryCommands();
std::span<const CommandSpec> ObjectCommands();
std::span<const CommandSpec> ServerCommands();
std::span<const CommandSpec> AclCommands();
std::span<const CommandSpec> DiagnosisCommands();
std::span<const CommandSpec> TopologyCommands();
std::span<const CommandSpec> TransactionCommands();
std::span<const CommandSpec> PubSubCommands();

}  // namespace server
