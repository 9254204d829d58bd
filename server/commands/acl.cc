#include "server/commands/acl.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

#include "fmt/format.h"
#include "server/commands/command_reply.h"
#include "server/commands/help.h"
#include "server/core/args.h"
#include "server/core/command_table.h"
#include "server/core/password.h"
#include "server/core/server_context.h"
#include "server/core/text.h"

namespace server {
namespace {

constexpr std::string_view kUser = "default";

// As the protocol names them; some have no command here.
constexpr std::string_view kCategories[] = {
    "keyspace", "read",   "write",       "set",       "sortedset",  "list",        "hash",
    "string",   "bitmap", "hyperloglog", "geo",       "stream",     "pubsub",      "admin",
    "fast",     "slow",   "blocking",    "dangerous", "connection", "transaction", "scripting",
};

constexpr std::string_view kHelp[] = {
    "CAT [<category>]",
    "    The categories of commands, or the commands of one.",
    "DELUSER <username> [<username> ...]",
    "    Delete users; there is none but 'default', who stays.",
    "DRYRUN <username> <command> [<arg> ...]",
    "    Whether a user may execute a command.",
    "GENPASS [<bits>]",
    "    A password that cannot be guessed, of 256 bits or as many as you like.",
    "GETUSER <username>",
    "    What a user may do.",
    "LIST",
    "    The users, as a configuration file would have them.",
    "USERS",
    "    The names of the users.",
    "WHOAMI",
    "    The user of this connection.",
};

// "#" and the digest of the password, or nothing where none is set.
std::string PasswordRule(const Settings& settings) {
  return settings.requirepass.empty() ? "" : "#" + Sha256Hex(settings.requirepass);
}

void WriteField(resp::Writer& out, std::string_view name, std::string_view value) {
  out.Bulk(name);
  out.Bulk(value);
}

}  // namespace

Outcome CmdAclWhoAmI(CommandContext& context) {
  context.out.Bulk(kUser);
  return Done();
}

Outcome CmdAclUsers(CommandContext& context) {
  context.out.ArrayHeader(1);
  context.out.Bulk(kUser);
  return Done();
}

Outcome CmdAclList(CommandContext& context) {
  const std::string rule = PasswordRule(context.server.settings());
  context.out.ArrayHeader(1);
  context.out.Bulk(fmt::format("user {} on {} ~* &* +@all", kUser, rule.empty() ? "nopass" : rule));
  return Done();
}

Outcome CmdAclCat(CommandContext& context) {
  constexpr size_t kMaxArguments = 3;
  if (context.args.size() > kMaxArguments) {
    return {Error::kSubcommandSyntax, {context.args[1], "ACL"}};
  }
  if (context.args.size() < kMaxArguments) {
    context.out.ArrayHeader(std::size(kCategories));
    for (std::string_view category : kCategories) context.out.Bulk(category);
    return Done();
  }
  const std::string_view wanted = context.args[2];
  const std::string name = LowerCase(wanted);
  if (std::ranges::find(kCategories, std::string_view(name)) == std::end(kCategories)) {
    return {Error::kAclUnknownCategory, {wanted}};
  }
  size_t count = 0;
  const size_t mark = context.out.BeginArray();
  for (const CommandSpec& spec : AllCommands()) {
    if (!IsInCategory(spec, wanted)) continue;
    context.out.Bulk(spec.name);
    ++count;
  }
  context.out.EndArray(mark, count);
  return Done();
}

Outcome CmdAclGetUser(CommandContext& context) {
  if (context.args[2] != kUser) {
    context.out.Null();
    return Done();
  }
  resp::Writer& out = context.out;
  const std::string& password = context.server.settings().requirepass;
  out.MapHeader(6);
  out.Bulk("flags");
  out.SetHeader(password.empty() ? 2 : 1);
  out.Bulk("on");
  if (password.empty()) out.Bulk("nopass");
  out.Bulk("passwords");
  out.ArrayHeader(password.empty() ? 0 : 1);
  if (!password.empty()) out.Bulk(Sha256Hex(password));
  WriteField(out, "commands", "+@all");
  WriteField(out, "keys", "~*");
  WriteField(out, "channels", "&*");
  out.Bulk("selectors");
  out.ArrayHeader(0);
  return Done();
}

Outcome CmdAclGenPass(CommandContext& context) {
  constexpr size_t kMaxArguments = 3;
  constexpr int64_t kMostBits = 4096;
  constexpr int64_t kBitsPerDigit = 4;
  if (context.args.size() > kMaxArguments) {
    return {Error::kSubcommandSyntax, {context.args[1], "ACL"}};
  }
  int64_t bits = 256;
  if (context.args.size() == kMaxArguments) {
    const std::optional<int64_t> given = ParseInteger(context.args[2]);
    if (!given) return Error::kNotInteger;
    if (*given < 1 || *given > kMostBits) return Error::kAclGenPass;
    bits = *given;
  }
  context.out.Bulk(RandomHex(static_cast<size_t>((bits + kBitsPerDigit - 1) / kBitsPerDigit)));
  return Done();
}

Outcome CmdAclDelUser(CommandContext& context) {
  const auto names = context.args.subspan(2);
  if (std::ranges::find(names, kUser) != names.end()) return Error::kAclDefaultUserStays;
  context.out.Integer(0);
  return Done();
}

Outcome CmdAclDryRun(CommandContext& context) {
  const std::string_view user = context.args[2];
  const auto words = context.args.subspan(3);
  if (user != kUser) return {Error::kAclUnknownUser, {user}};
  const CommandSpec* spec = FindCommand(words[0]);
  if (spec != nullptr && (spec->flags & kContainer) != 0 && words.size() > 1) {
    spec = FindSubcommand(*spec, words[1]);
  }
  if (spec == nullptr) return {Error::kAclUnknownCommand, {words[0]}};
  if (!ArityMatches(*spec, words.size())) return {Error::kWrongArity, {spec->name}};
  context.out.SimpleString("OK");
  return Done();
}

Outcome CmdAclSetUser(CommandContext&) { return Error::kAclOneUser; }

Outcome CmdAclNoFile(CommandContext&) { return Error::kAclNoFile; }

Outcome CmdAclHelp(CommandContext& context) {
  WriteHelp(context.out, "ACL", kHelp);
  return Done();
}

}  // namespace server
