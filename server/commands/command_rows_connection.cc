// Rows of the commands about the client's own connection, and CLIENT.
#include "server/commands/client.h"
#include "server/commands/client_pause.h"
#include "server/commands/client_tracking.h"
#include "server/commands/connection.h"
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

// Commands of a handshake: fine before authentication, while loading, and while others are held up.
constexpr uint32_t kHandshake = kNoScript | kLoading | kStale | kFast | kNoAuthNeeded | kAllowBusy;
constexpr uint32_t kClient = kNoScript | kLoading | kStale;
constexpr uint32_t kClientAdmin = kClient | kAdmin;
constexpr std::string_view kClientAcl = "@slow @connection";
constexpr std::string_view kClientAdminAcl = "@admin @slow @dangerous @connection";

constexpr ArgumentDoc kPing[] = {Text("message", kOptional)};
constexpr ArgumentDoc kEcho[] = {Text("message")};
constexpr ArgumentDoc kAuth[] = {Text("username", kOptional), Text("password")};
constexpr ArgumentDoc kSelect[] = {Number("index")};
constexpr ArgumentDoc kCredentials[] = {Text("username"), Text("password")};
constexpr ArgumentDoc kHelloArguments[] = {
    Number("protover"),
    Block("auth", kCredentials, kOptional, "AUTH"),
    Option("SETNAME", "clientname", ArgumentType::kString),
};
constexpr ArgumentDoc kHello[] = {Block("arguments", kHelloArguments, kOptional)};

constexpr ArgumentDoc kOnOff[] = {Word("on", "ON"), Word("off", "OFF")};
constexpr ArgumentDoc kEnabled[] = {OneOf("enabled", kOnOff)};
constexpr ArgumentDoc kReplyModes[] = {Word("on", "ON"), Word("off", "OFF"), Word("skip", "SKIP")};
constexpr ArgumentDoc kReply[] = {OneOf("action", kReplyModes)};
constexpr ArgumentDoc kSetName[] = {Text("connection-name")};
constexpr ArgumentDoc kLibraryAttributes[] = {
    Option("LIB-NAME", "libname", ArgumentType::kString, kRequired),
    Option("LIB-VER", "libver", ArgumentType::kString, kRequired),
};
constexpr ArgumentDoc kSetInfo[] = {OneOf("attr", kLibraryAttributes)};
constexpr ArgumentDoc kUnblockReasons[] = {Word("timeout", "TIMEOUT"), Word("error", "ERROR")};
constexpr ArgumentDoc kUnblock[] = {Number("client-id"),
                                    OneOf("unblock-type", kUnblockReasons, kOptional)};
constexpr ArgumentDoc kClientTypes[] = {
    Word("normal", "NORMAL"), Word("master", "MASTER"), Word("replica", "REPLICA"),
    Word("slave", "SLAVE"),   Word("pubsub", "PUBSUB"),
};
constexpr ArgumentDoc kClientIds[] = {Number("client-id", kMultiple)};
constexpr ArgumentDoc kList[] = {
    OneOf("client-type", kClientTypes, kOptional, "TYPE"),
    Block("ids", kClientIds, kOptional, "ID"),
};
constexpr ArgumentDoc kYesNo[] = {Word("yes", "YES"), Word("no", "NO")};
constexpr ArgumentDoc kKillFilters[] = {
    Option("ID", "client-id", ArgumentType::kInteger, kRequired),
    OneOf("client-type", kClientTypes, kRequired, "TYPE"),
    Option("USER", "username", ArgumentType::kString, kRequired),
    Option("ADDR", "addr", ArgumentType::kString, kRequired),
    Option("LADDR", "laddr", ArgumentType::kString, kRequired),
    OneOf("skipme", kYesNo, kRequired, "SKIPME"),
    Option("MAXAGE", "maxage", ArgumentType::kInteger, kRequired),
};
constexpr ArgumentDoc kKillForms[] = {Text("ip:port"),
                                      OneOf("new-format", kKillFilters, kMultiple)};
