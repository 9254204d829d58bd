// Rows of the commands on strings.
#include "server/commands/strings.h"
#include "server/core/command_docs.h"
#include "server/core/command_table.h"

namespace server {
namespace {

using doc::Block;
using doc::Key;
using doc::Number;
using doc::OneOf;
using doc::Option;
using doc::Text;
using doc::Word;

constexpr KeyRange kFirst = {1, 1, 1};
constexpr KeyRange kAllArguments = {1, -1, 1};
constexpr KeyRange kPairKeys = {1, -1, 2};

constexpr ArgumentDoc kKey[] = {Key()};
constexpr ArgumentDoc kKeys[] = {Key(kMultiple)};
constexpr ArgumentDoc kKeyValue[] = {Key(), Text("value")};
constexpr ArgumentDoc kPairs[] = {Block("data", kKeyValue, kMultiple)};
constexpr ArgumentDoc kIncrement[] = {Key(), Number("increment")};
constexpr ArgumentDoc kDecrement[] = {Key(), Number("decrement")};
constexpr ArgumentDoc kSetEx[] = {Key(), Number("seconds"), Text("value")};
constexpr ArgumentDoc kPSetEx[] = {Key(), Number("milliseconds"), Text("value")};
constexpr ArgumentDoc kConditions[] = {Word("nx", "NX"), Word("xx", "XX")};
constexpr ArgumentDoc kSetTimes[] = {
    Option("EX", "seconds", ArgumentType::kInteger, kRequired),
    Option("PX", "milliseconds", ArgumentType::kInteger, kRequired),
    Option("EXAT", "unix-time-seconds", ArgumentType::kUnixTime, kRequired),
    Option("PXAT", "unix-time-milliseconds", ArgumentType::kUnixTime, kRequired),
    Word("keepttl", "KEEPTTL"),
};
constexpr ArgumentDoc kSet[] = {
    Key(),
    Text("value"),
    OneOf("condition", kConditions, kOptional),
    Word("get", "GET", kOptional),
    OneOf("expiration", kSetTimes, kOptional),
};
constexpr ArgumentDoc kGetTimes[] = {
    Option("EX", "seconds", ArgumentType::kInteger, kRequired),
    Option("PX", "milliseconds", ArgumentType::kInteger, kRequired),
    Option("EXAT", "unix-time-seconds", ArgumentType::kUnixTime, kRequired),
    Option("PXAT", "unix-time-milliseconds", ArgumentType::kUnixTime, kRequired),
    Word("persist", "PERSIST"),
};
constexpr ArgumentDoc kGetEx[] = {Key(), OneOf("expiration", kGetTimes, kOptional)};

constexpr CommandSpec kRows[] = {
    {
        .name = "append",
        .arity = 3,
        .flags = kWrite | kDenyOom | kFast,
        .keys = kFirst,
        .handler = CmdAppend,
        .acl = "@write @string @fast",
        .group = "string",
        .since = "2.0.0",
        .complexity = "O(N) with N the length of the new value.",
        .summary = "Appends to a string, making it if there is none; its length.",
        .arguments = kKeyValue,
        .key_flags = "RW insert",
    },
    {
        .name = "decr",
        .arity = 2,
        .flags = kWrite | kDenyOom | kFast,
        .keys = kFirst,
        .handler = CmdDecr,
        .acl = "@write @string @fast",
        .group = "string",
        .since = "1.0.0",
        .complexity = "O(1)",
        .summary = "Takes one from the number that a string is.",
        .arguments = kKey,
        .key_flags = "RW access update",
    },
    {
        .name = "decrby",
        .arity = 3,
        .flags = kWrite | kDenyOom | kFast,
        .keys = kFirst,
        .handler = CmdDecrBy,
        .acl = "@write @string @fast",
        .group = "string",
        .since = "1.0.0",
        .complexity = "O(1)",
        .summary = "Takes a number from the one that a string is.",
        .arguments = kDecrement,
        .key_flags = "RW access update",
    },
    {
        .name = "get",
        .arity = 2,
        .flags = kReadonly | kFast,
        .keys = kFirst,
        .handler = CmdGet,
        .acl = "@read @string @fast",
        .group = "string",
        .since = "1.0.0",
        .complexity = "O(1)",
        .summary = "The value of a string.",
        .arguments = kKey,
        .key_flags = "RO access",
    },
    {
        .name = "getdel",
        .arity = 2,
        .flags = kWrite | kFast,
        .keys = kFirst,
        .handler = CmdGetDel,
        .acl = "@write @string @fast",
        .group = "string",
        .since = "6.2.0",
        .complexity = "O(1)",
        .summary = "The value of a string, which is deleted.",
        .arguments = kKey,
        .key_flags = "RW access delete",
    },
    {
        .name = "getex",
        .arity = -2,
        .flags = kWrite | kFast,
        .keys = kFirst,
        .handler = CmdGetEx,
        .acl = "@write @string @fast",
        .group = "string",
        .since = "6.2.0",
        .complexity = "O(1)",
        .summary = "The value of a string, whose expiry is set.",
        .arguments = kGetEx,
        .key_flags = "RW access update",
    },
    {
        .name = "getset",
        .arity = 3,
        .flags = kWrite | kDenyOom | kFast,
        .keys = kFirst,
        .handler = CmdGetSet,
        .acl = "@write @string @fast",
        .group = "string",
        .since = "1.0.0",
        .complexity = "O(1)",
        .summary = "Sets a string; the value before.",
        .arguments = kKeyValue,
        .key_flags = "RW access update",
    },
    {
        .name = "incr",
        .arity = 2,
        .flags = kWrite | kDenyOom | kFast,
        .keys = kFirst,
        .handler = CmdIncr,
        .acl = "@write @string @fast",
        .group = "string",
        .since = "1.0.0",
        .complexity = "O(1)",
        .summary = "Adds one to the number that a string is.",
        .arguments = kKey,
        .key_flags = "RW access update",
    },
    {
        .name = "incrby",
        .arity = 3,
        .flags = kWrite | kDenyOom | kFast,
        .keys = kFirst,
        .handler = CmdIncrBy,
        .acl = "@write @string @fast",
        .group = "string",
        .since = "1.0.0",
        .complexity = "O(1)",
        .summary = "Adds a number to the one that a string is.",
        .arguments = kIncrement,
        .key_flags = "RW access update",
    },
    {
        .name = "mget",
        .arity = -2,
        .flags = kReadonly | kFast,
        .keys = kAllArguments,
        .handler = CmdMGet,
        .acl = "@read @string @fast",
        .group = "string",
        .since = "1.0.0",
        .complexity = "O(N) with N the keys.",
        .summary = "The values of several strings.",
        .arguments = kKeys,
        .key_flags = "RO access",
        .tips = "request_policy:multi_shard",
    },
    {
        .name = "mset",
        .arity = -3,
        .flags = kWrite | kDenyOom,
        .keys = kPairKeys,
        .handler = CmdMSet,
        .acl = "@write @string @slow",
        .group = "string",
        .since = "1.0.1",
        .complexity = "O(N) with N the keys.",
        .summary = "Sets several strings at once.",
        .arguments = kPairs,
        .key_flags = "OW update",
        .tips = "request_policy:multi_shard response_policy:all_succeeded",
    },
    {
        .name = "msetnx",
        .arity = -3,
        .flags = kWrite | kDenyOom,
        .keys = kPairKeys,
        .handler = CmdMSetNx,
        .acl = "@write @string @slow",
        .group = "string",
        .since = "1.0.1",
        .complexity = "O(N) with N the keys.",
        .summary = "Sets several strings at once if none of the keys exists.",
        .arguments = kPairs,
        .key_flags = "OW insert",
        .tips = "request_policy:multi_shard response_policy:agg_min",
    },
    {
        .name = "psetex",
        .arity = 4,
        .flags = kWrite | kDenyOom,
        .keys = kFirst,
        .handler = CmdSetEx,
        .acl = "@write @string @slow",
        .group = "string",
        .since = "2.6.0",
        .complexity = "O(1)",
        .summary = "Sets a string that goes after some milliseconds.",
        .arguments = kPSetEx,
        .key_flags = "OW update",
    },
    {
        .name = "set",
        .arity = -3,
        .flags = kWrite | kDenyOom,
        .keys = kFirst,
        .handler = CmdSet,
        .acl = "@write @string @slow",
        .group = "string",
        .since = "1.0.0",
        .complexity = "O(1)",
        .summary = "Makes a key a string, whatever it was.",
        .arguments = kSet,
        .key_flags = "RW access update variable_flags",
    },
    {
        .name = "setex",
        .arity = 4,
        .flags = kWrite | kDenyOom,
        .keys = kFirst,
        .handler = CmdSetEx,
        .acl = "@write @string @slow",
        .group = "string",
        .since = "2.0.0",
        .complexity = "O(1)",
        .summary = "Sets a string that goes after some seconds.",
        .arguments = kSetEx,
        .key_flags = "OW update",
    },
    {
        .name = "setnx",
        .arity = 3,
        .flags = kWrite | kDenyOom | kFast,
        .keys = kFirst,
        .handler = CmdSetNx,
        .acl = "@write @string @fast",
        .group = "string",
        .since = "1.0.0",
        .complexity = "O(1)",
        .summary = "Sets a string if the key does not exist.",
        .arguments = kKeyValue,
        .key_flags = "OW insert",
    },
    {
        .name = "strlen",
        .arity = 2,
        .flags = kReadonly | kFast,
        .keys = kFirst,
        .handler = CmdStrLen,
        .acl = "@read @string @fast",
        .group = "string",
        .since = "2.2.0",
        .complexity = "O(1)",
        .summary = "The length of a string.",
        .arguments = kKey,
        .key_flags = "RO",
    },
};

}  // namespace

std::span<const CommandSpec> StringCommands() { return kRows; }

}  // namespace server
