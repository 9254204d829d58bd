// Rows of the commands that work on keys of any type and on whole databases.
#include "server/commands/keys.h"
#include "server/core/command_docs.h"
#include "server/core/command_table.h"

namespace server {
namespace {

using doc::Glob;
using doc::Key;
using doc::Number;
using doc::OneOf;
using doc::Option;
using doc::Word;

constexpr KeyRange kFirst = {1, 1, 1};
constexpr KeyRange kAllArguments = {1, -1, 1};
constexpr std::string_view kSumOverShards = "request_policy:multi_shard response_policy:agg_sum";
constexpr std::string_view kAllShards = "request_policy:all_shards response_policy:all_succeeded";

constexpr ArgumentDoc kKeys[] = {Key(kMultiple)};
constexpr ArgumentDoc kKey[] = {Key()};
constexpr ArgumentDoc kPattern[] = {Glob("pattern")};
constexpr ArgumentDoc kScan[] = {
    Number("cursor"),
    Option("MATCH", "pattern", ArgumentType::kPattern),
    Option("COUNT", "count", ArgumentType::kInteger),
    Option("TYPE", "type", ArgumentType::kString),
};
constexpr ArgumentDoc kFlushModes[] = {Word("async", "ASYNC"), Word("sync", "SYNC")};
constexpr ArgumentDoc kFlush[] = {OneOf("flush-type", kFlushModes, kOptional)};

constexpr CommandSpec kRows[] = {
    {
        .name = "dbsize",
        .arity = 1,
        .flags = kReadonly | kFast,
        .handler = CmdDbSize,
        .acl = "@keyspace @read @fast",
        .group = "server",
        .since = "1.0.0",
        .complexity = "O(1)",
        .summary = "The number of keys in the database.",
        .tips = "request_policy:all_shards response_policy:agg_sum",
    },
    {
        .name = "del",
        .arity = -2,
        .flags = kWrite,
        .keys = kAllArguments,
        .handler = CmdDel,
        .acl = "@keyspace @write @slow",
        .group = "generic",
        .since = "1.0.0",
        .complexity = "O(1) for each key; what it held is freed afterwards.",
        .summary = "Deletes keys; the number of them that existed.",
        .arguments = kKeys,
        .key_flags = "RM delete",
        .tips = kSumOverShards,
    },
    {
        .name = "exists",
        .arity = -2,
        .flags = kReadonly | kFast,
        .keys = kAllArguments,
        .handler = CmdExists,
        .acl = "@keyspace @read @fast",
        .group = "generic",
        .since = "1.0.0",
        .complexity = "O(1) for each key.",
        .summary = "Counts those of the given keys that exist.",
        .arguments = kKeys,
        .key_flags = "RO",
        .tips = kSumOverShards,
    },
    {
        .name = "flushall",
        .arity = -1,
        .flags = kWrite,
        .handler = CmdFlushAll,
        .acl = "@keyspace @write @slow @dangerous",
        .group = "server",
        .since = "1.0.0",
        .complexity = "O(1) for each database; what the keys held is freed afterwards.",
        .summary = "Deletes all keys of all databases.",
        .arguments = kFlush,
        .tips = kAllShards,
    },
    {
        .name = "flushdb",
        .arity = -1,
        .flags = kWrite,
        .handler = CmdFlushDb,
        .acl = "@keyspace @write @slow @dangerous",
        .group = "server",
        .since = "1.0.0",
        .complexity = "O(1); what the keys held is freed afterwards.",
        .summary = "Deletes all keys of the database.",
        .arguments = kFlush,
        .tips = kAllShards,
    },
    {
        .name = "keys",
        .arity = 2,
        .flags = kReadonly,
        .handler = CmdKeys,
        .acl = "@keyspace @read @slow @dangerous",
        .group = "generic",
        .since = "1.0.0",
        .complexity = "O(N) with N the keys of the database.",
        .summary = "All keys that match a pattern.",
        .arguments = kPattern,
        .tips = "request_policy:all_shards nondeterministic_output_order",
    },
    {
        .name = "randomkey",
        .arity = 1,
        .flags = kReadonly,
        .handler = CmdRandomKey,
        .acl = "@keyspace @read @slow",
        .group = "generic",
        .since = "1.0.0",
        .complexity = "O(1)",
        .summary = "Any key of the database.",
        .tips = "request_policy:all_shards nondeterministic_output",
    },
    {
        .name = "scan",
        .arity = -2,
        .flags = kReadonly,
        .handler = CmdScan,
        .acl = "@keyspace @read @slow",
        .group = "generic",
        .since = "2.8.0",
        .complexity = "O(COUNT) for each call, O(N) for a whole pass over N keys.",
        .summary = "Walks over the keys of the database in small steps.",
        .arguments = kScan,
        .tips = "nondeterministic_output request_policy:special",
    },
    {
        .name = "type",
        .arity = 2,
        .flags = kReadonly | kFast,
        .keys = kFirst,
        .handler = CmdType,
        .acl = "@keyspace @read @fast",
        .group = "generic",
        .since = "1.0.0",
        .complexity = "O(1)",
        .summary = "The kind of value a key holds.",
        .arguments = kKey,
        .key_flags = "RO",
    },
    {
        .name = "unlink",
        .arity = -2,
        .flags = kWrite | kFast,
        .keys = kAllArguments,
        .handler = CmdDel,
        .acl = "@keyspace @write @fast",
        .group = "generic",
        .since = "4.0.0",
        .complexity = "O(1) for each key; what it held is freed afterwards.",
        .summary = "Deletes keys, as DEL does.",
        .arguments = kKeys,
        .key_flags = "RM delete",
        .tips = kSumOverShards,
    },
};

}  // namespace

std::span<const CommandSpec> KeyCommands() { return kRows; }

}  // namespace server
