// Rows of the commands that work on consumer groups.
#include "server/commands/group.h"
#include "server/commands/pending.h"
#include "server/commands/policy.h"
#include "server/commands/policy_docs.h"
#include "server/commands/read.h"
#include "server/commands/removal.h"
#include "server/core/command_docs.h"
#include "server/core/command_keys.h"
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
constexpr KeyRange kSecond = {2, 2, 1};

constexpr ArgumentDoc kCount = Option("COUNT", "count", ArgumentType::kInteger);
constexpr ArgumentDoc kJustId = Word("justid", "JUSTID", kOptional);
constexpr ArgumentDoc kEntriesRead = Option("ENTRIESREAD", "entries-read", ArgumentType::kInteger);
constexpr ArgumentDoc kGroupAndConsumer[] = {Text("group"), Text("consumer")};
constexpr ArgumentDoc kStreams[] = {Key(kMultiple), Text("id", kMultiple)};
constexpr ArgumentDoc kXReadGroup[] = {
    Block("group-block", kGroupAndConsumer, kRequired, "GROUP"),
    kCount,
    Option("MAXCOUNT", "maxcount", ArgumentType::kInteger),
    Option("MAXSIZE", "maxsize", ArgumentType::kInteger),
    Option("BLOCK", "milliseconds", ArgumentType::kInteger),
    Option("CLAIM", "min-idle-time", ArgumentType::kInteger),
    Word("noack", "NOACK", kOptional),
    Block("streams", kStreams, kRequired, "STREAMS"),
};
constexpr ArgumentDoc kXAck[] = {Key(), Text("group"), Text("id", kMultiple)};
constexpr ArgumentDoc kReferenceWords[] = {Word("keepref", "KEEPREF"), Word("delref", "DELREF"),
                                           Word("acked", "ACKED")};
constexpr ArgumentDoc kIds[] = {Number("numids"), Text("id", kMultiple)};
constexpr ArgumentDoc kXAckDel[] = {
    Key(),
    Text("group"),
    OneOf("condition", kReferenceWords, kOptional),
    Block("ids", kIds, kRequired, "IDS"),
};
constexpr ArgumentDoc kNackModes[] = {Word("silent", "SILENT"), Word("fail", "FAIL"),
                                      Word("fatal", "FATAL")};
constexpr ArgumentDoc kXNack[] = {
    Key(),
    Text("group"),
    OneOf("mode", kNackModes),
    Block("ids", kIds, kRequired, "IDS"),
    Option("RETRYCOUNT", "count", ArgumentType::kInteger),
    Word("force", "FORCE", kOptional),
    Option("DELAY", "ms", ArgumentType::kInteger),
    Option("REASON", "text", ArgumentType::kString),
};
constexpr ArgumentDoc kPendingFilters[] = {
    Option("IDLE", "min-idle-time", ArgumentType::kInteger),
    Text("start"),
    Text("end"),
    Number("count"),
    Text("consumer", kOptional),
};
constexpr ArgumentDoc kXPending[] = {Key(), Text("group"),
                                     Block("filters", kPendingFilters, kOptional)};
constexpr ArgumentDoc kXClaim[] = {
    Key(),
    Text("group"),
    Text("consumer"),
    Text("min-idle-time"),
    Text("id", kMultiple),
    Option("IDLE", "ms", ArgumentType::kInteger),
    Option("TIME", "unix-time-milliseconds", ArgumentType::kUnixTime),
    Option("RETRYCOUNT", "count", ArgumentType::kInteger),
    Word("force", "FORCE", kOptional),
    kJustId,
    Option("LASTID", "lastid", ArgumentType::kString),
};
constexpr ArgumentDoc kXAutoClaim[] = {
    Key(), Text("group"), Text("consumer"), Text("min-idle-time"), Text("start"), kCount, kJustId,
};
constexpr ArgumentDoc kGroupId[] = {Text("id"), Word("new-id", "$")};
constexpr ArgumentDoc kXGroupCreate[] = {
    Key(),
    Text("group"),
    OneOf("id-selector", kGroupId),
    Word("mkstream", "MKSTREAM", kOptional),
    kEntriesRead,
    Block("policy", policy_docs::kGroupOptions, kOptional, "POLICY"),
};
constexpr ArgumentDoc kXGroupSetId[] = {Key(), Text("group"), OneOf("id-selector", kGroupId),
                                        kEntriesRead};
constexpr ArgumentDoc kXGroupDestroy[] = {Key(), Text("group")};
constexpr ArgumentDoc kXGroupConsumer[] = {Key(), Text("group"), Text("consumer")};

