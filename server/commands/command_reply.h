// Rows of the command table as COMMAND INFO and COMMAND DOCS send them.
//
// Shapes: connection specification section 5. Clients depend on the ten elements. Thread: any.
#pragma once

#include <string_view>

#include "absl/functional/function_ref.h"
#include "resp/writer.h"
#include "server/core/command.h"

namespace server {

// The ten-element description, subcommands included.
void WriteCommandInfo(resp::Writer& out, const CommandSpec& spec);
// The map behind a command's name, subcommands included.
void WriteCommandDocs(resp::Writer& out, const CommandSpec& spec);

// Blank-separated words as a set of simple strings.
void WriteWordSet(resp::Writer& out, std::string_view words);
// Whether the command is in an ACL category, named without the `@`, in any case.
bool IsInCategory(const CommandSpec& spec, std::string_view category);
void ForEachWord(std::string_view words, absl::FunctionRef<void(std::string_view)> visit);

}  // namespace server