constexpr ArgumentDoc kKill[] = {OneOf("filter", kKillForms)};
constexpr ArgumentDoc kMaintNotifications[] = {
    OneOf("enabled", kOnOff),
    Option("moving-endpoint-type", "type", ArgumentType::kString),
};

constexpr ArgumentDoc kPauseModes[] = {Word("write", "WRITE"), Word("all", "ALL")};
constexpr ArgumentDoc kPause[] = {Number("timeout"), OneOf("mode", kPauseModes, kOptional)};
constexpr ArgumentDoc kCaching[] = {OneOf("mode", kYesNo)};
constexpr ArgumentDoc kTracking[] = {
    OneOf("status", kOnOff),
    Option("REDIRECT", "client-id", ArgumentType::kInteger),
    Option("PREFIX", "prefix", ArgumentType::kString, kOptional | kMultiple | kMultipleToken),
    Word("bcast", "BCAST", kOptional),
    Word("optin", "OPTIN", kOptional),
    Word("optout", "OPTOUT", kOptional),
    Word("noloop", "NOLOOP", kOptional),
};

// A subcommand of CLIENT: group, complexity and clearance are all the same.
constexpr CommandSpec Client(std::string_view name, int16_t arity, Handler handler,
                             std::string_view since, std::string_view summary,
                             std::span<const ArgumentDoc> arguments = {}) {
  return {
      .name = name,
      .arity = arity,
      .flags = kClient,
      .handler = handler,
      .acl = kClientAcl,
      .group = "connection",
      .since = since,
      .complexity = "O(1)",
      .summary = summary,
      .arguments = arguments,
  };
}

// One that looks at, or acts on, other connections.
constexpr CommandSpec ClientAdmin(CommandSpec spec, std::string_view complexity) {
  spec.flags = kClientAdmin;
  spec.acl = kClientAdminAcl;
  spec.complexity = complexity;
  return spec;
}

constexpr CommandSpec WithTips(CommandSpec spec, std::string_view tips) {
  spec.tips = tips;
  return spec;
}

constexpr std::string_view kPerClient = "O(N) with N the connections.";

