// Rows of the commands that work on a stream and its entries, and XREAD.
#include "server/commands/append.h"
#include "server/commands/idempotency.h"
#include "server/commands/policy.h"
#include "server/commands/policy_docs.h"
#include "server/commands/queue_info.h"
#include "server/commands/range.h"
#include "server/commands/read.h"
#include "server/commands/redrive.h"
#include "server/commands/removal.h"
#include "server/commands/stream_info.h"
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

constexpr ArgumentDoc kTrimStrategy[] = {Word("maxlen", "MAXLEN"), Word("minid", "MINID")};
constexpr ArgumentDoc kTrimOperator[] = {Word("equal", "="), Word("approximately", "~")};
constexpr ArgumentDoc kTrim[] = {
    OneOf("strategy", kTrimStrategy),
    OneOf("operator", kTrimOperator, kOptional),
    Text("threshold"),
    Option("LIMIT", "count", ArgumentType::kInteger),
};
constexpr ArgumentDoc kReferenceWords[] = {Word("keepref", "KEEPREF"), Word("delref", "DELREF"),
                                           Word("acked", "ACKED")};
constexpr ArgumentDoc kReferences = OneOf("condition", kReferenceWords, kOptional);
constexpr ArgumentDoc kIdmpIds[] = {Text("producer-id"), Text("idempotent-id")};
constexpr ArgumentDoc kIdmp[] = {
    Option("IDMPAUTO", "producer-id", ArgumentType::kString, kRequired),
    Block("idmp", kIdmpIds, kRequired, "IDMP"),
};
constexpr ArgumentDoc kAddId[] = {Word("auto-id", "*"), Text("id")};
constexpr ArgumentDoc kFieldAndValue[] = {Text("field"), Text("value")};
constexpr ArgumentDoc kXAdd[] = {
    Key(),
    Word("nomkstream", "NOMKSTREAM", kOptional),
    kReferences,
    OneOf("idempotency", kIdmp, kOptional),
    Block("trim", kTrim, kOptional),
    OneOf("id-selector", kAddId),
    Block("data", kFieldAndValue, kMultiple),
};
constexpr ArgumentDoc kXTrim[] = {Key(), Block("trim", kTrim), kReferences};
constexpr ArgumentDoc kXDel[] = {Key(), Text("id", kMultiple)};
constexpr ArgumentDoc kIds[] = {Number("numids"), Text("id", kMultiple)};
constexpr ArgumentDoc kXDelEx[] = {Key(), kReferences, Block("ids", kIds, kRequired, "IDS")};
constexpr ArgumentDoc kXCfgGet[] = {Key(), Option("GROUP", "group", ArgumentType::kString)};
constexpr ArgumentDoc kXCfgSet[] = {Key(), OneOf("policy", policy_docs::kOfEither)};
constexpr ArgumentDoc kXIdmpRecord[] = {Key(), Text("producer-id"), Text("idempotent-id"),
                                        Text("id")};
