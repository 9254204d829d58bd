#include "server/commands/command_reply.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "server/core/command_docs.h"
#include "server/core/command_table.h"
#include "server/core/text.h"

namespace server {
namespace {

struct FlagName {
  uint32_t flag = 0;
  std::string_view name;
};

// In the order in which clients are used to see them.
constexpr FlagName kCommandFlagNames[] = {
    {kWrite, "write"},
    {kReadonly, "readonly"},
    {kDenyOom, "denyoom"},
    {kAdmin, "admin"},
    {kPubSub, "pubsub"},
    {kNoScript, "noscript"},
    {kBlocking, "blocking"},
    {kLoading, "loading"},
    {kStale, "stale"},
    {kSkipMonitor, "skip_monitor"},
    {kSkipSlowlog, "skip_slowlog"},
    {kFast, "fast"},
    {kNoAuthNeeded, "no_auth"},
    {kNoAsyncLoading, "no_async_loading"},
    {kNoMulti, "no_multi"},
    {kMovableKeys, "movablekeys"},
    {kAllowBusy, "allow_busy"},
};

constexpr FlagName kArgumentFlagNames[] = {
    {kOptional, "optional"},
    {kMultiple, "multiple"},
    {kMultipleToken, "multiple_token"},
};

void WriteFlagNames(resp::Writer& out, uint32_t flags, std::span<const FlagName> names) {
  size_t count = 0;
  for (const FlagName& flag : names) count += (flags & flag.flag) != 0;
  out.SetHeader(count);
  for (const FlagName& flag : names) {
    if ((flags & flag.flag) != 0) out.SimpleString(flag.name);
  }
}

size_t CountWords(std::string_view words) {
  size_t count = 0;
  ForEachWord(words, [&count](std::string_view) { ++count; });
  return count;
}

void WriteTextField(resp::Writer& out, std::string_view name, std::string_view value) {
  out.Bulk(name);
  out.Bulk(value);
}

void WriteNumberField(resp::Writer& out, std::string_view name, int64_t value) {
  out.Bulk(name);
  out.Integer(value);
}

// Where the search for keys begins: at a position, or behind a word.
void WriteBeginSearch(resp::Writer& out, const CommandSpec& spec) {
  const bool by_word = !spec.key_word.word.empty();
  out.Bulk("begin_search");
  out.MapHeader(2);
  WriteTextField(out, "type", by_word ? "keyword" : "index");
  out.Bulk("spec");
  out.MapHeader(by_word ? 2 : 1);
  if (by_word) {
    WriteTextField(out, "keyword", spec.key_word.word);
    WriteNumberField(out, "startfrom", spec.key_word.start_from);
  } else {
    WriteNumberField(out, "index", spec.keys.first);
  }
}

void WriteFindKeys(resp::Writer& out, const CommandSpec& spec) {
  const bool by_word = !spec.key_word.word.empty();
  const int last = spec.keys.last < 0 ? spec.keys.last : spec.keys.last - spec.keys.first;
  out.Bulk("find_keys");
  out.MapHeader(2);
  WriteTextField(out, "type", "range");
  out.Bulk("spec");
  out.MapHeader(3);
  // Behind STREAMS: to the end, but only the first half of it.
  WriteNumberField(out, "lastkey", by_word ? -1 : last);
  WriteNumberField(out, "keystep", by_word ? 1 : spec.keys.step);
  WriteNumberField(out, "limit", by_word ? 2 : 0);
}

void WriteKeySpecs(resp::Writer& out, const CommandSpec& spec) {
  const bool has_keys = spec.keys.first > 0 || !spec.key_word.word.empty();
  out.SetHeader(has_keys ? 1 : 0);
  if (!has_keys) return;
  out.MapHeader(3);
  out.Bulk("flags");
  WriteWordSet(out, spec.key_flags);
  WriteBeginSearch(out, spec);
  WriteFindKeys(out, spec);
}

void WriteArguments(resp::Writer& out, std::span<const ArgumentDoc> arguments);

void WriteArgument(resp::Writer& out, const ArgumentDoc& argument) {
  const bool is_group =
      argument.type == ArgumentType::kOneOf || argument.type == ArgumentType::kBlock;
  const size_t mark = out.BeginMap();
  size_t fields = 2;
  WriteTextField(out, "name", argument.name);
  WriteTextField(out, "type", ArgumentTypeName(argument.type));
  if (!is_group) {
    WriteTextField(out, "display_text", argument.name);
    ++fields;
  }
  if (argument.type == ArgumentType::kKey) {
    WriteNumberField(out, "key_spec_index", 0);
    ++fields;
  }
  if (!argument.token.empty()) {
    WriteTextField(out, "token", argument.token);
    ++fields;
  }
  if (argument.flags != kRequired) {
    out.Bulk("flags");
    WriteFlagNames(out, argument.flags, kArgumentFlagNames);
    ++fields;
  }
  if (is_group) {
    out.Bulk("arguments");
    WriteArguments(out, argument.children);
    ++fields;
  }
  out.EndMap(mark, fields);
}

void WriteArguments(resp::Writer& out, std::span<const ArgumentDoc> arguments) {
  out.ArrayHeader(arguments.size());
  for (const ArgumentDoc& argument : arguments) WriteArgument(out, argument);
}

}  // namespace

void ForEachWord(std::string_view words, absl::FunctionRef<void(std::string_view)> visit) {
  while (!words.empty()) {
    const size_t end = std::min(words.find(' '), words.size());
    if (end > 0) visit(words.substr(0, end));
    words.remove_prefix(std::min(end + 1, words.size()));
  }
}

void WriteWordSet(resp::Writer& out, std::string_view words) {
  out.SetHeader(CountWords(words));
  ForEachWord(words, [&out](std::string_view word) { out.SimpleString(word); });
}

bool IsInCategory(const CommandSpec& spec, std::string_view category) {
  bool found = false;
  ForEachWord(spec.acl, [&](std::string_view word) {
    found = found || EqualsIgnoreCase(word.substr(1), category);
  });
  return found;
}

void WriteCommandInfo(resp::Writer& out, const CommandSpec& spec) {
  out.ArrayHeader(10);
  out.Bulk(spec.name);
  out.Integer(spec.arity);
  WriteFlagNames(out, spec.flags, kCommandFlagNames);
  out.Integer(spec.keys.first);
  out.Integer(spec.keys.last);
  out.Integer(spec.keys.step);
  WriteWordSet(out, spec.acl);
  out.SetHeader(CountWords(spec.tips));
  ForEachWord(spec.tips, [&out](std::string_view tip) { out.Bulk(tip); });
  WriteKeySpecs(out, spec);
  const std::span<const CommandSpec> subcommands = SubcommandsOf(spec);
  out.SetHeader(subcommands.size());
  for (const CommandSpec& subcommand : subcommands) WriteCommandInfo(out, subcommand);
}

void WriteCommandDocs(resp::Writer& out, const CommandSpec& spec) {
  const std::span<const CommandSpec> subcommands = SubcommandsOf(spec);
  constexpr size_t kPlainFields = 4;
  out.MapHeader(kPlainFields + !spec.arguments.empty() + !subcommands.empty());
  WriteTextField(out, "summary", spec.summary);
  WriteTextField(out, "since", spec.since);
  WriteTextField(out, "group", spec.group);
  WriteTextField(out, "complexity", spec.complexity);
  if (!spec.arguments.empty()) {
    out.Bulk("arguments");
    WriteArguments(out, spec.arguments);
  }
  if (subcommands.empty()) return;
  out.Bulk("subcommands");
  out.MapHeader(subcommands.size());
  for (const CommandSpec& subcommand : subcommands) {
    out.Bulk(subcommand.name);
    WriteCommandDocs(out, subcommand);
  }
}

}  // namespace server
