#include "server/commands/object.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>

#include "server/commands/help.h"
#include "server/commands/keys.h"
#include "server/commands/stream_args.h"
#include "server/core/args.h"
#include "server/core/server_context.h"
#include "server/core/text.h"

namespace server {
namespace {

using engine::KeyInfo;
using engine::KeyType;
using engine::Result;

constexpr size_t kObjectKey = 2;

// Describes the key; writes a null when there is none.
Outcome Look(CommandContext& context, KeyInfo* info) {
  const Result<KeyInfo> found = context.engine.Describe(context.op, context.args[kObjectKey]);
  if (!found.ok()) return found.status();
  *info = *found;
  if (info->type == KeyType::kNone) context.out.Null();
  return Done();
}

// As Redis keeps strings: as a number, in one piece with the header, or apart from it.
std::string_view EncodingOf(const KeyInfo& info) {
  constexpr size_t kLongestEmbedded = 44;
  if (info.type == KeyType::kStream) return "stream";
  if (ParseInteger(info.text)) return "int";
  return info.text.size() <= kLongestEmbedded ? "embstr" : "raw";
}

// Redis shares the objects of small numbers.
int64_t ReferencesOf(const KeyInfo& info) {
  constexpr int64_t kShared = 2147483647;
  constexpr int64_t kSharedNumbers = 10000;
  if (info.type != KeyType::kString) return 1;
  const std::optional<int64_t> number = ParseInteger(info.text);
  return number && *number >= 0 && *number < kSharedNumbers ? kShared : 1;
}

}  // namespace

Outcome CmdTouch(CommandContext& context) { return CmdExists(context); }

Outcome CmdObjectEncoding(CommandContext& context) {
  KeyInfo info;
  RETURN_IF_FAILED(Look(context, &info));
  if (info.type != KeyType::kNone) context.out.Bulk(EncodingOf(info));
  return Done();
}

Outcome CmdObjectFreq(CommandContext& context) {
  KeyInfo info;
  RETURN_IF_FAILED(Look(context, &info));
  return info.type == KeyType::kNone ? Done() : Outcome(Error::kObjectFreq);
}

Outcome CmdObjectIdleTime(CommandContext& context) {
  constexpr int64_t kMillisPerSecond = 1000;
  KeyInfo info;
  RETURN_IF_FAILED(Look(context, &info));
  if (info.type != KeyType::kNone) context.out.Integer(info.idle_ms / kMillisPerSecond);
  return Done();
}

Outcome CmdObjectRefCount(CommandContext& context) {
  KeyInfo info;
  RETURN_IF_FAILED(Look(context, &info));
  if (info.type != KeyType::kNone) context.out.Integer(ReferencesOf(info));
  return Done();
}

Outcome CmdObjectHelp(CommandContext& context) {
  constexpr std::string_view kLines[] = {
      "ENCODING <key>", "    How the value is kept.",
      "FREQ <key>",     "    How often the key is used; only with an LFU policy.",
      "IDLETIME <key>", "    Seconds since the key was last used, or came into memory.",
      "REFCOUNT <key>", "    How many references there are to the value.",
  };
  WriteHelp(context.out, "OBJECT", kLines);
  return Done();
}

Outcome CmdMemoryUsage(CommandContext& context) {
  constexpr size_t kFirstOption = 3;
  for (size_t i = kFirstOption; i < context.args.size(); i += 2) {
    if (!EqualsIgnoreCase(context.args[i], "SAMPLES") || i + 1 == context.args.size()) {
      return Error::kSyntax;
    }
    int64_t samples = 0;
    RETURN_IF_FAILED(ReadInteger(context.args[i + 1], &samples));
    if (samples < 0) return Error::kSyntax;
  }
  KeyInfo info;
  RETURN_IF_FAILED(Look(context, &info));
  if (info.type != KeyType::kNone) context.out.Integer(static_cast<int64_t>(info.memory_bytes));
  return Done();
}

Outcome CmdMemoryDoctor(CommandContext& context) {
  context.out.Verbatim(
      "Memory is bounded by the option cache-size; INFO memory shows how much of it is in use.");
  return Done();
}

Outcome CmdMemoryStats(CommandContext& context) {
  const engine::Engine::Stats stats = context.engine.GetStats();
  const auto used = static_cast<int64_t>(stats.memory_bytes);
  const auto databases = static_cast<uint32_t>(context.server.settings().databases);
  int64_t keys = 0;
  for (uint32_t db = 0; db < databases; ++db) keys += context.engine.KeyCountOf(db);
  const auto peak = static_cast<int64_t>(context.server.stats().used_memory_peak);
  constexpr size_t kPairs = 6;
  context.out.MapHeader(kPairs);
  const auto field = [&context](std::string_view name, int64_t value) {
    context.out.Bulk(name);
    context.out.Integer(value);
  };
  field("peak.allocated", std::max(peak, used));
  field("total.allocated", used);
  field("keys.count", keys);
  field("keys.bytes-per-key", keys > 0 ? used / keys : 0);
  field("dataset.bytes", used);
  field("weir.dirty-bytes", static_cast<int64_t>(stats.dirty_bytes));
  return Done();
}

Outcome CmdMemoryPurge(CommandContext& context) {
  context.out.SimpleString("OK");
  return Done();
}

Outcome CmdMemoryHelp(CommandContext& context) {
  constexpr std::string_view kLines[] = {
      "DOCTOR",
      "    Where to look for memory problems.",
      "PURGE",
      "    Answers OK: memory that is not in use is given back without being asked for.",
      "STATS",
      "    What memory is used for.",
      "USAGE <key> [SAMPLES <count>]",
      "    The bytes that a key would take wholly in memory: an estimate.",
  };
  WriteHelp(context.out, "MEMORY", kLines);
  return Done();
}

}  // namespace server
