// The tables in docs/commands.md and docs/configuration.md say what the code's tables say.
//
// A failing test prints the lines as they should be. Notes in the last column of commands.md are
// free.
#include <cstdint>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <string_view>

#include "fmt/format.h"
#include "gtest/gtest.h"
#include "server/core/command_docs.h"
#include "server/core/command_table.h"
#include "server/core/config_ignored.h"
#include "server/core/config_options.h"

namespace server {
namespace {

std::string ReadDocument(std::string_view name) {
  std::ifstream file(fmt::format("{}/docs/{}", WEIR_SOURCE_DIR, name));
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::string SyntaxOf(std::span<const ArgumentDoc> arguments, std::string_view separator);

std::string ValueOf(const ArgumentDoc& argument) {
  switch (argument.type) {
    case ArgumentType::kPureToken:
      return {};
    case ArgumentType::kOneOf:
      return "<" + SyntaxOf(argument.children, " \\| ") + ">";
    case ArgumentType::kBlock:
      return SyntaxOf(argument.children, " ");
    default:
      return std::string(argument.name);
  }
}

std::string SyntaxOf(const ArgumentDoc& argument) {
  const std::string value = ValueOf(argument);
  std::string text(argument.token);
  if (!text.empty() && !value.empty()) text += ' ';
  text += value;
  if ((argument.flags & kMultiple) != 0) text += fmt::format(" [{} ...]", value);
  return (argument.flags & kOptional) != 0 ? "[" + text + "]" : text;
}

std::string SyntaxOf(std::span<const ArgumentDoc> arguments, std::string_view separator) {
  std::string text;
  for (const ArgumentDoc& argument : arguments) {
    if (!text.empty()) text += separator;
    text += SyntaxOf(argument);
  }
  return text;
}

std::string UpperName(std::string_view name) {
  std::string upper;
  for (char c : name)
    upper += c == '|' ? ' ' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
  return upper;
}

std::string CommandLineOf(const CommandSpec& spec) {
  const std::string arguments = SyntaxOf(spec.arguments, " ");
  return fmt::format("| `{}{}{}` | {} | {} |", UpperName(spec.name), arguments.empty() ? "" : " ",
                     arguments, spec.summary, spec.complexity);
}

std::string_view KindName(const OptionSpec& option) {
  switch (option.kind) {
    case OptionKind::kBool:
      return "yes or no";
    case OptionKind::kInteger:
      return "integer";
    case OptionKind::kOctal:
      return "octal";
    case OptionKind::kMemory:
      return "bytes";
    case OptionKind::kEnum:
      return "word";
    case OptionKind::kString:
    case OptionKind::kSpecial:
    case OptionKind::kIgnored:
      break;
  }
  if ((option.flags & kRules) != 0) return "rules";
  return (option.flags & kManyWords) != 0 ? "words" : "text";
}

std::string RangeOf(const OptionSpec& option) {
  constexpr int64_t kNoLimit = INT64_MAX;
  if (option.kind == OptionKind::kOctal) return fmt::format("{:o} to {:o}", option.min, option.max);
  if (option.kind == OptionKind::kInteger || option.kind == OptionKind::kMemory) {
    return option.max == kNoLimit ? fmt::format("from {}", option.min)
                                  : fmt::format("{} to {}", option.min, option.max);
  }
  std::string words;
  for (const EnumValue& value : option.values) {
    words += fmt::format("{}{}", words.empty() ? "" : ", ", value.name);
  }
  return words;
}

std::string OptionLineOf(const OptionSpec& option) {
  const bool changes = (option.flags & kMutable) != 0;
  const std::string default_text =
      option.default_text.empty() ? "empty" : fmt::format("`{}`", option.default_text);
  const std::string alias =
      option.alias.empty() ? "" : fmt::format(" Also called `{}`.", option.alias);
  const std::string effect = (option.flags & kNoEffect) != 0 ? "No effect. " : "";
  return fmt::format("| `{}` | {} | {} | {} | {} | {}{}{} |", option.name, KindName(option),
                     RangeOf(option), default_text, changes ? "yes" : "no", effect, option.summary,
                     alias);
}

TEST(CommandsDocument, HasARowForEveryCommand) {
  const std::string document = ReadDocument("commands.md");
  for (const CommandSpec& spec : AllCommands()) {
    if ((spec.flags & kContainer) != 0 && spec.handler == nullptr) continue;
    const std::string line = CommandLineOf(spec);
    EXPECT_NE(document.find("\n" + line), std::string::npos) << "missing:\n" << line;
  }
}

TEST(CommandsDocument, HasNoRowForAnythingElse) {
  const std::string document = ReadDocument("commands.md");
  size_t rows = 0;
  for (size_t at = 0; (at = document.find("\n| `", at)) != std::string::npos; ++at) ++rows;
  size_t commands = 0;
  for (const CommandSpec& spec : AllCommands()) commands += spec.handler != nullptr;
  EXPECT_EQ(rows, commands);
}

TEST(ConfigurationDocument, HasTheTableOfOptions) {
  const std::string document = ReadDocument("configuration.md");
  std::string table;
  for (const OptionSpec& option : AllOptions()) table += OptionLineOf(option) + "\n";
  EXPECT_NE(document.find("\n|---|---|---|---|---|---|\n" + table + "\n"), std::string::npos)
      << "should be:\n"
      << table;
}

TEST(ConfigurationDocument, NamesTheWordsThatAreAccepted) {
  const std::string document = ReadDocument("configuration.md");
  for (std::string_view word : kIgnoredWords) {
    EXPECT_NE(document.find(fmt::format("`{}`", word)), std::string::npos) << word;
  }
}

}  // namespace
}  // namespace server
