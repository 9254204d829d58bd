#include "server/commands/command.h"

#include <cstddef>
#include <optional>
#include <vector>

#include "resp/glob.h"
#include "server/commands/command_reply.h"
#include "server/commands/help.h"
#include "server/core/command_keys.h"
#include "server/core/command_table.h"
#include "server/core/text.h"

namespace server {
namespace {

using Arguments = std::span<const std::string_view>;

constexpr std::string_view kHelp[] = {
    "(no subcommand)",
    "    Describe all commands.",
    "COUNT",
    "    The number of commands.",
    "DOCS [<command-name> ...]",
    "    Document commands, all of them when none is named.",
    "GETKEYS <full-command>",
    "    The keys in a full command.",
    "GETKEYSANDFLAGS <full-command>",
    "    The keys in a full command, each with what is done to it.",
    "INFO [<command-name> ...]",
    "    Describe commands, all of them when none is named.",
    "LIST [FILTERBY (MODULE <name> | ACLCAT <category> | PATTERN <glob>)]",
    "    The names of all commands, or of those that pass the filter.",
};

// Words behind COMMAND and its subcommand.
Arguments Operands(const CommandContext& context) { return context.args.subspan(2); }

void WriteAllInfo(resp::Writer& out) {
  out.ArrayHeader(TopLevelCommandCount());
  for (const CommandSpec& spec : AllCommands()) {
    if (!IsSubcommand(spec)) WriteCommandInfo(out, spec);
  }
}

enum class Filter : uint8_t { kNone, kModule, kAclCategory, kPattern };

bool Passes(const CommandSpec& spec, Filter filter, std::string_view operand) {
  switch (filter) {
    case Filter::kNone:
      return true;
    case Filter::kModule:
      return false;  // There are no modules.
    case Filter::kAclCategory:
      return IsInCategory(spec, operand);
    case Filter::kPattern:
      return resp::GlobMatch(operand, spec.name, resp::GlobCase::kAsciiInsensitive);
  }
  return false;
}

std::optional<Filter> ReadFilter(std::string_view word) {
  if (EqualsIgnoreCase(word, "MODULE")) return Filter::kModule;
  if (EqualsIgnoreCase(word, "ACLCAT")) return Filter::kAclCategory;
  if (EqualsIgnoreCase(word, "PATTERN")) return Filter::kPattern;
  return std::nullopt;
}

// A whole command given as arguments, its row, and where its keys are.
struct KeyLookup {
  Arguments words;
  const CommandSpec* spec = nullptr;
  std::vector<int> positions;
};

Outcome LookUpKeys(Arguments words, KeyLookup* lookup) {
  const CommandSpec* spec = FindCommand(words[0]);
  if (spec != nullptr && (spec->flags & kContainer) != 0 && words.size() > 1) {
    spec = FindSubcommand(*spec, words[1]);
  }
  if (spec == nullptr) return Error::kGetKeysInvalidCommand;
  if (!HasKeys(*spec)) return Error::kGetKeysNoKeys;
  if (!ArityMatches(*spec, words.size())) return Error::kGetKeysArity;
  lookup->words = words;
  lookup->spec = spec;
  if (!FindKeys(*spec, words, &lookup->positions)) return Error::kGetKeysNotFound;
  return Done();
}

}  // namespace

Outcome CmdCommand(CommandContext& context) {
  WriteAllInfo(context.out);
  return Done();
}

Outcome CmdCommandCount(CommandContext& context) {
  context.out.Integer(static_cast<int64_t>(TopLevelCommandCount()));
  return Done();
}

Outcome CmdCommandInfo(CommandContext& context) {
  const Arguments names = Operands(context);
  if (names.empty()) {
    WriteAllInfo(context.out);
    return Done();
  }
  context.out.ArrayHeader(names.size());
  for (std::string_view name : names) {
    const CommandSpec* spec = FindCommandByFullName(name);
    if (spec == nullptr) {
      context.out.Null();
    } else {
      WriteCommandInfo(context.out, *spec);
    }
  }
  return Done();
}

Outcome CmdCommandDocs(CommandContext& context) {
  const Arguments names = Operands(context);
  std::vector<const CommandSpec*> specs;
  for (std::string_view name : names) {
    const CommandSpec* spec = FindCommandByFullName(name);
    if (spec != nullptr) specs.push_back(spec);
  }
  if (names.empty()) {
    for (const CommandSpec& spec : AllCommands()) {
      if (!IsSubcommand(spec)) specs.push_back(&spec);
    }
  }
  context.out.MapHeader(specs.size());
  for (const CommandSpec* spec : specs) {
    context.out.Bulk(spec->name);
    WriteCommandDocs(context.out, *spec);
  }
  return Done();
}

Outcome CmdCommandList(CommandContext& context) {
  const Arguments operands = Operands(context);
  Filter filter = Filter::kNone;
  std::string_view operand;
  if (!operands.empty()) {
    constexpr size_t kFilterWords = 3;
    const bool is_filter =
        operands.size() == kFilterWords && EqualsIgnoreCase(operands[0], "FILTERBY");
    const std::optional<Filter> asked = is_filter ? ReadFilter(operands[1]) : std::nullopt;
    if (!asked) return Error::kSyntax;
    filter = *asked;
    operand = operands[2];
  }
  const size_t mark = context.out.BeginArray();
  size_t count = 0;
  for (const CommandSpec& spec : AllCommands()) {
    if (!Passes(spec, filter, operand)) continue;
    context.out.Bulk(spec.name);
    ++count;
  }
  context.out.EndArray(mark, count);
  return Done();
}

Outcome CmdCommandGetKeys(CommandContext& context) {
  KeyLookup lookup;
  RETURN_IF_FAILED(LookUpKeys(Operands(context), &lookup));
  context.out.ArrayHeader(lookup.positions.size());
  for (int position : lookup.positions) {
    context.out.Bulk(lookup.words[static_cast<size_t>(position)]);
  }
  return Done();
}

Outcome CmdCommandGetKeysAndFlags(CommandContext& context) {
  KeyLookup lookup;
  RETURN_IF_FAILED(LookUpKeys(Operands(context), &lookup));
  context.out.ArrayHeader(lookup.positions.size());
  for (int position : lookup.positions) {
    context.out.ArrayHeader(2);
    context.out.Bulk(lookup.words[static_cast<size_t>(position)]);
    WriteWordSet(context.out, lookup.spec->key_flags);
  }
  return Done();
}

Outcome CmdCommandHelp(CommandContext& context) {
  WriteHelp(context.out, "COMMAND", kHelp);
  return Done();
}

}  // namespace server