constexpr CommandSpec kRows[] = {
    {
        .name = "xack",
        .arity = -4,
        .flags = kWrite | kFast,
        .keys = kFirst,
        .handler = CmdXAck,
        .acl = "@write @stream @fast",
        .group = "stream",
        .since = "5.0.0",
        .complexity = "O(1) for each ID.",
        .summary = "Acknowledges entries: they are no longer pending in the group.",
        .arguments = kXAck,
        .key_flags = "RW update",
    },
    {
        .name = "xackdel",
        .arity = -6,
        .flags = kWrite | kFast,
        .keys = kFirst,
        .handler = CmdXAckDel,
        .acl = "@write @stream @fast",
        .group = "stream",
        .since = "8.2.0",
        .complexity = "O(1) for each ID; with DELREF and ACKED O(G), G being the groups.",
        .summary =
            "Acknowledges entries and removes them with regard to the groups that hold them.",
        .arguments = kXAckDel,
        .key_flags = "RW delete",
    },
    {
        .name = "xautoclaim",
        .arity = -6,
        .flags = kWrite | kFast,
        .keys = kFirst,
        .handler = CmdXAutoClaim,
        .acl = "@write @stream @fast",
        .group = "stream",
        .since = "6.2.0",
        .complexity =
            "O(1) with a fixed COUNT; pages of entries that are not idle are passed over.",
        .summary = "Takes over entries that have been pending for long, in pages.",
        .arguments = kXAutoClaim,
        .key_flags = "RW delete",
        .tips = "nondeterministic_output",
    },
    {
        .name = "xclaim",
        .arity = -6,
        .flags = kWrite | kFast,
        .keys = kFirst,
        .handler = CmdXClaim,
        .acl = "@write @stream @fast",
        .group = "stream",
        .since = "5.0.0",
        .complexity = "O(log N) for each ID, N being the pending entries of the group.",
        .summary = "Takes over pending entries, as if they were delivered to this consumer.",
        .arguments = kXClaim,
        .key_flags = "RW update",
        .tips = "nondeterministic_output",
    },
    {
        .name = "xgroup",
        .arity = -2,
        .flags = kContainer,
        .acl = "@slow",
        .group = "stream",
        .since = "5.0.0",
        .complexity = "Depends on subcommand.",
        .summary = "Holds the commands that manage consumer groups.",
    },
    {
        .name = "xgroup|create",
        .arity = -5,
        .flags = kWrite | kDenyOom,
        .keys = kSecond,
        .handler = CmdXGroupCreate,
        .acl = "@write @stream @slow",
        .group = "stream",
        .since = "5.0.0",
        .complexity = "O(1)",
        .summary = "Creates a consumer group.",
        .arguments = kXGroupCreate,
        .find_keys = FindXGroupCreateKeys,
        .key_flags = "RW insert",
    },
    {
        .name = "xgroup|createconsumer",
        .arity = 5,
        .flags = kWrite | kDenyOom,
        .keys = kSecond,
        .handler = CmdXGroupCreateConsumer,
        .acl = "@write @stream @slow",
        .group = "stream",
        .since = "6.2.0",
        .complexity = "O(1)",
        .summary = "Creates a consumer in a group.",
        .arguments = kXGroupConsumer,
        .key_flags = "RW insert",
    },
    {
        .name = "xgroup|delconsumer",
        .arity = 5,
        .flags = kWrite,
        .keys = kSecond,
        .handler = CmdXGroupDelConsumer,
        .acl = "@write @stream @slow",
        .group = "stream",
        .since = "5.0.0",
        .complexity = "O(1); its pending entries are freed afterwards.",
        .summary = "Removes a consumer and what is pending for it.",
        .arguments = kXGroupConsumer,
        .key_flags = "RW delete",
    },
    {
        .name = "xgroup|destroy",
        .arity = 4,
        .flags = kWrite,
        .keys = kSecond,
        .handler = CmdXGroupDestroy,
        .acl = "@write @stream @slow",
        .group = "stream",
        .since = "5.0.0",
        .complexity = "O(1); its pending entries are freed afterwards.",
        .summary = "Removes a consumer group.",
        .arguments = kXGroupDestroy,
        .key_flags = "RW delete",
    },
    {
        .name = "xgroup|help",
        .arity = 2,
        .flags = kLoading | kStale,
        .handler = CmdXGroupHelp,
        .acl = "@stream @slow",
        .group = "stream",
        .since = "5.0.0",
        .complexity = "O(1)",
        .summary = "Shows what XGROUP can do.",
    },
    {
        .name = "xgroup|setid",
        .arity = -5,
        .flags = kWrite,
        .keys = kSecond,
        .handler = CmdXGroupSetId,
        .acl = "@write @stream @slow",
        .group = "stream",
        .since = "5.0.0",
        .complexity = "O(1)",
        .summary = "Moves the last delivered ID of a group.",
        .arguments = kXGroupSetId,
        .key_flags = "RW update",
    },
    {
        .name = "xnack",
        .arity = -7,
        .flags = kWrite | kFast,
        .keys = kFirst,
        .handler = CmdXNack,
        .acl = "@write @stream @fast",
        .group = "stream",
        .since = "8.8.0",
        .complexity = "O(log N) for each ID, N being the pending entries of the group.",
        .summary = "Gives pending entries back to the group, for whoever claims them next.",
        .arguments = kXNack,
        .key_flags = "RW update",
    },
    {
        .name = "xpending",
        .arity = -3,
        .flags = kReadonly,
        .keys = kFirst,
        .handler = CmdXPending,
        .acl = "@read @stream @slow",
        .group = "stream",
        .since = "5.0.0",
        .complexity = "O(N) with N the rows returned, or the consumers of the summary.",
        .summary = "What was delivered to a group and is not acknowledged yet.",
        .arguments = kXPending,
        .key_flags = "RO access",
        .tips = "nondeterministic_output",
    },
    {
        .name = "xreadgroup",
        .arity = -7,
        .flags = kWrite | kBlocking | kMovableKeys,
        .handler = CmdXReadGroup,
        .acl = "@write @stream @slow @blocking",
        .group = "stream",
        .since = "5.0.0",
        .complexity = "O(N) for each stream with N the entries returned; O(1) with a fixed COUNT. "
                      "With CLAIM, O(log P) more, P being the pending entries of the group.",
        .summary =
            "New entries for a consumer of a group, or those pending for it; can wait for them.",
        .arguments = kXReadGroup,
        .find_keys = FindStreamsKeys,
        .key_word = {"STREAMS", 4},
        .key_flags = "RO access",
    },
};

}  // namespace

std::span<const CommandSpec> GroupCommands() { return kRows; }

}  // namespace server
