#include "server/commands/object.h"

#include <cstdint>
#include <optional>
#include <string_view>

#include "server/commands/help.h"
#include "server/commands/keys.h"
#include "server/commands/stream_args.h"
#include "server/core/args.h"
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

}  // namespace server