constexpr ArgumentDoc kXLen[] = {Key()};
constexpr ArgumentDoc kCount = Option("COUNT", "count", ArgumentType::kInteger);
constexpr ArgumentDoc kXRange[] = {Key(), Text("start"), Text("end"), kCount};
constexpr ArgumentDoc kXRevRange[] = {Key(), Text("end"), Text("start"), kCount};
constexpr ArgumentDoc kXSetId[] = {
    Key(),
    Text("last-id"),
    Option("ENTRIESADDED", "entries-added", ArgumentType::kInteger),
    Option("MAXDELETEDID", "max-deleted-id", ArgumentType::kString),
};
constexpr ArgumentDoc kStreams[] = {Key(kMultiple), Text("id", kMultiple)};
constexpr ArgumentDoc kXRead[] = {
    kCount,
    Option("MAXCOUNT", "maxcount", ArgumentType::kInteger),
    Option("MAXSIZE", "maxsize", ArgumentType::kInteger),
    Option("BLOCK", "milliseconds", ArgumentType::kInteger),
    Block("streams", kStreams, kRequired, "STREAMS"),
};
constexpr ArgumentDoc kFull[] = {kCount};
constexpr ArgumentDoc kXInfoStream[] = {Key(), Block("full-block", kFull, kOptional, "FULL")};
constexpr ArgumentDoc kXInfoGroups[] = {Key()};
constexpr ArgumentDoc kXInfoQueue[] = {Key()};
constexpr ArgumentDoc kXInfoConsumers[] = {Key(), Text("group")};
constexpr ArgumentDoc kXInfoDeadLetter[] = {Key(), Text("group")};
constexpr ArgumentDoc kRedriveFrom[] = {Text("id"), kCount};
constexpr ArgumentDoc kRedriveLetters[] = {
    Block("ids", kIds, kRequired, "IDS"),
    Block("from", kRedriveFrom, kRequired, "FROM"),
};
constexpr ArgumentDoc kXRedrive[] = {
    Key(),
    Option("GROUP", "group", ArgumentType::kString),
    Option("TO", "key", ArgumentType::kKey),
    OneOf("letters", kRedriveLetters),
};
constexpr ArgumentDoc kXInfoPending[] = {Key(), Text("group"), Text("start"), Text("end"),
                                         Number("count")};

