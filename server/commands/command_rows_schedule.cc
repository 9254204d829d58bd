// Rows of the commands on entries that are added later.
#include "server/commands/schedule.h"
#include "server/core/command_docs.h"
#include "server/core/command_keys.h"
#include "server/core/command_table.h"

namespace server {
namespace {

using doc::Block;
using doc::Key;
using doc::OneOf;
using doc::Option;
using doc::Text;
using doc::Word;

constexpr KeyRange kFirst = {1, 1, 1};

constexpr ArgumentDoc kTime[] = {
    Option("DELAY", "milliseconds", ArgumentType::kInteger, kRequired),
    Option("AT", "unix-time-milliseconds", ArgumentType::kUnixTime, kRequired),
};
constexpr ArgumentDoc kFields[] = {Text("field"), Text("value")};
constexpr ArgumentDoc kXSchedule[] = {
    Key(),
    OneOf("time", kTime),
    Word("nomkstream", "NOMKSTREAM", kOptional),
    Block("data", kFields, kMultiple),
};
constexpr ArgumentDoc kXUnschedule[] = {Key(), Text("token", kMultiple)};
constexpr ArgumentDoc kBounds[] = {Text("start"), Text("end")};
constexpr ArgumentDoc kXScheduled[] = {
    Key(),
    Block("range", kBounds, kOptional),
    Option("COUNT", "count", ArgumentType::kInteger),
};

constexpr CommandSpec kRows[] = {
    {
        .name = "xschedule",
        .arity = -6,
        .flags = kWrite | kDenyOom | kFast,
        .keys = kFirst,
        .handler = CmdXSchedule,
        .acl = "@write @stream @fast",
        .group = "stream",
        .since = "1.0.0",
        .complexity = "O(log(N)) with N the entries scheduled since the last checkpoint.",
        .summary = "Appends an entry to a stream later, after a delay or at a time.",
        .arguments = kXSchedule,
        .key_flags = "RW update",
        .tips = "nondeterministic_output",
    },
    {
        .name = "xscheduled",
        .arity = -2,
        .flags = kReadonly,
        .keys = kFirst,
        .handler = CmdXScheduled,
        .acl = "@read @stream @slow",
        .group = "stream",
        .since = "1.0.0",
        .complexity = "O(N) with N the entries returned.",
        .summary = "Entries that are scheduled, by the time at which they are due.",
        .arguments = kXScheduled,
        .key_flags = "RO access",
    },
    {
        .name = "xunschedule",
        .arity = -3,
        .flags = kWrite | kFast,
        .keys = kFirst,
        .handler = CmdXUnschedule,
        .acl = "@write @stream @fast",
        .group = "stream",
        .since = "1.0.0",
        .complexity = "O(N) with N the tokens given.",
        .summary = "Cancels scheduled entries.",
        .arguments = kXUnschedule,
        .key_flags = "RW delete",
    },
};

}  // namespace

std::span<const CommandSpec> ScheduleCommands() { return kRows; }

}  // namespace server
