// Rows of the commands on the time at which keys go.
#include "server/commands/expire.h"
#include "server/core/command_docs.h"
#include "server/core/command_table.h"

namespace server {
namespace {

using doc::Key;
using doc::Number;
using doc::OneOf;
using doc::Word;

constexpr KeyRange kFirst = {1, 1, 1};

constexpr ArgumentDoc UnixTime(std::string_view name) {
  return {name, ArgumentType::kUnixTime, {}, kRequired, {}};
}

constexpr ArgumentDoc kConditions[] = {Word("nx", "NX"), Word("xx", "XX"), Word("gt", "GT"),
                                       Word("lt", "LT")};
constexpr ArgumentDoc kCondition = OneOf("condition", kConditions, kOptional);
constexpr ArgumentDoc kKey[] = {Key()};
constexpr ArgumentDoc kExpire[] = {Key(), Number("seconds"), kCondition};
constexpr ArgumentDoc kPExpire[] = {Key(), Number("milliseconds"), kCondition};
constexpr ArgumentDoc kExpireAt[] = {Key(), UnixTime("unix-time-seconds"), kCondition};
constexpr ArgumentDoc kPExpireAt[] = {Key(), UnixTime("unix-time-milliseconds"), kCondition};

constexpr CommandSpec kRows[] = {
    {
        .name = "expire",
        .arity = -3,
        .flags = kWrite | kFast,
        .keys = kFirst,
        .handler = CmdExpire,
        .acl = "@keyspace @write @fast",
        .group = "generic",
        .since = "1.0.0",
        .complexity = "O(1)",
        .summary = "Has a key go after some seconds.",
        .arguments = kExpire,
        .key_flags = "RW update",
    },
    {
        .name = "expireat",
        .arity = -3,
        .flags = kWrite | kFast,
        .keys = kFirst,
        .handler = CmdExpire,
        .acl = "@keyspace @write @fast",
        .group = "generic",
        .since = "1.2.0",
        .complexity = "O(1)",
        .summary = "Has a key go at a time, in seconds of Unix time.",
        .arguments = kExpireAt,
        .key_flags = "RW update",
    },
    {
        .name = "expiretime",
        .arity = 2,
        .flags = kReadonly | kFast,
        .keys = kFirst,
        .handler = CmdTtl,
        .acl = "@keyspace @read @fast",
        .group = "generic",
        .since = "7.0.0",
        .complexity = "O(1)",
        .summary = "When a key goes, in seconds of Unix time.",
        .arguments = kKey,
        .key_flags = "RO access",
    },
    {
        .name = "persist",
        .arity = 2,
        .flags = kWrite | kFast,
        .keys = kFirst,
        .handler = CmdPersist,
        .acl = "@keyspace @write @fast",
        .group = "generic",
        .since = "2.2.0",
        .complexity = "O(1)",
        .summary = "Has a key stay.",
        .arguments = kKey,
        .key_flags = "RW update",
    },
    {
        .name = "pexpire",
        .arity = -3,
        .flags = kWrite | kFast,
        .keys = kFirst,
        .handler = CmdExpire,
        .acl = "@keyspace @write @fast",
        .group = "generic",
        .since = "2.6.0",
        .complexity = "O(1)",
        .summary = "Has a key go after some milliseconds.",
        .arguments = kPExpire,
        .key_flags = "RW update",
    },
    {
        .name = "pexpireat",
        .arity = -3,
        .flags = kWrite | kFast,
        .keys = kFirst,
        .handler = CmdExpire,
        .acl = "@keyspace @write @fast",
        .group = "generic",
        .since = "2.6.0",
        .complexity = "O(1)",
        .summary = "Has a key go at a time, in milliseconds of Unix time.",
        .arguments = kPExpireAt,
        .key_flags = "RW update",
    },
    {
        .name = "pexpiretime",
        .arity = 2,
        .flags = kReadonly | kFast,
        .keys = kFirst,
        .handler = CmdTtl,
        .acl = "@keyspace @read @fast",
        .group = "generic",
        .since = "7.0.0",
        .complexity = "O(1)",
        .summary = "When a key goes, in milliseconds of Unix time.",
        .arguments = kKey,
        .key_flags = "RO access",
    },
    {
        .name = "pttl",
        .arity = 2,
        .flags = kReadonly | kFast,
        .keys = kFirst,
        .handler = CmdTtl,
        .acl = "@keyspace @read @fast",
        .group = "generic",
        .since = "2.6.0",
        .complexity = "O(1)",
        .summary = "In how many milliseconds a key goes.",
        .arguments = kKey,
        .key_flags = "RO access",
        .tips = "nondeterministic_output",
    },
    {
        .name = "ttl",
        .arity = 2,
        .flags = kReadonly | kFast,
        .keys = kFirst,
        .handler = CmdTtl,
        .acl = "@keyspace @read @fast",
        .group = "generic",
        .since = "1.0.0",
        .complexity = "O(1)",
        .summary = "In how many seconds a key goes.",
        .arguments = kKey,
        .key_flags = "RO access",
        .tips = "nondeterministic_output",
    },
};

}  // namespace

std::span<const CommandSpec> ExpiryCommands() { return kRows; }

}  // namespace server
