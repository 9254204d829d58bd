#include "server/commands/debug.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "engine/inspect.h"
#include "fmt/format.h"
#include "resp/glob.h"
#include "server/commands/debug_protocol.h"
#include "server/commands/help.h"
#include "server/commands/stream_access.h"
#include "server/core/config_value.h"
#include "server/core/password.h"
#include "server/core/server_context.h"
#include "server/core/text.h"

namespace server {
namespace {

constexpr std::string_view kHelp[] = {
    "CHANGE-REPL-ID",
    "    Take a new replication id.",
    "DISK-FREE <bytes|real>",
    "    Act as if so many bytes of the disk were free.",
    "ERROR <string>",
    "    Answer an error with this text.",
    "JMAP",
    "    Accepted; there is nothing to be shown.",
    "LOADAOF",
    "    As RELOAD.",
    "LOG <message>",
    "    Write a line to the log.",
    "OBJECT <key>",
    "    How a key is stored.",
    "PAUSE-CRON <0|1>",
    "    Stop (1) or go on with (0) what happens at intervals: closing idle clients.",
    "PROTOCOL <string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false>",
    "    Answer a sample of a type of the protocol.",
    "RELOAD",
    "    Save everything, drop it from memory, and open the store again.",
    "SLEEP <seconds>",
    "    Do nothing at all for a while; fractions are allowed.",
    "STRINGMATCH-TEST",
    "    Match random patterns with random strings.",
};

void WriteOk(CommandContext& context) { context.out.SimpleString("OK"); }

// What is no number is none.
double ReadNumber(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && std::isfinite(value) ? value : 0;
}

Outcome Sleep(CommandContext& context) {
  constexpr double kMicrosPerSecond = 1e6;
  constexpr double kLongestSeconds = 3600;
  const double seconds = std::clamp(ReadNumber(context.args[2]), 0.0, kLongestSeconds);
  context.server.clock().Sleep(static_cast<int64_t>(seconds * kMicrosPerSecond));
  WriteOk(context);
  return Done();
}

Outcome ShowObject(CommandContext& context) {
  ASSIGN_OR_RETURN(engine::Stream * stream, FindStream(context, context.args[2]));
  if (stream == nullptr) return Error::kNoSuchKey;
  context.out.SimpleString(
      fmt::format("Value at:{} refcount:1 encoding:stream serializedlength:{} lru:0 "
                  "lru_seconds_idle:0",
                  static_cast<const void*>(stream), engine::Inspect(*stream).data_bytes));
  return Done();
}

// Clients that wait for the store hold objects of it.
bool AnybodyHoldsObjects(ServerContext& server) {
  bool found = false;
  server.clients().ForEach([&found](Session& session) {
    found = found || (session.parked != nullptr && session.parked->pins != nullptr);
  });
  return found;
}

Outcome Reload(CommandContext& context) {
  if (AnybodyHoldsObjects(context.server)) return Error::kReloadBusy;
  RETURN_IF_FAILED(context.engine.Reload(context.op.now));
  WriteOk(context);
  return Done();
}

Outcome PretendFreeDisk(CommandContext& context) {
  std::optional<uint64_t> bytes;
  if (!EqualsIgnoreCase(context.args[2], "real")) {
    const std::optional<int64_t> given = ParseConfigMemory(context.args[2]);
    if (!given || *given < 0) return Error::kNotInteger;
    bytes = static_cast<uint64_t>(*given);
  }
  context.engine.PretendFreeDisk(bytes);
  WriteOk(context);
  return Done();
}

Outcome WriteToLog(CommandContext& context) {
  context.server.log().Warning("DEBUG LOG", {{"text", context.args[2]}});
  WriteOk(context);
  return Done();
}

Outcome AnswerError(CommandContext& context) { return {Error::kVerbatim, {context.args[2]}}; }

Outcome PauseTicks(CommandContext& context) {
  context.server.set_ticks_paused(ReadNumber(context.args[2]) != 0);
  WriteOk(context);
  return Done();
}

Outcome ChangeReplicationId(CommandContext& context) {
  context.server.log().Notice("replication id changed by DEBUG CHANGE-REPL-ID");
  context.server.set_replication_id(RandomHex(context.server.replication_id().size()));
  WriteOk(context);
  return Done();
}

std::string RandomText(ServerContext& server, std::string_view alphabet, size_t longest) {
  std::string text(server.Random() % (longest + 1), '\0');
  for (char& c : text) c = alphabet[server.Random() % alphabet.size()];
  return text;
}

Outcome MatchRandomPatterns(CommandContext& context) {
  constexpr int kRounds = 10'000;
  constexpr size_t kLongest = 32;
  size_t matches = 0;
  for (int i = 0; i < kRounds; ++i) {
    const std::string pattern = RandomText(context.server, "ab*?[]^-\\", kLongest);
    matches += resp::GlobMatch(pattern, RandomText(context.server, "ab[]^-", kLongest)) ? 1 : 0;
  }
  context.out.SimpleString(fmt::format("{} patterns tried, {} matches", kRounds, matches));
  return Done();
}

Outcome AcceptSilently(CommandContext& context) {
  WriteOk(context);
  return Done();
}

Outcome ShowHelp(CommandContext& context) {
  WriteHelp(context.out, "DEBUG", kHelp);
  return Done();
}

struct Subcommand {
  std::string_view name;
  size_t argument_count;  // Both words of the command included.
  Handler run;
};
constexpr Subcommand kSubcommands[] = {
    {"CHANGE-REPL-ID", 2, ChangeReplicationId},
    {"DISK-FREE", 3, PretendFreeDisk},
    {"ERROR", 3, AnswerError},
    {"HELP", 2, ShowHelp},
    {"JMAP", 2, AcceptSilently},
    {"LOADAOF", 2, Reload},
    {"LOG", 3, WriteToLog},
    {"OBJECT", 3, ShowObject},
    {"PAUSE-CRON", 3, PauseTicks},
    {"PROTOCOL", 3, WriteProtocolSample},
    {"RELOAD", 2, Reload},
    {"SLEEP", 3, Sleep},
    {"STRINGMATCH-TEST", 2, MatchRandomPatterns},
};

}  // namespace

Outcome CmdDebug(CommandContext& context) {
  for (const Subcommand& subcommand : kSubcommands) {
    if (EqualsIgnoreCase(context.args[1], subcommand.name) &&
        context.args.size() == subcommand.argument_count) {
      return subcommand.run(context);
    }
  }
  return {Error::kSubcommandSyntax, {context.args[1], "DEBUG"}};
}

}  // namespace server
