#include "server/commands/client.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/commands/client_filter.h"
#include "server/commands/client_name.h"
#include "server/commands/help.h"
#include "server/core/args.h"
#include "server/core/client_line.h"
#include "server/core/server_context.h"
#include "server/core/session.h"
#include "server/core/text.h"

namespace server {
namespace {

constexpr std::string_view kHelp[] = {
    "CACHING (YES|NO)",
    "    Refused: keys are never tracked for clients.",
    "GETNAME",
    "    Show the name of this connection.",
    "GETREDIR",
    "    Where notices about tracked keys go: nowhere.",
    "ID",
    "    Show the number of this connection.",
    "INFO",
    "    Show the state of this connection.",
    "KILL <ip:port>",
    "    Close the connection from this address.",
    "KILL <filter> <value> [<filter> <value> ...]",
    "    Close the connections that pass all filters, which are:",
    "    * ADDR <ip:port|unixsocket:0>: the client's address.",
    "    * ID <id>: the connection's number.",
    "    * LADDR <ip:port|unixsocket:0>: the server's address.",
    "    * MAXAGE <seconds>: older than this.",
    "    * SKIPME (YES|NO): leave this connection out (default: yes).",
    "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB): the kind of client.",
    "    * USER <name>: the user it is logged in as.",
    "LIST [TYPE <type>] [ID <id> [<id> ...]]",
    "    Show the state of connections, one on a line.",
    "MAINT_NOTIFICATIONS (ON|OFF) [moving-endpoint-type <type>]",
    "    Accepted; this server sends no such notifications.",
    "NO-EVICT (ON|OFF)",
    "    Protect this connection from being closed when memory runs short.",
    "NO-TOUCH (ON|OFF)",
    "    Keep commands of this connection from touching the age of keys.",
    "PAUSE <timeout> [WRITE|ALL]",
    "    Make commands wait for so many milliseconds: all, or those that write.",
    "REPLY (ON|OFF|SKIP)",
    "    Turn replies on or off, or leave out the next one.",
    "SETINFO (LIB-NAME|LIB-VER) <value>",
    "    Note the client library of this connection.",
    "SETNAME <name>",
    "    Name this connection.",
    "TRACKING (ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> [...]] [OPTIN] [OPTOUT] [NOLOOP]",
    "    ON is refused: keys are never tracked for clients.",
    "TRACKINGINFO",
    "    Whether keys are tracked for this connection: they are not.",
    "UNBLOCK <id> [TIMEOUT|ERROR]",
    "    End the wait of a blocked connection.",
    "UNPAUSE",
    "    End a PAUSE.",
};

void AppendLine(CommandContext& context, const Session& session, std::string* out) {
  AppendClientLine(context.server, session, context.server.clock().MonotonicMicros(), out);
}

Outcome ReadOnOff(std::string_view word, bool* value) {
  if (EqualsIgnoreCase(word, "ON")) {
    *value = true;
  } else if (EqualsIgnoreCase(word, "OFF")) {
    *value = false;
  } else {
    return Error::kSyntax;
  }
  return Done();
}

// The old form, an address alone.
Outcome KillByAddress(CommandContext& context, std::string_view address) {
  Session* found = nullptr;
  context.server.clients().ForEach([&](Session& session) {
    if (found == nullptr && HasPeerAddress(session, address)) found = &session;
  });
  if (found == nullptr) return Error::kClientNone;
  context.out.SimpleString("OK");
  KillClient(context, *found);
  return Done();
}

}  // namespace

Outcome CmdClientId(CommandContext& context) {
  context.out.Integer(static_cast<int64_t>(context.session.id));
  return Done();
}

Outcome CmdClientGetName(CommandContext& context) {
  if (context.session.name.empty()) {
    context.out.Null();
  } else {
    context.out.Bulk(context.session.name);
  }
  return Done();
}

Outcome CmdClientSetName(CommandContext& context) {
  const std::string_view name = context.args[2];
  if (!IsValidClientName(name)) return Error::kClientName;
  context.session.name = name;
  context.out.SimpleString("OK");
  return Done();
}

Outcome CmdClientSetInfo(CommandContext& context) {
  const std::string_view attribute = context.args[2];
  const std::string_view value = context.args[3];
  std::string* target = nullptr;
  if (EqualsIgnoreCase(attribute, "LIB-NAME")) {
    target = &context.session.lib_name;
  } else if (EqualsIgnoreCase(attribute, "LIB-VER")) {
    target = &context.session.lib_ver;
  } else {
    return {Error::kClientUnknownAttribute, {attribute}};
  }
  if (!IsValidClientName(value)) return {Error::kClientAttribute, {attribute}};
  *target = value;
  context.out.SimpleString("OK");
  return Done();
}

Outcome CmdClientInfo(CommandContext& context) {
  std::string line;
  AppendLine(context, context.session, &line);
  context.out.Verbatim(line);
  return Done();
}

Outcome CmdClientList(CommandContext& context) {
  ClientListFilter filter;
  RETURN_IF_FAILED(ReadListFilter(context.args, &filter));
  std::string lines;
  if (filter.has_ids) {
    for (ClientId id : filter.ids) {
      const Session* const session = context.server.clients().Find(id);
      if (session != nullptr && IsOfType(*session, filter.type)) {
        AppendLine(context, *session, &lines);
      }
    }
  } else {
    context.server.clients().ForEach([&](Session& session) {
      if (IsOfType(session, filter.type)) AppendLine(context, session, &lines);
    });
  }
  context.out.Verbatim(lines);
  return Done();
}

Outcome CmdClientKill(CommandContext& context) {
  if (context.args.size() == 3) return KillByAddress(context, context.args[2]);
  ClientKillFilter filter;
  RETURN_IF_FAILED(ReadKillFilter(context.args, &filter));
  std::vector<Session*> chosen;
  const int64_t now_us = context.server.clock().MonotonicMicros();
  context.server.clients().ForEach([&](Session& session) {
    if (&session == &context.session && filter.skip_me) return;
    if (Passes(filter, session, now_us)) chosen.push_back(&session);
  });
  context.out.Integer(static_cast<int64_t>(chosen.size()));
  for (Session* session : chosen) KillClient(context, *session);
  return Done();
}

Outcome CmdClientUnblock(CommandContext& context) {
  if (context.args.size() > 4) return {Error::kWrongArity, {context.spec.name}};
  UnblockReason reason = UnblockReason::kTimeout;
  if (context.args.size() == 4) {
    if (EqualsIgnoreCase(context.args[3], "ERROR")) {
      reason = UnblockReason::kError;
    } else if (!EqualsIgnoreCase(context.args[3], "TIMEOUT")) {
      return Error::kClientUnblockReason;
    }
  }
  const std::optional<int64_t> id = ParseInteger(context.args[2]);
  if (!id) return Error::kNotInteger;
  Session* const session = context.server.clients().Find(static_cast<ClientId>(*id));
  const bool unblocked =
      session != nullptr && context.server.client_control().Unblock(*session, reason);
  context.out.Integer(unblocked ? 1 : 0);
  return Done();
}

Outcome CmdClientReply(CommandContext& context) {
  Session& session = context.session;
  const std::string_view mode = context.args[2];
  if (EqualsIgnoreCase(mode, "ON")) {
    session.reply_mode = ReplyMode::kOn;
    context.out.SimpleString("OK");
  } else if (EqualsIgnoreCase(mode, "OFF")) {
    session.reply_mode = ReplyMode::kOff;
  } else if (!EqualsIgnoreCase(mode, "SKIP")) {
    return Error::kSyntax;
  } else if (session.reply_mode != ReplyMode::kOff) {
    session.reply_mode = ReplyMode::kSkipNext;
  }
  return Done();
}

Outcome CmdClientNoEvict(CommandContext& context) {
  RETURN_IF_FAILED(ReadOnOff(context.args[2], &context.session.no_evict));
  context.out.SimpleString("OK");
  return Done();
}

Outcome CmdClientNoTouch(CommandContext& context) {
  RETURN_IF_FAILED(ReadOnOff(context.args[2], &context.session.no_touch));
  context.out.SimpleString("OK");
  return Done();
}

Outcome CmdClientMaintNotifications(CommandContext& context) {
  bool on = false;
  RETURN_IF_FAILED(ReadOnOff(context.args[2], &on));
  Args args(context.args, 3);
  while (args.more()) {
    if (!args.WordWithValues("moving-endpoint-type", 1)) return Error::kSyntax;
    args.Text();
  }
  context.out.SimpleString("OK");
  return Done();
}

Outcome CmdClientHelp(CommandContext& context) {
  WriteHelp(context.out, "CLIENT", kHelp);
  return Done();
}

}  // namespace server
