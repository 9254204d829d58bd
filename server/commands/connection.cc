#include "server/commands/connection.h"

#include <bit>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

#include "server/commands/client_name.h"
#include "server/core/args.h"
#include "server/core/password.h"
#include "server/core/server_context.h"
#include "server/core/session.h"
#include "server/core/text.h"
#include "server/core/transport.h"

namespace server {
namespace {

constexpr std::string_view kOnlyUser = "default";
constexpr int kNewestProtocol = 3;
constexpr int kOldestProtocol = 2;

// Whether this is the user there is and its password. Without a password any will do.
bool CanLogIn(const Settings& settings, std::string_view user, std::string_view password) {
  const bool matches =
      settings.requirepass.empty() || PasswordsMatch(password, settings.requirepass);
  return user == kOnlyUser && matches;
}

bool IsAuthenticated(const CommandContext& context) {
  return context.session.authenticated || context.server.settings().requirepass.empty();
}

// Counts a wrong password: its address is held up.
Outcome RefuseLogin(CommandContext& context) {
  ServerContext& server = context.server;
  if (server.settings().requirepass.empty()) return Error::kWrongPassword;
  ++context.session.login_failures;
  const TransportInfo peer = context.session.transport.Info();
  const uint64_t failures =
      server.logins().NoteFailure(peer.network, server.clock().MonotonicMicros());
  // Each line twice as far from the last: a log must not be filled by guessing.
  if (std::has_single_bit(failures)) {
    server.log().Warning(
        "wrong password",
        {{"client", context.session.id}, {"address", peer.peer_address}, {"times", failures}});
  }
  return Error::kWrongPassword;
}

void LogIn(CommandContext& context) {
  Session& session = context.session;
  session.authenticated = true;
  session.login_failures = 0;
  LoginGuard& logins = context.server.logins();
  if (logins.is_idle()) return;
  logins.NoteSuccess(session.transport.Info().network, context.server.clock().MonotonicMicros());
}

// What HELLO was given. Nothing of it holds before all of it was found good.
struct Greeting {
  std::optional<int> protocol;
  bool has_credentials = false;
  std::string_view user;
  std::string_view password;
  std::optional<std::string_view> name;
};

Outcome ReadProtocol(std::string_view text, Greeting* greeting) {
  const std::optional<int64_t> version = ParseInteger(text);
  if (!version) return Error::kProtocolNotInteger;
  if (*version < kOldestProtocol || *version > kNewestProtocol) return Error::kProtocolUnsupported;
  greeting->protocol = static_cast<int>(*version);
  return Done();
}

Outcome ReadGreeting(std::span<const std::string_view> arguments, Greeting* greeting) {
  Args args(arguments);
  if (!args.more()) return Done();
  RETURN_IF_FAILED(ReadProtocol(args.Text(), greeting));
  while (args.more()) {
    if (args.WordWithValues("AUTH", 2)) {
      greeting->has_credentials = true;
      greeting->user = args.Text();
      greeting->password = args.Text();
    } else if (args.WordWithValues("SETNAME", 1)) {
      greeting->name = args.Text();
      if (!IsValidClientName(*greeting->name)) return Error::kClientName;
    } else {
      return {Error::kHelloOption, {args.Peek()}};
    }
  }
  return args.Finish();
}

void WriteGreeting(CommandContext& context) {
  resp::Writer& out = context.out;
  out.MapHeader(7);
  out.Bulk("server");
  out.Bulk("redis");
  out.Bulk("version");
  out.Bulk(context.server.settings().redis_version);
  out.Bulk("proto");
  out.Integer(out.protocol());
  out.Bulk("id");
  out.Integer(static_cast<int64_t>(context.session.id));
  out.Bulk("mode");
  out.Bulk("standalone");
  out.Bulk("role");
  out.Bulk("master");
  out.Bulk("modules");
  out.ArrayHeader(0);
}

}  // namespace

Outcome CmdPing(CommandContext& context) {
  if (context.args.size() > 2) return {Error::kWrongArity, {context.spec.name}};
  const std::string_view message = context.args.size() == 2 ? context.args[1] : "";
  if (context.session.in_subscribe_mode()) {
    context.out.ArrayHeader(2);
    context.out.Bulk("pong");
    context.out.Bulk(message);
  } else if (context.args.size() == 2) {
    context.out.Bulk(message);
  } else {
    context.out.SimpleString("PONG");
  }
  return Done();
}

Outcome CmdEcho(CommandContext& context) {
  context.out.Bulk(context.args[1]);
  return Done();
}

Outcome CmdHello(CommandContext& context) {
  Greeting greeting;
  RETURN_IF_FAILED(ReadGreeting(context.args, &greeting));
  if (greeting.has_credentials &&
      !CanLogIn(context.server.settings(), greeting.user, greeting.password)) {
    return RefuseLogin(context);
  }
  if (!greeting.has_credentials && !IsAuthenticated(context)) return Error::kUnauthenticatedHello;
  if (greeting.has_credentials) LogIn(context);
  if (greeting.name) context.session.name = *greeting.name;
  if (greeting.protocol) context.out.set_protocol(*greeting.protocol);
  WriteGreeting(context);
  return Done();
}

Outcome CmdAuth(CommandContext& context) {
  if (context.args.size() > 3) return Error::kSyntax;
  const Settings& settings = context.server.settings();
  const bool names_user = context.args.size() == 3;
  if (!names_user && settings.requirepass.empty()) return Error::kNoPassword;
  const std::string_view user = names_user ? context.args[1] : kOnlyUser;
  if (!CanLogIn(settings, user, context.args.back())) return RefuseLogin(context);
  LogIn(context);
  context.out.SimpleString("OK");
  return Done();
}

Outcome CmdSelect(CommandContext& context) {
  const std::optional<int64_t> index = ParseInteger(context.args[1]);
  if (!index) return Error::kNotInteger;
  if (*index < std::numeric_limits<int32_t>::min() ||
      *index > std::numeric_limits<int32_t>::max()) {
    return Error::kDbNotInt32;
  }
  if (*index < 0 || *index >= context.server.settings().databases) return Error::kDbOutOfRange;
  context.session.db = static_cast<uint32_t>(*index);
  context.out.SimpleString("OK");
  return Done();
}

Outcome CmdQuit(CommandContext& context) {
  context.out.SimpleString("OK");
  context.server.client_control().CloseAfterReply(context.session);
  return Done();
}

Outcome CmdReset(CommandContext& context) {
  context.server.monitors().Remove(context.session);
  context.server.watches().Forget(context.session.id);
  context.server.pubsub().UnsubscribeAll(context.session);
  context.session.Reset();
  context.session.authenticated = context.server.settings().requirepass.empty();
  context.out.SimpleString("RESET");
  return Done();
}

Outcome CmdTime(CommandContext& context) {
  constexpr int64_t kMicrosPerSecond = 1'000'000;
  const int64_t now_us = context.server.clock().UnixMicros();
  context.out.ArrayHeader(2);
  context.out.BulkInteger(now_us / kMicrosPerSecond);
  context.out.BulkInteger(now_us % kMicrosPerSecond);
  return Done();
}

}  // namespace server
