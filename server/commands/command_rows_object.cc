// Rows of the commands that give values other names, and of those that tell about keys.
#include "server/commands/key_move.h"
#include "server/commands/object.h"
#include "server/core/command_docs.h"
#include "server/core/command_table.h"

namespace server {
namespace {

using doc::Key;
using doc::Number;
using doc::Option;
using doc::Word;

constexpr KeyRange kFirst = {1, 1, 1};
constexpr KeyRange kFirstTwo = {1, 2, 1};
constexpr KeyRange kSecond = {2, 2, 1};
constexpr KeyRange kAllArguments = {1, -1, 1};

constexpr ArgumentDoc NamedKey(std::string_view name) {
  return {name, ArgumentType::kKey, {}, kRequired, {}};
}

constexpr ArgumentDoc kKey[] = {Key()};
constexpr ArgumentDoc kKeys[] = {Key(kMultiple)};
constexpr ArgumentDoc kRename[] = {Key(), NamedKey("newkey")};
constexpr ArgumentDoc kMove[] = {Key(), Number("db")};
constexpr ArgumentDoc kSwap[] = {Number("index1"), Number("index2")};
constexpr ArgumentDoc kCopy[] = {
    NamedKey("source"),
    NamedKey("destination"),
    Option("DB", "destination-db", ArgumentType::kInteger),
    Word("replace", "REPLACE", kOptional),
};

constexpr CommandSpec kRows[] = {
    {
        .name = "copy",
        .arity = -3,
        .flags = kWrite | kDenyOom,
        .keys = kFirstTwo,
        .handler = CmdCopy,
        .acl = "@keyspace @write @slow",
        .group = "generic",
        .since = "6.2.0",
        .complexity =
            "O(N) with N the entries and pending records of a stream, or the length of a string.",
        .summary = "Copies a value to another key.",
        .arguments = kCopy,
        .key_flags = "RW access update",
    },
    {
        .name = "move",
        .arity = 3,
        .flags = kWrite | kFast,
        .keys = kFirst,
        .handler = CmdMove,
        .acl = "@keyspace @write @fast",
        .group = "generic",
        .since = "1.0.0",
        .complexity =
            "O(N) with N the entries and pending records of a stream, or the length of a string.",
        .summary = "Moves a key to another database.",
        .arguments = kMove,
        .key_flags = "RW access update",
    },
    {
        .name = "rename",
        .arity = 3,
        .flags = kWrite,
        .keys = kFirstTwo,
        .handler = CmdRename,
        .acl = "@keyspace @write @slow",
        .group = "generic",
        .since = "1.0.0",
        .complexity = "O(1)",
        .summary = "Gives a key another name.",
        .arguments = kRename,
        .key_flags = "RW access delete",
    },
    {
        .name = "renamenx",
        .arity = 3,
        .flags = kWrite | kFast,
        .keys = kFirstTwo,
        .handler = CmdRenameNx,
        .acl = "@keyspace @write @fast",
        .group = "generic",
        .since = "1.0.0",
        .complexity = "O(1)",
        .summary = "Gives a key another name that no key has.",
        .arguments = kRename,
        .key_flags = "RW access delete",
    },
    {
        .name = "swapdb",
        .arity = 3,
        .flags = kWrite | kFast,
        .handler = CmdSwapDb,
        .acl = "@keyspace @write @fast @dangerous",
        .group = "server",
        .since = "4.0.0",
        .complexity = "O(N) with N the clients that wait on keys of the two.",
        .summary = "Exchanges two databases.",
        .arguments = kSwap,
    },
    {
        .name = "object",
        .arity = -2,
        .flags = kContainer,
        .acl = "@slow",
        .group = "generic",
        .since = "2.2.3",
        .complexity = "Depends on subcommand.",
        .summary = "Holds the commands that tell about keys.",
    },
    {
        .name = "object|encoding",
        .arity = 3,
        .flags = kReadonly,
        .keys = kSecond,
        .handler = CmdObjectEncoding,
        .acl = "@keyspace @read @slow",
        .group = "generic",
        .since = "2.2.3",
        .complexity = "O(1)",
        .summary = "How a value is kept.",
        .arguments = kKey,
        .key_flags = "RO",
        .tips = "nondeterministic_output",
    },
    {
        .name = "object|freq",
        .arity = 3,
        .flags = kReadonly,
        .keys = kSecond,
        .handler = CmdObjectFreq,
        .acl = "@keyspace @read @slow",
        .group = "generic",
        .since = "4.0.0",
        .complexity = "O(1)",
        .summary = "How often a key is used.",
        .arguments = kKey,
        .key_flags = "RO",
        .tips = "nondeterministic_output",
    },
    {
        .name = "object|help",
        .arity = 2,
        .flags = kLoading | kStale,
        .handler = CmdObjectHelp,
        .acl = "@keyspace @slow",
        .group = "generic",
        .since = "6.2.0",
        .complexity = "O(1)",
        .summary = "Shows what OBJECT can do.",
    },
    {
        .name = "object|idletime",
        .arity = 3,
        .flags = kReadonly,
        .keys = kSecond,
        .handler = CmdObjectIdleTime,
        .acl = "@keyspace @read @slow",
        .group = "generic",
        .since = "2.2.3",
        .complexity = "O(1)",
        .summary = "Seconds since a key was last used.",
        .arguments = kKey,
        .key_flags = "RO",
        .tips = "nondeterministic_output",
    },
    {
        .name = "object|refcount",
        .arity = 3,
        .flags = kReadonly,
        .keys = kSecond,
        .handler = CmdObjectRefCount,
        .acl = "@keyspace @read @slow",
        .group = "generic",
        .since = "2.2.3",
        .complexity = "O(1)",
        .summary = "How many references there are to a value.",
        .arguments = kKey,
        .key_flags = "RO",
        .tips = "nondeterministic_output",
    },
    {
        .name = "touch",
        .arity = -2,
        .flags = kReadonly | kFast,
        .keys = kAllArguments,
        .handler = CmdTouch,
        .acl = "@keyspace @read @fast",
        .group = "generic",
        .since = "3.2.1",
        .complexity = "O(N) with N the keys.",
        .summary = "Uses keys; the number of them that exist.",
        .arguments = kKeys,
        .key_flags = "RO",
        .tips = "request_policy:multi_shard response_policy:agg_sum",
    },
};

}  // namespace

std::span<const CommandSpec> ObjectCommands() { return kRows; }

}  // namespace server
