#include "server/core/config.h"

#include <algorithm>
#include <optional>
#include <set>

#include "engine/check.h"
#include "fmt/format.h"
#include "resp/glob.h"
#include "server/core/config_value.h"
#include "server/core/text.h"

namespace server {
namespace {

using engine::Code;
using engine::Status;

constexpr std::string_view kStdinSource = "standard input";
constexpr std::string_view kOptionsSource = "command line";

// CONFIG SET gets a list of words as one argument.
std::vector<std::string> WordsOfValue(const OptionSpec& option, std::string_view value) {
  if ((option.flags & kManyWords) == 0) return {std::string(value)};
  std::vector<std::string> words;
  while (!value.empty()) {
    const size_t end = std::min(value.find(' '), value.size());
    if (end > 0) words.emplace_back(value.substr(0, end));
    value.remove_prefix(std::min(end + 1, value.size()));
  }
  return words;
}

}  // namespace

Config::Config() : settings_(DefaultSettings()) {}

Status Config::Load(const CommandLine& command_line, std::string_view standard_input) {
  if (!command_line.config_file.empty()) {
    ASSIGN_OR_RETURN(const std::string text, ReadConfigFile(command_line.config_file));
    RETURN_IF_ERROR(LoadText(text, command_line.config_file));
    file_ = command_line.config_file;
  }
  if (command_line.reads_stdin) RETURN_IF_ERROR(LoadText(standard_input, kStdinSource));
  return LoadText(command_line.options, kOptionsSource);
}

Status Config::LoadText(std::string_view text, std::string_view source) {
  ASSIGN_OR_RETURN(const std::vector<ConfigLine> lines, ParseConfigText(text, source));
  for (const ConfigLine& line : lines) RETURN_IF_ERROR(LoadLine(line));
  return engine::OkStatus();
}

Status Config::LoadLine(const ConfigLine& line) {
  const OptionSpec* option = FindOption(line.words[0]);
  if (option == nullptr) option = FindIgnoredOption(line.words[0]);
  if (option == nullptr) {
    return {Code::kInvalid, ConfigLineError(line, "Bad directive or wrong number of arguments")};
  }
  NoteWithoutEffect(*option);
  if (option->kind == OptionKind::kIgnored) return engine::OkStatus();
  const auto words = std::span(line.words).subspan(1);
  const std::string refusal = words.empty()
                                  ? std::string("wrong number of arguments")
                                  : AssignOption(*option, words, AssignMode::kLine, &settings_);
  if (!refusal.empty()) return {Code::kInvalid, ConfigLineError(line, refusal)};
  return engine::OkStatus();
}

void Config::NoteWithoutEffect(const OptionSpec& option) {
  if (option.kind != OptionKind::kIgnored && (option.flags & kNoEffect) == 0) return;
  if (std::ranges::find(without_effect_, option.name) == without_effect_.end()) {
    without_effect_.emplace_back(option.name);
  }
}

void Config::OnChange(std::string_view option, Apply apply) {
  const OptionSpec* spec = FindOption(option);
  CHECK(spec != nullptr);
  hooks_.push_back({spec, std::move(apply)});
}

std::vector<std::pair<std::string, std::string>> Config::Get(
    std::span<const std::string_view> patterns) const {
  std::vector<std::pair<std::string, std::string>> found;
  std::set<std::string> seen;
  const auto add = [&](std::string name, const OptionSpec& option) {
    if (seen.insert(LowerCase(name)).second) {
      found.emplace_back(std::move(name), ShowOption(option, settings_));
    }
  };
  for (std::string_view pattern : patterns) {
    if (pattern.find_first_of("*?[") == std::string_view::npos) {
      const OptionSpec* option = FindOption(pattern);
      if (option != nullptr) add(std::string(pattern), *option);
      continue;
    }
    for (const OptionSpec& option : AllOptions()) {
      for (std::string_view name : {option.name, option.alias}) {
        if (!name.empty() && resp::GlobMatch(pattern, name, resp::GlobCase::kAsciiInsensitive)) {
          add(std::string(name), option);
        }
      }
    }
  }
  return found;
}

Outcome Config::ResolveNames(std::span<const std::string_view> names_and_values,
                             std::vector<const OptionSpec*>* options) const {
  for (size_t i = 0; i < names_and_values.size(); i += 2) {
    const std::string_view name = names_and_values[i];
    const OptionSpec* option = FindOption(name);
    if (option == nullptr) return {Error::kConfigUnknownOption, {name}};
    if ((option->flags & kProtected) != 0) {
      return {Error::kConfigSetFailed, {name, "can't set protected config"}};
    }
    if ((option->flags & kMutable) == 0) {
      return {Error::kConfigSetFailed, {name, "can't set immutable config"}};
    }
    if (std::ranges::find(*options, option) != options->end()) {
      return {Error::kConfigSetFailed, {name, "duplicate parameter"}};
    }
    options->push_back(option);
  }
  return Done();
}

Outcome Config::Set(std::span<const std::string_view> names_and_values) {
  CHECK(names_and_values.size() % 2 == 0);
  std::vector<const OptionSpec*> options;
  RETURN_IF_FAILED(ResolveNames(names_and_values, &options));
  Settings wanted = settings_;
  for (size_t i = 0; i < options.size(); ++i) {
    const std::vector<std::string> words = WordsOfValue(*options[i], names_and_values[2 * i + 1]);
    const std::string refusal = AssignOption(*options[i], words, AssignMode::kWhole, &wanted);
    if (!refusal.empty()) return {Error::kConfigSetFailed, {names_and_values[2 * i], refusal}};
  }
  const Settings previous = std::exchange(settings_, std::move(wanted));
  return ApplyChanges(previous);
}

Outcome Config::ApplyChanges(const Settings& previous) {
  for (size_t i = 0; i < hooks_.size(); ++i) {
    const OptionSpec& option = *hooks_[i].option;
    if (ShowOption(option, previous) == ShowOption(option, settings_)) continue;
    const Status status = hooks_[i].apply(settings_);
    if (status.ok()) continue;
    // Hooks get the state as a whole, so calling the earlier ones again takes their change back.
    settings_ = previous;
    for (size_t done = 0; done <= i; ++done) {
      const Status undone = hooks_[done].apply(settings_);
      if (!undone.ok()) break;
    }
    return {Error::kConfigSetFailed, {option.name, status.message()}};
  }
  return Done();
}

Outcome Config::Rewrite() const {
  if (file_.empty()) return Error::kConfigNoFile;
  const engine::Result<std::string> old_text = ReadConfigFile(file_);
  if (!old_text.ok()) return {Error::kConfigRewriteFailed, {old_text.status().message()}};
  const Status status = ReplaceFile(file_, RewriteConfigText(*old_text, settings_));
  if (!status.ok()) return {Error::kConfigRewriteFailed, {status.message()}};
  return Done();
}

}  // namespace server