constexpr CommandSpec kRows[] = {
    {
        .name = "auth",
        .arity = -2,
        .flags = kHandshake,
        .handler = CmdAuth,
        .acl = "@fast @connection",
        .group = "connection",
        .since = "1.0.0",
        .complexity = "O(1)",
        .summary = "Authenticates the connection.",
        .arguments = kAuth,
    },
    {
        .name = "client",
        .arity = -2,
        .flags = kContainer,
        .acl = "@slow",
        .group = "connection",
        .since = "2.4.0",
        .complexity = "Depends on subcommand.",
        .summary = "Holds the commands about connections.",
    },
    Client("client|caching", 3, CmdClientCaching, "6.0.0",
           "Refused: keys are never tracked for clients.", kCaching),
    Client("client|getname", 2, CmdClientGetName, "2.6.9", "The name of this connection."),
    Client("client|getredir", 2, CmdClientGetRedir, "6.0.0",
           "Where notices about tracked keys go: nowhere, -1."),
    {
        .name = "client|help",
        .arity = 2,
        .flags = kLoading | kStale,
        .handler = CmdClientHelp,
        .acl = kClientAcl,
        .group = "connection",
        .since = "5.0.0",
        .complexity = "O(1)",
        .summary = "Shows what CLIENT can do.",
    },
    Client("client|id", 2, CmdClientId, "5.0.0", "The number of this connection."),
    WithTips(Client("client|info", 2, CmdClientInfo, "6.2.0", "The state of this connection."),
             "nondeterministic_output"),
    ClientAdmin(Client("client|kill", -3, CmdClientKill, "2.4.0",
                       "Closes connections chosen by address, number or kind.", kKill),
                kPerClient),
    WithTips(ClientAdmin(Client("client|list", -2, CmdClientList, "2.4.0",
                                "The state of all connections, one on a line.", kList),
                         kPerClient),
             "nondeterministic_output"),
    Client("client|maint_notifications", -3, CmdClientMaintNotifications, "8.2.0",
           "Accepts the wish for notices of maintenance; none are ever sent.", kMaintNotifications),
    ClientAdmin(Client("client|no-evict", 3, CmdClientNoEvict, "7.0.0",
                       "Exempts this connection from eviction of clients.", kEnabled),
                "O(1)"),
    Client("client|no-touch", 3, CmdClientNoTouch, "7.2.0",
           "Makes the commands of this connection leave the age of keys alone.", kEnabled),
    ClientAdmin(
        Client("client|pause", -3, CmdClientPause, "2.9.50",
               "Makes commands wait for a while: all of them, or those that write.", kPause),
        "O(1)"),
    Client("client|reply", 3, CmdClientReply, "3.2.0",
           "Turns replies to this connection on or off, or skips one.", kReply),
    Client("client|setinfo", 4, CmdClientSetInfo, "7.2.0",
           "Notes the client library's name or version for this connection.", kSetInfo),
    Client("client|setname", 3, CmdClientSetName, "2.6.9", "Names this connection.", kSetName),
    Client("client|tracking", -3, CmdClientTracking, "6.0.0",
           "ON is refused: keys are never tracked for clients. OFF is what always is.", kTracking),
    Client("client|trackinginfo", 2, CmdClientTrackingInfo, "6.2.0",
           "Whether keys are tracked for this connection: off."),
    ClientAdmin(Client("client|unblock", -3, CmdClientUnblock, "5.0.0",
                       "Ends the wait of a blocked connection.", kUnblock),
                "O(log N) with N the connections."),
    ClientAdmin(Client("client|unpause", 2, CmdClientUnpause, "6.2.0", "Ends a CLIENT PAUSE."),
                "O(N) with N the connections that wait."),
    {
        .name = "echo",
        .arity = 2,
        .flags = kLoading | kStale | kFast,
        .handler = CmdEcho,
        .acl = "@fast @connection",
        .group = "connection",
        .since = "1.0.0",
        .complexity = "O(1)",
        .summary = "Returns its argument.",
        .arguments = kEcho,
    },
    {
        .name = "hello",
        .arity = -1,
        .flags = kHandshake,
        .handler = CmdHello,
        .acl = "@fast @connection",
        .group = "connection",
        .since = "6.0.0",
        .complexity = "O(1)",
        .summary = "Opens a session: chooses the protocol, authenticates, sets the name.",
        .arguments = kHello,
    },
    {
        .name = "ping",
        .arity = -1,
        .flags = kFast | kWhileSubscribed,
        .handler = CmdPing,
        .acl = "@fast @connection",
        .group = "connection",
        .since = "1.0.0",
        .complexity = "O(1)",
        .summary = "Answers PONG, or its argument.",
        .arguments = kPing,
        .tips = "request_policy:all_shards response_policy:all_succeeded",
    },
    {
        .name = "quit",
        .arity = -1,
        .flags = kHandshake | kNotQueued | kWhileSubscribed,
        .handler = CmdQuit,
        .acl = "@fast @connection",
        .group = "connection",
        .since = "1.0.0",
        .complexity = "O(1)",
        .summary = "Closes the connection after the replies have been sent.",
    },
    {
        .name = "reset",
        .arity = 1,
        .flags = kHandshake | kNotQueued | kWhileSubscribed,
        .handler = CmdReset,
        .acl = "@fast @connection",
        .group = "connection",
        .since = "6.2.0",
        .complexity = "O(1)",
        .summary = "Puts the connection back into the state of a new one.",
    },
    {
        .name = "select",
        .arity = 2,
        .flags = kLoading | kStale | kFast,
        .handler = CmdSelect,
        .acl = "@fast @connection",
        .group = "connection",
        .since = "1.0.0",
        .complexity = "O(1)",
        .summary = "Chooses the database of this connection.",
        .arguments = kSelect,
    },
};

}  // namespace

std::span<const CommandSpec> ConnectionCommands() { return kRows; }

}  // namespace server
