#include "server/commands/expire.h"

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "server/commands/expire_args.h"
#include "server/commands/stream_args.h"
#include "server/core/text.h"

namespace server {
namespace {

using engine::KeyInfo;
using engine::KeyType;
using engine::Result;

struct Conditions {
  bool if_none = false;     // NX
  bool if_some = false;     // XX
  bool if_later = false;    // GT
  bool if_earlier = false;  // LT
};

Outcome ReadConditions(Arguments args, Conditions* conditions) {
  constexpr size_t kFirstOption = 3;
  for (std::string_view word : args.subspan(kFirstOption)) {
    if (EqualsIgnoreCase(word, "NX")) {
      conditions->if_none = true;
    } else if (EqualsIgnoreCase(word, "XX")) {
      conditions->if_some = true;
    } else if (EqualsIgnoreCase(word, "GT")) {
      conditions->if_later = true;
    } else if (EqualsIgnoreCase(word, "LT")) {
      conditions->if_earlier = true;
    } else {
      return {Error::kExpireOption, {word}};
    }
  }
  if (conditions->if_none &&
      (conditions->if_some || conditions->if_later || conditions->if_earlier)) {
    return Error::kExpireNxAndOthers;
  }
  if (conditions->if_later && conditions->if_earlier) return Error::kExpireGtAndLt;
  return Done();
}

// No time counts as later than any.
bool Holds(const Conditions& conditions, int64_t old_ms, int64_t new_ms) {
  const bool has_old = old_ms != 0;
  if (conditions.if_none && has_old) return false;
  if (conditions.if_some && !has_old) return false;
  if (conditions.if_later && (!has_old || new_ms <= old_ms)) return false;
  if (conditions.if_earlier && has_old && new_ms >= old_ms) return false;
  return true;
}

TimeForm FormOf(std::string_view command) {
  if (command == "expire") return TimeForm::kSeconds;
  if (command == "pexpire") return TimeForm::kMilliseconds;
  return command == "expireat" ? TimeForm::kUnixSeconds : TimeForm::kUnixMilliseconds;
}

int64_t RoundToSeconds(int64_t ms) { return ms / 1000 + (ms % 1000 >= 500 ? 1 : 0); }

}  // namespace

Outcome CmdExpire(CommandContext& context) {
  Conditions conditions;
  RETURN_IF_FAILED(ReadConditions(context.args, &conditions));
  const std::string_view command = context.spec.name;
  int64_t expire_ms = 0;
  RETURN_IF_FAILED(
      ReadExpiry(context.args[2], FormOf(command), context.op.now.unix_ms, command, &expire_ms));
  const std::string_view key = context.args[1];
  const Result<KeyInfo> info = context.engine.Describe(context.op, key);
  if (!info.ok()) return info.status();
  if (info->type == KeyType::kNone || !Holds(conditions, info->expire_ms, expire_ms)) {
    context.out.Integer(0);
    return Done();
  }
  if (expire_ms <= context.op.now.unix_ms) {
    const Result<int64_t> deleted =
        context.engine.DeleteKeys(context.op, context.args.subspan(1, 1), nullptr);
    if (!deleted.ok()) return deleted.status();
    context.SignalKey(key);
    context.KeyChanged(key, key_event::kDel);
  } else {
    const Result<bool> set = context.engine.SetExpiry(context.op, key, expire_ms);
    if (!set.ok()) return set.status();
    context.KeyChanged(key, key_event::kExpire);
  }
  context.out.Integer(1);
  return Done();
}

Outcome CmdTtl(CommandContext& context) {
  constexpr int64_t kNoKey = -2;
  constexpr int64_t kNoExpiry = -1;
  const Result<KeyInfo> info = context.engine.Describe(context.op, context.args[1]);
  if (!info.ok()) return info.status();
  if (info->type == KeyType::kNone || info->expire_ms == 0) {
    context.out.Integer(info->type == KeyType::kNone ? kNoKey : kNoExpiry);
    return Done();
  }
  const std::string_view command = context.spec.name;
  const bool is_relative = command == "ttl" || command == "pttl";
  const bool in_seconds = command == "ttl" || command == "expiretime";
  const int64_t ms = info->expire_ms - (is_relative ? context.op.now.unix_ms : 0);
  context.out.Integer(in_seconds ? RoundToSeconds(ms) : ms);
  return Done();
}

Outcome CmdPersist(CommandContext& context) {
  const std::string_view key = context.args[1];
  const Result<KeyInfo> info = context.engine.Describe(context.op, key);
  if (!info.ok()) return info.status();
  const bool has_expiry = info->expire_ms != 0;
  if (has_expiry) {
    const Result<bool> set = context.engine.SetExpiry(context.op, key, 0);
    if (!set.ok()) return set.status();
    context.KeyChanged(key, key_event::kPersist);
  }
  context.out.Integer(has_expiry ? 1 : 0);
  return Done();
}

}  // namespace server
