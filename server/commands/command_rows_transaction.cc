// Rows of the commands about transactions.
#include "server/commands/transaction.h"
#include "server/core/command_docs.h"
#include "server/core/command_table.h"

namespace server {
namespace {

constexpr uint32_t kState = kNoScript | kLoading | kStale | kFast | kAllowBusy;

constexpr ArgumentDoc kKeys[] = {doc::Key(kMultiple)};

constexpr CommandSpec kRows[] = {
    {
        .name = "discard",
        .arity = 1,
        .flags = kState | kNotQueued,
        .handler = CmdDiscard,
        .acl = "@fast @transaction",
        .group = "transactions",
        .since = "2.0.0",
        .complexity = "O(N) with N the commands queued.",
        .summary = "Drops the commands queued since MULTI.",
    },
    {
        .name = "exec",
        .arity = 1,
        .flags = kNoScript | kLoading | kStale | kSkipSlowlog | kNotQueued,
        .handler = CmdExec,
        .acl = "@slow @transaction",
        .group = "transactions",
        .since = "1.2.0",
        .complexity = "That of the commands queued.",
        .summary = "Runs the commands queued since MULTI, with nothing in between.",
    },
    {
        .name = "multi",
        .arity = 1,
        .flags = kState | kNotQueued,
        .handler = CmdMulti,
        .acl = "@fast @transaction",
        .group = "transactions",
        .since = "1.2.0",
        .complexity = "O(1)",
        .summary = "Begins a transaction: the commands that follow are queued.",
    },
    {
        .name = "unwatch",
        .arity = 1,
        .flags = kState,
        .handler = CmdUnwatch,
        .acl = "@fast @transaction",
        .group = "transactions",
        .since = "2.2.0",
        .complexity = "O(N) with N the keys watched.",
        .summary = "Watches no key any more.",
    },
    {
        .name = "watch",
        .arity = -2,
        .flags = kState | kNotQueued,
        .keys = {1, -1, 1},
        .handler = CmdWatch,
        .acl = "@fast @transaction",
        .group = "transactions",
        .since = "2.2.0",
        .complexity = "O(1) for each key.",
        .summary = "Makes the next EXEC fail if one of these keys changes before it.",
        .arguments = kKeys,
        .key_flags = "RO",
    },
};

}  // namespace

std::span<const CommandSpec> TransactionCommands() { return kRows; }

}  // namespace server
