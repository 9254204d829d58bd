// Rows of the commands that look at what the server does: SLOWLOG, LATENCY, MONITOR, MEMORY, DEBUG.
#include "server/commands/debug.h"
#include "server/commands/latency.h"
#include "server/commands/memory.h"
#include "server/commands/monitor.h"
#include "server/commands/object.h"
#include "server/commands/slowlog.h"
#include "server/core/command_docs.h"
#include "server/core/command_table.h"

namespace server {
namespace {

using doc::Key;
using doc::Number;
using doc::Option;
using doc::Text;

constexpr uint32_t kAnyTime = kAdmin | kNoScript | kLoading | kStale;
constexpr std::string_view kEveryNode =
    "nondeterministic_output request_policy:all_nodes response_policy:special";
constexpr std::string_view kEveryNodeDone =
    "request_policy:all_nodes response_policy:all_succeeded";
constexpr std::string_view kEveryShard =
    "nondeterministic_output request_policy:all_shards response_policy:special";

constexpr ArgumentDoc kCount[] = {Number("count", kOptional)};
constexpr ArgumentDoc kEvent[] = {Text("event")};
constexpr ArgumentDoc kEvents[] = {Text("event", kOptional | kMultiple)};
constexpr ArgumentDoc kCommands[] = {Text("command", kOptional | kMultiple)};

constexpr ArgumentDoc kMemoryUsage[] = {
    Key(),
    Option("SAMPLES", "count", ArgumentType::kInteger),
};

constexpr CommandSpec kRows[] = {
    {
        .name = "debug",
        .arity = -2,
        .flags = kAnyTime,
        .handler = CmdDebug,
        .acl = "@admin @slow @dangerous",
        .group = "server",
        .since = "1.0.0",
        .complexity = "Depends on subcommand.",
        .summary = "Helps to test clients; see DEBUG HELP.",
    },
    {
        .name = "latency",
        .arity = -2,
        .flags = kContainer,
        .acl = "@slow",
        .group = "server",
        .since = "2.8.13",
        .complexity = "Depends on subcommand.",
        .summary = "Holds the commands about how long commands take.",
    },
    {
        .name = "latency|doctor",
        .arity = 2,
        .flags = kAnyTime,
        .handler = CmdLatencyDoctor,
        .acl = "@admin @slow @dangerous",
        .group = "server",
        .since = "2.8.13",
        .complexity = "O(1)",
        .summary = "What the latency monitor has noted, in words.",
        .tips = kEveryNode,
    },
    {
        .name = "latency|graph",
        .arity = 3,
        .flags = kAnyTime,
        .handler = CmdLatencyGraph,
        .acl = "@admin @slow @dangerous",
        .group = "server",
        .since = "2.8.13",
        .complexity = "O(1)",
        .summary = "The samples of an event as a picture of characters.",
        .arguments = kEvent,
        .tips = kEveryNode,
    },
    {
        .name = "latency|help",
        .arity = 2,
        .flags = kLoading | kStale,
        .handler = CmdLatencyHelp,
        .acl = "@slow",
        .group = "server",
        .since = "2.8.13",
        .complexity = "O(1)",
        .summary = "Shows what LATENCY can do.",
    },
    {
        .name = "latency|histogram",
        .arity = -2,
        .flags = kAnyTime,
        .handler = CmdLatencyHistogram,
        .acl = "@admin @slow @dangerous",
        .group = "server",
        .since = "7.0.0",
        .complexity = "O(N) with N the commands shown.",
        .summary = "How many runs of commands took at most 1, 2, 4, ... microseconds.",
        .arguments = kCommands,
        .tips = kEveryNode,
    },
    {
        .name = "latency|history",
        .arity = 3,
        .flags = kAnyTime,
        .handler = CmdLatencyHistory,
        .acl = "@admin @slow @dangerous",
        .group = "server",
        .since = "2.8.13",
        .complexity = "O(1)",
        .summary = "The samples of an event.",
        .arguments = kEvent,
        .tips = kEveryNode,
    },
    {
        .name = "latency|latest",
        .arity = 2,
        .flags = kAnyTime,
        .handler = CmdLatencyLatest,
        .acl = "@admin @slow @dangerous",
        .group = "server",
        .since = "2.8.13",
        .complexity = "O(1)",
        .summary = "Each event with its newest and its worst sample.",
        .tips = kEveryNode,
    },
    {
        .name = "latency|reset",
        .arity = -2,
        .flags = kAnyTime,
        .handler = CmdLatencyReset,
        .acl = "@admin @slow @dangerous",
        .group = "server",
        .since = "2.8.13",
        .complexity = "O(1)",
        .summary = "Forgets the samples of some events, or of all.",
        .arguments = kEvents,
        .tips = kEveryNodeDone,
    },
    {
        .name = "memory",
        .arity = -2,
        .flags = kContainer,
        .acl = "@slow",
        .group = "server",
        .since = "4.0.0",
        .complexity = "Depends on subcommand.",
        .summary = "Holds the commands about memory.",
    },
    {
        .name = "memory|doctor",
        .arity = 2,
        .flags = 0,
        .handler = CmdMemoryDoctor,
        .acl = "@slow",
        .group = "server",
        .since = "4.0.0",
        .complexity = "O(N) with N the connections.",
        .summary = "Looks for trouble with memory.",
        .tips = kEveryShard,
    },
    {
        .name = "memory|help",
        .arity = 2,
        .flags = kLoading | kStale,
        .handler = CmdMemoryHelp,
        .acl = "@slow",
        .group = "server",
        .since = "4.0.0",
        .complexity = "O(1)",
        .summary = "Shows what MEMORY can do.",
    },
    {
        .name = "memory|malloc-stats",
        .arity = 2,
        .flags = 0,
        .handler = CmdMemoryMallocStats,
        .acl = "@slow",
        .group = "server",
        .since = "4.0.0",
        .complexity = "O(1)",
        .summary = "The numbers of the memory allocator.",
        .tips = kEveryShard,
    },
    {
        .name = "memory|purge",
        .arity = 2,
        .flags = 0,
        .handler = CmdMemoryPurge,
        .acl = "@slow",
        .group = "server",
        .since = "4.0.0",
        .complexity = "O(N) with N the memory held in reserve.",
        .summary = "Gives memory held in reserve back to the system.",
        .tips = "request_policy:all_shards response_policy:all_succeeded",
    },
    {
        .name = "memory|stats",
        .arity = 2,
        .flags = 0,
        .handler = CmdMemoryStats,
        .acl = "@slow",
        .group = "server",
        .since = "4.0.0",
        .complexity = "O(N) with N the connections.",
        .summary = "What memory is used for.",
        .tips = kEveryShard,
    },
    {
        .name = "memory|usage",
        .arity = -3,
        .flags = kReadonly,
        .keys = {2, 2, 1},
        .handler = CmdMemoryUsage,
        .acl = "@read @slow",
        .group = "server",
        .since = "4.0.0",
        .complexity = "O(N) with N the groups of a stream.",
        .summary = "Estimates the memory that a key takes.",
        .arguments = kMemoryUsage,
        .key_flags = "RO",
    },
    {
        .name = "monitor",
        .arity = 1,
        .flags = kAnyTime,
        .handler = CmdMonitor,
        .acl = "@admin @slow @dangerous",
        .group = "server",
        .since = "1.0.0",
        .complexity = "O(N) for each command, with N the clients that monitor.",
        .summary = "Shows this connection all commands as they are executed.",
    },
    {
        .name = "slowlog",
        .arity = -2,
        .flags = kContainer,
        .acl = "@slow",
        .group = "server",
        .since = "2.2.12",
        .complexity = "Depends on subcommand.",
        .summary = "Holds the commands about slow commands.",
    },
    {
        .name = "slowlog|get",
        .arity = -2,
        .flags = kAdmin | kLoading | kStale,
        .handler = CmdSlowLogGet,
        .acl = "@admin @slow @dangerous",
        .group = "server",
        .since = "2.2.12",
        .complexity = "O(N) with N the entries returned.",
        .summary = "The newest slow commands.",
        .arguments = kCount,
        .tips = "request_policy:all_nodes nondeterministic_output",
    },
    {
        .name = "slowlog|help",
        .arity = 2,
        .flags = kLoading | kStale,
        .handler = CmdSlowLogHelp,
        .acl = "@slow",
        .group = "server",
        .since = "6.2.0",
        .complexity = "O(1)",
        .summary = "Shows what SLOWLOG can do.",
    },
    {
        .name = "slowlog|len",
        .arity = 2,
        .flags = kAdmin | kLoading | kStale,
        .handler = CmdSlowLogLen,
        .acl = "@admin @slow @dangerous",
        .group = "server",
        .since = "2.2.12",
        .complexity = "O(1)",
        .summary = "The number of slow commands kept.",
        .tips = "request_policy:all_nodes response_policy:agg_sum nondeterministic_output",
    },
    {
        .name = "slowlog|reset",
        .arity = 2,
        .flags = kAdmin | kLoading | kStale,
        .handler = CmdSlowLogReset,
        .acl = "@admin @slow @dangerous",
        .group = "server",
        .since = "2.2.12",
        .complexity = "O(N) with N the entries kept.",
        .summary = "Forgets all slow commands.",
        .tips = kEveryNodeDone,
    },
};

}  // namespace

std::span<const CommandSpec> DiagnosisCommands() { return kRows; }

}  // namespace server