constexpr CommandSpec kRows[] = {
    {
        .name = "xadd",
        .arity = -5,
        .flags = kWrite | kDenyOom | kFast,
        .keys = kFirst,
        .handler = CmdXAdd,
        .acl = "@write @stream @fast",
        .group = "stream",
        .since = "5.0.0",
        .complexity = "O(1), and what XTRIM costs when it trims.",
        .summary = "Appends an entry to a stream, creating the stream if there is none.",
        .arguments = kXAdd,
        .key_flags = "RW update",
        .tips = "nondeterministic_output",
    },
    {
        .name = "xcfgget",
        .arity = -2,
        .flags = kReadonly | kFast,
        .keys = kFirst,
        .handler = CmdXCfgGet,
        .acl = "@read @stream @fast",
        .group = "stream",
        .since = "8.10.0",
        .complexity = "O(1)",
        .summary = "Shows the policy of a stream or a group, and where each value comes from.",
        .arguments = kXCfgGet,
        .key_flags = "RO access",
    },
    {
        .name = "xcfgset",
        .arity = -2,
        .flags = kWrite | kFast,
        .keys = kFirst,
        .handler = CmdXCfgSet,
        .acl = "@write @stream @fast",
        .group = "stream",
        .since = "8.6.0",
        .complexity = "O(1), and O(N) when a value of idempotent production changes, N being the "
                      "producers known.",
        .summary = "Sets the policy of a stream or a group, and for how long and how many "
                   "idempotent IDs of a producer are remembered.",
        .arguments = kXCfgSet,
        .find_keys = FindXCfgSetKeys,
        .key_flags = "RW update",
    },
    {
        .name = "xdel",
        .arity = -3,
        .flags = kWrite | kFast,
        .keys = kFirst,
        .handler = CmdXDel,
        .acl = "@write @stream @fast",
        .group = "stream",
        .since = "5.0.0",
        .complexity = "O(1) for each entry, whatever the size of the stream.",
        .summary = "Removes entries by their IDs; the number removed.",
        .arguments = kXDel,
        .key_flags = "RW delete",
    },
    {
        .name = "xdelex",
        .arity = -5,
        .flags = kWrite | kFast,
        .keys = kFirst,
        .handler = CmdXDelEx,
        .acl = "@write @stream @fast",
        .group = "stream",
        .since = "8.2.0",
        .complexity = "O(1) for each ID; with DELREF and ACKED O(G), G being the groups.",
        .summary = "Removes entries with regard to the groups that hold them.",
        .arguments = kXDelEx,
        .key_flags = "RW delete",
    },
    {
        .name = "xidmprecord",
        .arity = 5,
        .flags = kWrite | kDenyOom | kFast,
        .keys = kFirst,
        .handler = CmdXIdmpRecord,
        .acl = "@write @stream @fast",
        .group = "stream",
        .since = "8.6.0",
        .complexity = "O(1)",
        .summary =
            "Makes a producer's idempotent ID stand for an entry; for tools that copy streams.",
        .arguments = kXIdmpRecord,
        .key_flags = "RW update",
    },
    {
        .name = "xinfo",
        .arity = -2,
        .flags = kContainer,
        .acl = "@slow",
        .group = "stream",
        .since = "5.0.0",
        .complexity = "Depends on subcommand.",
        .summary = "Holds the commands that look at streams, groups and consumers.",
    },
    {
        .name = "xinfo|consumers",
        .arity = 4,
        .flags = kReadonly,
        .keys = kSecond,
        .handler = CmdXInfoConsumers,
        .acl = "@read @stream @slow",
        .group = "stream",
        .since = "5.0.0",
        .complexity = "O(N) with N the consumers of the group.",
        .summary = "Lists the consumers of a group.",
        .arguments = kXInfoConsumers,
        .key_flags = "RO access",
        .tips = "nondeterministic_output",
    },
    {
        .name = "xinfo|deadletter",
        .arity = 4,
        .flags = kReadonly,
        .keys = kSecond,
        .handler = CmdXInfoDeadLetter,
        .acl = "@read @stream @slow",
        .group = "stream",
        .since = "8.10.0",
        .complexity = "O(1), and O(N) with N the entries that are due.",
        .summary = "Shows what became of entries that a group could not work off.",
        .arguments = kXInfoDeadLetter,
        .key_flags = "RO access",
        .tips = "nondeterministic_output",
    },
    {
        .name = "xinfo|groups",
        .arity = 3,
        .flags = kReadonly,
        .keys = kSecond,
        .handler = CmdXInfoGroups,
        .acl = "@read @stream @slow",
        .group = "stream",
        .since = "5.0.0",
        .complexity = "O(N) with N the groups of the stream.",
        .summary = "Lists the consumer groups of a stream.",
        .arguments = kXInfoGroups,
        .key_flags = "RO access",
    },
    {
        .name = "xinfo|help",
        .arity = 2,
        .flags = kLoading | kStale,
        .handler = CmdXInfoHelp,
        .acl = "@stream @slow",
        .group = "stream",
        .since = "5.0.0",
        .complexity = "O(1)",
        .summary = "Shows what XINFO can do.",
    },
    {
        .name = "xinfo|pending",
        .arity = 7,
        .flags = kReadonly,
        .keys = kSecond,
        .handler = CmdXInfoPending,
        .acl = "@read @stream @slow",
        .group = "stream",
        .since = "8.10.0",
        .complexity = "O(N) with N the rows returned.",
        .summary = "Shows pending entries of a group: their state, when they are due, what was "
                   "said of them.",
        .arguments = kXInfoPending,
        .key_flags = "RO access",
        .tips = "nondeterministic_output",
    },
    {
        .name = "xinfo|queue",
        .arity = 3,
        .flags = kReadonly,
        .keys = kSecond,
        .handler = CmdXInfoQueue,
        .acl = "@read @stream @slow",
        .group = "stream",
        .since = "8.10.0",
        .complexity = "O(1); at a bound O(N) with N the entries that would have to make room.",
        .summary = "Shows how full a stream is, and what its policy has kept out or removed.",
        .arguments = kXInfoQueue,
        .key_flags = "RO access",
    },
    {
        .name = "xinfo|stream",
        .arity = -3,
        .flags = kReadonly,
        .keys = kSecond,
        .handler = CmdXInfoStream,
        .acl = "@read @stream @slow",
        .group = "stream",
        .since = "5.0.0",
        .complexity = "O(1); with FULL, O(N) with N the rows shown.",
        .summary = "Shows the state of a stream, with FULL also of its groups.",
        .arguments = kXInfoStream,
        .key_flags = "RO access",
    },
    {
        .name = "xlen",
        .arity = 2,
        .flags = kReadonly | kFast,
        .keys = kFirst,
        .handler = CmdXLen,
        .acl = "@read @stream @fast",
        .group = "stream",
        .since = "5.0.0",
        .complexity = "O(1)",
        .summary = "The number of entries in a stream.",
        .arguments = kXLen,
        .key_flags = "RO",
    },
    {
        .name = "xrange",
        .arity = -4,
        .flags = kReadonly,
        .keys = kFirst,
        .handler = CmdXRange,
        .acl = "@read @stream @slow",
        .group = "stream",
        .since = "5.0.0",
        .complexity = "O(N) with N the entries returned; O(1) with a fixed COUNT.",
        .summary = "Entries between two IDs, oldest first.",
        .arguments = kXRange,
        .key_flags = "RO access",
    },
    {
        .name = "xread",
        .arity = -4,
        .flags = kReadonly | kBlocking | kMovableKeys,
        .handler = CmdXRead,
        .acl = "@read @stream @slow @blocking",
        .group = "stream",
        .since = "5.0.0",
        .complexity = "O(N) for each stream with N the entries returned; O(1) with a fixed COUNT.",
        .summary = "Entries of several streams that come after the given IDs; can wait for them.",
        .arguments = kXRead,
        .find_keys = FindStreamsKeys,
        .key_word = {"STREAMS", 1},
        .key_flags = "RO access",
    },
    {
        .name = "xredrive",
        .arity = -4,
        .flags = kWrite | kDenyOom | kMovableKeys,
        .keys = kFirst,
        .handler = CmdXRedrive,
        .acl = "@write @stream @slow",
        .group = "stream",
        .since = "8.10.0",
        .complexity = "O(N log M) with N the letters looked at and M the entries pending in the "
                      "groups that they go back to.",
        .summary = "Moves dead letters back into the group that they came from, or to a stream.",
        .arguments = kXRedrive,
        .find_keys = FindRedriveKeys,
        .key_flags = "RW access delete incomplete",
        .tips = "nondeterministic_output",
    },
    {
        .name = "xrevrange",
        .arity = -4,
        .flags = kReadonly,
        .keys = kFirst,
        .handler = CmdXRevRange,
        .acl = "@read @stream @slow",
        .group = "stream",
        .since = "5.0.0",
        .complexity = "O(N) with N the entries returned; O(1) with a fixed COUNT.",
        .summary = "Entries between two IDs, newest first.",
        .arguments = kXRevRange,
        .key_flags = "RO access",
    },
    {
        .name = "xsetid",
        .arity = -3,
        .flags = kWrite | kDenyOom | kFast,
        .keys = kFirst,
        .handler = CmdXSetId,
        .acl = "@write @stream @fast",
        .group = "stream",
        .since = "5.0.0",
        .complexity = "O(1)",
        .summary = "Sets the last ID and the counters of a stream; for tools that copy streams.",
        .arguments = kXSetId,
        .key_flags = "RW update",
    },
    {
        .name = "xtrim",
        .arity = -4,
        .flags = kWrite,
        .keys = kFirst,
        .handler = CmdXTrim,
        .acl = "@write @stream @slow",
        .group = "stream",
        .since = "5.0.0",
        .complexity = "O(N) with N the blocks of entries that go; with DELREF also the pending "
                      "entries that go, with ACKED the entries looked at, times the groups.",
        .summary = "Removes the oldest entries, down to a length or up to an ID.",
        .arguments = kXTrim,
        .key_flags = "RW delete",
        .tips = "nondeterministic_output",
    },
};

}  // namespace

std::span<const CommandSpec> StreamCommands() { return kRows; }

}  // namespace server
