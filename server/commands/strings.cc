#include "server/commands/strings.h"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/commands/expire_args.h"
#include "server/commands/missing_objects.h"
#include "server/commands/stream_args.h"
#include "server/core/args.h"
#include "server/core/server_context.h"
#include "server/core/text.h"

namespace server {
namespace {

using engine::Code;
using engine::Result;

// SET and GETEX have most of their options in common.
struct StringOptions {
  bool if_missing = false;  // NX
  bool if_exists = false;   // XX
  bool get = false;
  bool keep_expiry = false;  // KEEPTTL
  bool persist = false;      // PERSIST
  std::optional<TimeForm> form;
  std::string_view time;
};

struct TimeWord {
  std::string_view word;
  TimeForm form;
};
constexpr TimeWord kTimeWords[] = {{"EX", TimeForm::kSeconds},
                                   {"PX", TimeForm::kMilliseconds},
                                   {"EXAT", TimeForm::kUnixSeconds},
                                   {"PXAT", TimeForm::kUnixMilliseconds}};

bool IsAbsolute(TimeForm form) {
  return form == TimeForm::kUnixSeconds || form == TimeForm::kUnixMilliseconds;
}

// Takes the option at `*position` if it gives a time; nothing moves otherwise. A repeated one
// replaces the one before, two different ones exclude each other.
bool TakeTime(Arguments args, size_t* position, StringOptions* options) {
  for (const TimeWord& known : kTimeWords) {
    if (!EqualsIgnoreCase(args[*position], known.word)) continue;
    const bool fits = !options->keep_expiry && !options->persist &&
                      (!options->form || *options->form == known.form);
    if (!fits || *position + 1 == args.size()) return false;
    options->form = known.form;
    options->time = args[*position + 1];
    *position += 2;
    return true;
  }
  return false;
}

bool TakeSetWord(std::string_view word, StringOptions* options) {
  if (EqualsIgnoreCase(word, "NX") && !options->if_exists) return options->if_missing = true;
  if (EqualsIgnoreCase(word, "XX") && !options->if_missing) return options->if_exists = true;
  if (EqualsIgnoreCase(word, "GET")) return options->get = true;
  if (EqualsIgnoreCase(word, "KEEPTTL") && !options->form) return options->keep_expiry = true;
  return false;
}

bool TakeGetExWord(std::string_view word, StringOptions* options) {
  return EqualsIgnoreCase(word, "PERSIST") && !options->form && (options->persist = true);
}

Outcome ReadOptions(Arguments args, size_t first,
                    bool (*take_word)(std::string_view, StringOptions*), StringOptions* options) {
  for (size_t i = first; i < args.size();) {
    if (TakeTime(args, &i, options)) continue;
    if (!take_word(args[i], options)) return Error::kSyntax;
    ++i;
  }
  return Done();
}

// The string, null when there is no such key.
Result<const std::string*> FindString(CommandContext& context, std::string_view key) {
  Result<const std::string*> found = context.engine.OpenString(context.op, key);
  if (found.code() == Code::kNotFound) return static_cast<const std::string*>(nullptr);
  return found;
}

void WriteStringOrNull(resp::Writer& out, const std::string* text) {
  if (text == nullptr) {
    out.Null();
  } else {
    out.Bulk(*text);
  }
}

// Sets the key and tells everybody who wants to know. Nothing is written.
Outcome Store(CommandContext& context, std::string_view key, std::string_view value,
              int64_t expire_ms, const KeyEvent& event) {
  const Result<bool> is_new = context.engine.SetString(context.op, key, value, expire_ms);
  if (!is_new.ok()) return is_new.status();
  context.SignalKey(key);
  if (*is_new) context.KeyChanged(key, key_event::kNew);
  context.KeyChanged(key, event);
  return Done();
}

// Replies with the value and gives it to the caller's change.
Outcome GetForChange(CommandContext& context, bool* exists) {
  const Result<const std::string*> old = FindString(context, context.args[1]);
  if (!old.ok()) return old.status();
  *exists = *old != nullptr;
  WriteStringOrNull(context.out, *old);
  return Done();
}

Outcome AddToNumber(CommandContext& context, int64_t change) {
  const std::string_view key = context.args[1];
  const Result<const std::string*> old = FindString(context, key);
  if (!old.ok()) return old.status();
  int64_t number = 0;
  if (*old != nullptr) RETURN_IF_FAILED(ReadInteger(**old, &number));
  if (__builtin_add_overflow(number, change, &number)) return Error::kNumberOverflow;
  const Result<engine::KeyInfo> info = context.engine.Describe(context.op, key);
  if (!info.ok()) return info.status();
  RETURN_IF_FAILED(
      Store(context, key, std::to_string(number), info->expire_ms, key_event::kIncrBy));
  context.out.Integer(number);
  return Done();
}

// The keys of MSET and MSETNX; an error when one has no value.
Outcome ReadPairs(CommandContext& context, std::vector<std::string_view>* keys) {
  if (context.args.size() % 2 == 0) return {Error::kWrongArity, {context.spec.name}};
  for (size_t i = 1; i < context.args.size(); i += 2) keys->push_back(context.args[i]);
  return context.engine.PrepareKeys(context.op, *keys);
}

Outcome StorePairs(CommandContext& context) {
  for (size_t i = 1; i < context.args.size(); i += 2) {
    RETURN_IF_FAILED(Store(context, context.args[i], context.args[i + 1], 0, key_event::kSet));
  }
  return Done();
}

}  // namespace

Outcome CmdSet(CommandContext& context) {
  StringOptions options;
  RETURN_IF_FAILED(ReadOptions(context.args, 3, TakeSetWord, &options));
  int64_t expire_ms = 0;
  if (options.form) {
    RETURN_IF_FAILED(
        ReadPositiveExpiry(options.time, *options.form, context.op.now.unix_ms, "set", &expire_ms));
  }
  const std::string_view key = context.args[1];
  const size_t mark = context.out.size();
  if (options.get) {
    bool exists = false;
    RETURN_IF_FAILED(GetForChange(context, &exists));
  }
  if (options.if_missing || options.if_exists || options.keep_expiry) {
    const Result<engine::KeyInfo> info = context.engine.Describe(context.op, key);
    if (!info.ok()) return info.status();
    const bool exists = info->type != engine::KeyType::kNone;
    if ((options.if_missing && exists) || (options.if_exists && !exists)) {
      if (context.out.size() == mark) context.out.Null();
      return Done();
    }
    if (options.keep_expiry) expire_ms = info->expire_ms;
  }
  RETURN_IF_FAILED(Store(context, key, context.args[2], expire_ms, key_event::kSet));
  if (options.form) context.KeyChanged(key, key_event::kExpire);
  if (!options.get) context.out.SimpleString("OK");
  return Done();
}

Outcome CmdSetNx(CommandContext& context) {
  const Result<engine::KeyInfo> info = context.engine.Describe(context.op, context.args[1]);
  if (!info.ok()) return info.status();
  const bool is_free = info->type == engine::KeyType::kNone;
  if (is_free) {
    RETURN_IF_FAILED(Store(context, context.args[1], context.args[2], 0, key_event::kSet));
  }
  context.out.Integer(is_free ? 1 : 0);
  return Done();
}

Outcome CmdSetEx(CommandContext& context) {
  const bool in_seconds = context.spec.name == "setex";
  int64_t expire_ms = 0;
  RETURN_IF_FAILED(ReadPositiveExpiry(context.args[2],
                                      in_seconds ? TimeForm::kSeconds : TimeForm::kMilliseconds,
                                      context.op.now.unix_ms, context.spec.name, &expire_ms));
  RETURN_IF_FAILED(Store(context, context.args[1], context.args[3], expire_ms, key_event::kSet));
  context.KeyChanged(context.args[1], key_event::kExpire);
  context.out.SimpleString("OK");
  return Done();
}

Outcome CmdGet(CommandContext& context) {
  const Result<const std::string*> text = FindString(context, context.args[1]);
  if (!text.ok()) return text.status();
  WriteStringOrNull(context.out, *text);
  return Done();
}

Outcome CmdGetDel(CommandContext& context) {
  bool exists = false;
  RETURN_IF_FAILED(GetForChange(context, &exists));
  if (!exists) return Done();
  const Result<int64_t> deleted =
      context.engine.DeleteKeys(context.op, context.args.subspan(1), nullptr);
  if (!deleted.ok()) return deleted.status();
  context.SignalKey(context.args[1]);
  context.KeyChanged(context.args[1], key_event::kDel);
  return Done();
}

Outcome CmdGetEx(CommandContext& context) {
  StringOptions options;
  RETURN_IF_FAILED(ReadOptions(context.args, 2, TakeGetExWord, &options));
  const std::string_view key = context.args[1];
  bool exists = false;
  RETURN_IF_FAILED(GetForChange(context, &exists));
  if (!exists) return Done();
  int64_t expire_ms = 0;
  if (options.form) {
    RETURN_IF_FAILED(ReadPositiveExpiry(options.time, *options.form, context.op.now.unix_ms,
                                        "getex", &expire_ms));
    if (IsAbsolute(*options.form) && expire_ms <= context.op.now.unix_ms) {
      const Result<int64_t> deleted =
          context.engine.DeleteKeys(context.op, context.args.subspan(1, 1), nullptr);
      if (!deleted.ok()) return deleted.status();
      context.SignalKey(key);
      context.KeyChanged(key, key_event::kDel);
      return Done();
    }
  } else if (!options.persist) {
    return Done();
  }
  const Result<engine::KeyInfo> info = context.engine.Describe(context.op, key);
  if (!info.ok()) return info.status();
  if (options.persist && info->expire_ms == 0) return Done();
  const Result<bool> set = context.engine.SetExpiry(context.op, key, expire_ms);
  if (!set.ok()) return set.status();
  context.KeyChanged(key, options.persist ? key_event::kPersist : key_event::kExpire);
  return Done();
}

Outcome CmdGetSet(CommandContext& context) {
  bool exists = false;
  RETURN_IF_FAILED(GetForChange(context, &exists));
  return Store(context, context.args[1], context.args[2], 0, key_event::kSet);
}

Outcome CmdMGet(CommandContext& context) {
  MissingObjects missing;
  context.out.ArrayHeader(context.args.size() - 1);
  for (std::string_view key : context.args.subspan(1)) {
    const Result<const std::string*> text = FindString(context, key);
    const bool is_other = text.code() == Code::kWrongType;
    if (!text.ok() && !is_other && !missing.Note(text.status())) return text.status();
    WriteStringOrNull(context.out, text.ok() ? *text : nullptr);
  }
  return missing.any() ? Outcome(missing.status()) : Done();
}

Outcome CmdMSet(CommandContext& context) {
  std::vector<std::string_view> keys;
  RETURN_IF_FAILED(ReadPairs(context, &keys));
  RETURN_IF_FAILED(StorePairs(context));
  context.out.SimpleString("OK");
  return Done();
}

Outcome CmdMSetNx(CommandContext& context) {
  std::vector<std::string_view> keys;
  RETURN_IF_FAILED(ReadPairs(context, &keys));
  for (std::string_view key : keys) {
    const Result<engine::KeyInfo> info = context.engine.Describe(context.op, key);
    if (!info.ok()) return info.status();
    if (info->type == engine::KeyType::kNone) continue;
    context.out.Integer(0);
    return Done();
  }
  RETURN_IF_FAILED(StorePairs(context));
  context.out.Integer(1);
  return Done();
}

Outcome CmdIncr(CommandContext& context) { return AddToNumber(context, 1); }

Outcome CmdDecr(CommandContext& context) { return AddToNumber(context, -1); }

Outcome CmdIncrBy(CommandContext& context) {
  int64_t change = 0;
  RETURN_IF_FAILED(ReadInteger(context.args[2], &change));
  return AddToNumber(context, change);
}

Outcome CmdDecrBy(CommandContext& context) {
  int64_t change = 0;
  RETURN_IF_FAILED(ReadInteger(context.args[2], &change));
  if (change == std::numeric_limits<int64_t>::min()) return Error::kDecrementOverflow;
  return AddToNumber(context, -change);
}

Outcome CmdAppend(CommandContext& context) {
  const std::string_view key = context.args[1];
  const Result<const std::string*> old = FindString(context, key);
  if (!old.ok()) return old.status();
  const std::string_view before = *old == nullptr ? std::string_view() : std::string_view(**old);
  const std::string_view tail = context.args[2];
  const auto limit = static_cast<size_t>(context.server.settings().proto_max_bulk_len);
  if (*old != nullptr && before.size() + tail.size() > limit) return Error::kStringTooLong;
  std::string value;
  value.reserve(before.size() + tail.size());
  value.append(before).append(tail);
  const Result<engine::KeyInfo> info = context.engine.Describe(context.op, key);
  if (!info.ok()) return info.status();
  RETURN_IF_FAILED(Store(context, key, value, info->expire_ms, key_event::kAppend));
  context.out.Integer(static_cast<int64_t>(value.size()));
  return Done();
}

Outcome CmdStrLen(CommandContext& context) {
  const Result<const std::string*> text = FindString(context, context.args[1]);
  if (!text.ok()) return text.status();
  context.out.Integer(*text == nullptr ? 0 : static_cast<int64_t>((*text)->size()));
  return Done();
}

}  // namespace server
