// Rows of ACL.
#include "server/commands/acl.h"
#include "server/core/command_docs.h"
#include "server/core/command_table.h"

namespace server {
namespace {

using doc::Number;
using doc::Text;

constexpr uint32_t kAnyTime = kNoScript | kLoading | kStale;

constexpr ArgumentDoc kCategory[] = {Text("categoryname", kOptional)};
constexpr ArgumentDoc kUsers[] = {Text("username", kMultiple)};
constexpr ArgumentDoc kUser[] = {Text("username")};
constexpr ArgumentDoc kDryRun[] = {Text("username"), Text("command"),
                                   Text("arg", kOptional | kMultiple)};
constexpr ArgumentDoc kBits[] = {Number("bits", kOptional)};
constexpr ArgumentDoc kRules[] = {Text("username"), Text("rule", kOptional | kMultiple)};

constexpr CommandSpec kRows[] = {
    {
        .name = "acl",
        .arity = -2,
        .flags = kContainer,
        .acl = "@slow",
        .group = "server",
        .since = "6.0.0",
        .complexity = "Depends on subcommand.",
        .summary = "Holds the commands about users.",
    },
    {
        .name = "acl|cat",
        .arity = -2,
        .flags = kAnyTime,
        .handler = CmdAclCat,
        .acl = "@slow",
        .group = "server",
        .since = "6.0.0",
        .complexity = "O(N) with N the commands there are.",
        .summary = "The categories of commands, or the commands of one.",
        .arguments = kCategory,
    },
    {
        .name = "acl|deluser",
        .arity = -3,
        .flags = kAdmin | kAnyTime,
        .handler = CmdAclDelUser,
        .acl = "@admin @slow @dangerous",
        .group = "server",
        .since = "6.0.0",
        .complexity = "O(N) with N the names given.",
        .summary = "Deletes users; there is none but default, who stays.",
        .arguments = kUsers,
    },
    {
        .name = "acl|dryrun",
        .arity = -4,
        .flags = kAdmin | kAnyTime,
        .handler = CmdAclDryRun,
        .acl = "@admin @slow @dangerous",
        .group = "server",
        .since = "7.0.0",
        .complexity = "O(1)",
        .summary = "Whether a user may execute a command.",
        .arguments = kDryRun,
    },
    {
        .name = "acl|genpass",
        .arity = -2,
        .flags = kAnyTime,
        .handler = CmdAclGenPass,
        .acl = "@slow",
        .group = "server",
        .since = "6.0.0",
        .complexity = "O(1)",
        .summary = "A password that cannot be guessed.",
        .arguments = kBits,
    },
    {
        .name = "acl|getuser",
        .arity = 3,
        .flags = kAdmin | kAnyTime,
        .handler = CmdAclGetUser,
        .acl = "@admin @slow @dangerous",
        .group = "server",
        .since = "6.0.0",
        .complexity = "O(1)",
        .summary = "What a user may do.",
        .arguments = kUser,
    },
    {
        .name = "acl|help",
        .arity = 2,
        .flags = kLoading | kStale,
        .handler = CmdAclHelp,
        .acl = "@slow",
        .group = "server",
        .since = "6.0.0",
        .complexity = "O(1)",
        .summary = "Shows what ACL can do.",
    },
    {
        .name = "acl|list",
        .arity = 2,
        .flags = kAdmin | kAnyTime,
        .handler = CmdAclList,
        .acl = "@admin @slow @dangerous",
        .group = "server",
        .since = "6.0.0",
        .complexity = "O(1)",
        .summary = "The users, as a configuration file would have them.",
    },
    {
        .name = "acl|load",
        .arity = 2,
        .flags = kAdmin | kAnyTime,
        .handler = CmdAclNoFile,
        .acl = "@admin @slow @dangerous",
        .group = "server",
        .since = "6.0.0",
        .complexity = "O(1)",
        .summary = "Refused: there is no file of users.",
    },
    {
        .name = "acl|save",
        .arity = 2,
        .flags = kAdmin | kAnyTime,
        .handler = CmdAclNoFile,
        .acl = "@admin @slow @dangerous",
        .group = "server",
        .since = "6.0.0",
        .complexity = "O(1)",
        .summary = "Refused: there is no file of users.",
    },
    {
        .name = "acl|setuser",
        .arity = -3,
        .flags = kAdmin | kAnyTime,
        .handler = CmdAclSetUser,
        .acl = "@admin @slow @dangerous",
        .group = "server",
        .since = "6.0.0",
        .complexity = "O(1)",
        .summary = "Refused: there is one user, with all permissions.",
        .arguments = kRules,
    },
    {
        .name = "acl|users",
        .arity = 2,
        .flags = kAdmin | kAnyTime,
        .handler = CmdAclUsers,
        .acl = "@admin @slow @dangerous",
        .group = "server",
        .since = "6.0.0",
        .complexity = "O(1)",
        .summary = "The names of the users.",
    },
    {
        .name = "acl|whoami",
        .arity = 2,
        .flags = kAnyTime,
        .handler = CmdAclWhoAmI,
        .acl = "@slow",
        .group = "server",
        .since = "6.0.0",
        .complexity = "O(1)",
        .summary = "The user of this connection.",
    },
};

}  // namespace

std::span<const CommandSpec> AclCommands() { return kRows; }

}  // namespace server
