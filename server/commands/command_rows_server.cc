// Rows of the commands about the server itself: COMMAND, CONFIG, INFO, saving, stopping.
#include "server/commands/admin.h"
#include "server/commands/command.h"
#include "server/commands/config.h"
#include "server/commands/connection.h"
#include "server/commands/info.h"
#include "server/core/command_docs.h"
#include "server/core/command_table.h"

namespace server {
namespace {

using doc::Block;
using doc::OneOf;
using doc::Option;
using doc::Text;
using doc::Word;

constexpr std::string_view kAnyOrder = "nondeterministic_output_order";

constexpr ArgumentDoc kCommandNames[] = {Text("command-name", kOptional | kMultiple)};
constexpr ArgumentDoc kListFilters[] = {
    Option("MODULE", "module-name", ArgumentType::kString, kRequired),
    Option("ACLCAT", "category", ArgumentType::kString, kRequired),
    Option("PATTERN", "pattern", ArgumentType::kPattern, kRequired),
};
constexpr ArgumentDoc kCommandList[] = {OneOf("filterby", kListFilters, kOptional, "FILTERBY")};
constexpr ArgumentDoc kGetKeys[] = {Text("command"), Text("arg", kOptional | kMultiple)};
constexpr ArgumentDoc kConfigGet[] = {Text("parameter", kMultiple)};
constexpr ArgumentDoc kParameterAndValue[] = {Text("parameter"), Text("value")};
constexpr ArgumentDoc kConfigSet[] = {Block("data", kParameterAndValue, kMultiple)};
constexpr ArgumentDoc kInfo[] = {Text("section", kOptional | kMultiple)};
constexpr ArgumentDoc kBgSave[] = {Word("schedule", "SCHEDULE", kOptional)};
constexpr ArgumentDoc kSaveOrNot[] = {Word("nosave", "NOSAVE"), Word("save", "SAVE")};
constexpr ArgumentDoc kShutdown[] = {
    OneOf("save-selector", kSaveOrNot, kOptional),
    Word("now", "NOW", kOptional),
    Word("force", "FORCE", kOptional),
    Word("abort", "ABORT", kOptional),
};

constexpr CommandSpec CommandSub(std::string_view name, int16_t arity, Handler handler,
                                 std::string_view since, std::string_view complexity,
                                 std::string_view summary,
                                 std::span<const ArgumentDoc> arguments = {},
                                 std::string_view tips = {}) {
  return {
      .name = name,
      .arity = arity,
      .flags = kLoading | kStale,
      .handler = handler,
      .acl = "@slow @connection",
      .group = "server",
      .since = since,
      .complexity = complexity,
      .summary = summary,
      .arguments = arguments,
      .tips = tips,
  };
}

constexpr CommandSpec ConfigSub(std::string_view name, int16_t arity, Handler handler,
                                std::string_view since, std::string_view complexity,
                                std::string_view summary,
                                std::span<const ArgumentDoc> arguments = {},
                                std::string_view tips = {}) {
  return {
      .name = name,
      .arity = arity,
      .flags = kAdmin | kNoScript | kLoading | kStale,
      .handler = handler,
      .acl = "@admin @slow @dangerous",
      .group = "server",
      .since = since,
      .complexity = complexity,
      .summary = summary,
      .arguments = arguments,
      .tips = tips,
  };
}

constexpr CommandSpec kRows[] = {
    {
        .name = "bgsave",
        .arity = -1,
        .flags = kAdmin | kNoScript | kNoAsyncLoading,
        .handler = CmdBgSave,
        .acl = "@admin @slow @dangerous",
        .group = "server",
        .since = "1.0.0",
        .complexity = "O(1); the checkpoint it starts takes time by what has changed.",
        .summary = "Starts a checkpoint.",
        .arguments = kBgSave,
    },
    {
        .name = "command",
        .arity = -1,
        .flags = kLoading | kStale | kContainer,
        .handler = CmdCommand,
        .acl = "@slow @connection",
        .group = "server",
        .since = "2.8.13",
        .complexity = "O(N) with N the commands there are.",
        .summary = "Describes all commands for clients.",
        .tips = kAnyOrder,
    },
    CommandSub("command|count", 2, CmdCommandCount, "2.8.13", "O(1)", "The number of commands."),
    CommandSub("command|docs", -2, CmdCommandDocs, "7.0.0", "O(N) with N the commands asked for.",
               "Documents commands for people.", kCommandNames, kAnyOrder),
    CommandSub("command|getkeys", -3, CmdCommandGetKeys, "2.8.13", "O(N) with N the arguments.",
               "The keys in a whole command.", kGetKeys),
    CommandSub("command|getkeysandflags", -3, CmdCommandGetKeysAndFlags, "7.0.0",
               "O(N) with N the arguments.",
               "The keys in a whole command, with what it does to them.", kGetKeys),
    CommandSub("command|help", 2, CmdCommandHelp, "5.0.0", "O(1)", "Shows what COMMAND can do."),
    CommandSub("command|info", -2, CmdCommandInfo, "2.8.13", "O(N) with N the commands asked for.",
               "Describes some commands for clients, or all.", kCommandNames, kAnyOrder),
    CommandSub("command|list", -2, CmdCommandList, "7.0.0", "O(N) with N the commands there are.",
               "The names of all commands, or of those that pass a filter.", kCommandList,
               kAnyOrder),
    {
        .name = "config",
        .arity = -2,
        .flags = kContainer,
        .acl = "@slow",
        .group = "server",
        .since = "2.0.0",
        .complexity = "Depends on subcommand.",
        .summary = "Holds the commands about the configuration.",
    },
    ConfigSub("config|get", -3, CmdConfigGet, "2.0.0", "O(N) with N the parameters there are.",
              "The values of parameters, by name or pattern.", kConfigGet),
    {
        .name = "config|help",
        .arity = 2,
        .flags = kLoading | kStale,
        .handler = CmdConfigHelp,
        .acl = "@slow",
        .group = "server",
        .since = "5.0.0",
        .complexity = "O(1)",
        .summary = "Shows what CONFIG can do.",
    },
    ConfigSub("config|resetstat", 2, CmdConfigResetStat, "2.0.0", "O(1)",
              "Sets the counters of INFO back to zero."),
    ConfigSub("config|rewrite", 2, CmdConfigRewrite, "2.8.0", "O(N) with N the lines of the file.",
              "Writes the current parameters into the configuration file."),
    ConfigSub("config|set", -4, CmdConfigSet, "2.0.0", "O(N) with N the parameters set.",
              "Changes parameters: all of those given, or none.", kConfigSet,
              "request_policy:all_nodes response_policy:all_succeeded"),
    {
        .name = "info",
        .arity = -1,
        .flags = kLoading | kStale,
        .handler = CmdInfo,
        .acl = "@slow @dangerous",
        .group = "server",
        .since = "1.0.0",
        .complexity = "O(1)",
        .summary = "The state of the server, by sections.",
        .arguments = kInfo,
        .tips = "nondeterministic_output request_policy:all_shards response_policy:special",
    },
    {
        .name = "lastsave",
        .arity = 1,
        .flags = kLoading | kStale | kFast,
        .handler = CmdLastSave,
        .acl = "@admin @fast @dangerous",
        .group = "server",
        .since = "1.0.0",
        .complexity = "O(1)",
        .summary = "When the last checkpoint ended, in seconds of Unix time.",
        .tips = "nondeterministic_output",
    },
    {
        .name = "save",
        .arity = 1,
        .flags = kAdmin | kNoScript | kNoAsyncLoading | kNoMulti,
        .handler = CmdSave,
        .acl = "@admin @slow @dangerous",
        .group = "server",
        .since = "1.0.0",
        .complexity = "O(N) with N the changes since the last checkpoint.",
        .summary = "Makes a checkpoint and answers when it is done.",
    },
    {
        .name = "shutdown",
        .arity = -1,
        .flags = kAdmin | kNoScript | kLoading | kStale | kNoMulti | kAllowBusy,
        .handler = CmdShutdown,
        .acl = "@admin @slow @dangerous",
        .group = "server",
        .since = "1.0.0",
        .complexity = "O(N) with N the changes since the last checkpoint.",
        .summary = "Stops the server cleanly.",
        .arguments = kShutdown,
    },
    {
        .name = "time",
        .arity = 1,
        .flags = kLoading | kStale | kFast,
        .handler = CmdTime,
        .acl = "@fast",
        .group = "server",
        .since = "2.6.0",
        .complexity = "O(1)",
        .summary = "The server's clock: seconds and microseconds of Unix time.",
        .tips = "nondeterministic_output",
    },
};

}  // namespace

std::span<const CommandSpec> ServerCommands() { return kRows; }

}  // namespace server
