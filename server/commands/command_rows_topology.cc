// Rows of the commands about other servers, modules and files that this server does without.
#include "server/commands/admin.h"
#include "server/commands/replication.h"
#include "server/commands/server_extras.h"
#include "server/core/command_docs.h"
#include "server/core/command_table.h"

namespace server {
namespace {

using doc::Block;
using doc::Number;
using doc::OneOf;
using doc::Option;
using doc::Text;
using doc::Word;

constexpr uint32_t kBecomesReplica = kAdmin | kNoScript | kStale | kNoAsyncLoading;

constexpr ArgumentDoc kAnySubcommand[] = {Text("subcommand"), Text("arg", kOptional | kMultiple)};
constexpr ArgumentDoc kHostAndPort[] = {Text("host"), Number("port")};
constexpr ArgumentDoc kNoOne[] = {Word("no", "NO"), Word("one", "ONE")};
constexpr ArgumentDoc kMasterForms[] = {Block("host-port", kHostAndPort), Block("no-one", kNoOne)};
constexpr ArgumentDoc kMaster[] = {OneOf("args", kMasterForms)};
constexpr ArgumentDoc kWait[] = {Number("numreplicas"), Number("timeout")};
constexpr ArgumentDoc kLolwut[] = {Option("VERSION", "version", ArgumentType::kInteger)};

constexpr CommandSpec kRows[] = {
    {
        .name = "bgrewriteaof",
        .arity = 1,
        .flags = kAdmin | kNoScript | kNoAsyncLoading,
        .handler = CmdBgRewriteAof,
        .acl = "@admin @slow @dangerous",
        .group = "server",
        .since = "1.0.0",
        .complexity = "O(1); the checkpoint it starts takes time by what has changed.",
        .summary = "Starts a checkpoint, which shortens the journal.",
    },
    {
        .name = "cluster",
        .arity = -2,
        .flags = 0,
        .handler = CmdClusterRefused,
        .acl = "@slow",
        .group = "cluster",
        .since = "3.0.0",
        .complexity = "O(1)",
        .summary = "Refused: there is no cluster mode.",
        .arguments = kAnySubcommand,
    },
    {
        .name = "lolwut",
        .arity = -1,
        .flags = kReadonly | kFast,
        .handler = CmdLolwut,
        .acl = "@read @fast",
        .group = "server",
        .since = "5.0.0",
        .complexity = "O(1)",
        .summary = "Draws a picture and tells the version.",
        .arguments = kLolwut,
    },
    {
        .name = "module",
        .arity = -2,
        .flags = kContainer,
        .acl = "@slow",
        .group = "server",
        .since = "4.0.0",
        .complexity = "Depends on subcommand.",
        .summary = "Holds the commands about modules.",
    },
    {
        .name = "module|help",
        .arity = 2,
        .flags = kLoading | kStale,
        .handler = CmdModuleHelp,
        .acl = "@slow",
        .group = "server",
        .since = "5.0.0",
        .complexity = "O(1)",
        .summary = "Shows what MODULE can do.",
    },
    {
        .name = "module|list",
        .arity = 2,
        .flags = kAdmin | kNoScript,
        .handler = CmdModuleList,
        .acl = "@admin @slow @dangerous",
        .group = "server",
        .since = "4.0.0",
        .complexity = "O(1)",
        .summary = "The modules that are loaded: none.",
        .tips = "nondeterministic_output_order",
    },
    {
        .name = "readonly",
        .arity = 1,
        .flags = kLoading | kStale | kFast,
        .handler = CmdClusterRefused,
        .acl = "@fast @connection",
        .group = "cluster",
        .since = "3.0.0",
        .complexity = "O(1)",
        .summary = "Refused: there is no cluster mode.",
    },
    {
        .name = "readwrite",
        .arity = 1,
        .flags = kLoading | kStale | kFast,
        .handler = CmdClusterRefused,
        .acl = "@fast @connection",
        .group = "cluster",
        .since = "3.0.0",
        .complexity = "O(1)",
        .summary = "Refused: there is no cluster mode.",
    },
    {
        .name = "replicaof",
        .arity = 3,
        .flags = kBecomesReplica,
        .handler = CmdReplicaOf,
        .acl = "@admin @slow @dangerous",
        .group = "server",
        .since = "5.0.0",
        .complexity = "O(1)",
        .summary = "NO ONE: keeps this server what it is. Everything else is refused.",
        .arguments = kMaster,
    },
    {
        .name = "role",
        .arity = 1,
        .flags = kNoScript | kLoading | kStale | kFast,
        .handler = CmdRole,
        .acl = "@admin @fast @dangerous",
        .group = "server",
        .since = "2.8.12",
        .complexity = "O(1)",
        .summary = "The part this server plays in replication: master, without replicas.",
    },
    {
        .name = "slaveof",
        .arity = 3,
        .flags = kBecomesReplica,
        .handler = CmdReplicaOf,
        .acl = "@admin @slow @dangerous",
        .group = "server",
        .since = "1.0.0",
        .complexity = "O(1)",
        .summary = "As REPLICAOF.",
        .arguments = kMaster,
    },
    {
        .name = "wait",
        .arity = 3,
        .flags = kNoScript,
        .handler = CmdWait,
        .acl = "@slow @connection",
        .group = "generic",
        .since = "3.0.0",
        .complexity = "O(1)",
        .summary = "Waits for replicas to have everything; there are none.",
        .arguments = kWait,
        .tips = "request_policy:all_shards response_policy:agg_min",
    },
};

}  // namespace

std::span<const CommandSpec> TopologyCommands() { return kRows; }

}  // namespace server
