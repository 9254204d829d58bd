#include "server/commands/keys.h"

#include <charconv>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "resp/glob.h"
#include "server/commands/missing_objects.h"
#include "server/commands/stream_args.h"
#include "server/core/server_context.h"
#include "server/core/text.h"

namespace server {
namespace {

using engine::KeyType;
using engine::Result;

constexpr int64_t kDefaultScanCount = 10;

std::string_view TypeName(KeyType type) {
  switch (type) {
    case KeyType::kNone:
      return "none";
    case KeyType::kStream:
      return "stream";
    case KeyType::kString:
      return "string";
  }
  return "none";
}

// Types that clients know and no key here can have.
constexpr std::string_view kForeignTypes[] = {"list", "set", "zset", "hash"};

bool IsForeignType(std::string_view name) {
  for (std::string_view foreign : kForeignTypes) {
    if (EqualsIgnoreCase(name, foreign)) return true;
  }
  return false;
}

struct ScanOptions {
  uint64_t cursor = 0;
  int64_t count = kDefaultScanCount;
  std::optional<std::string_view> pattern;
  std::optional<KeyType> type;
  bool nothing_can_match = false;
};

Outcome ReadCursor(std::string_view text, uint64_t* cursor) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *cursor);
  if (error != std::errc() || end != text.data() + text.size()) return Error::kInvalidCursor;
  return Done();
}

Outcome ReadType(std::string_view name, ScanOptions* options) {
  options->type.reset();
  for (const KeyType type : {KeyType::kStream, KeyType::kString}) {
    if (EqualsIgnoreCase(name, TypeName(type))) options->type = type;
  }
  options->nothing_can_match = !options->type;
  if (!options->type && !IsForeignType(name)) return {Error::kUnknownTypeName, {name}};
  return Done();
}

Outcome ReadScanOptions(Arguments args, ScanOptions* options) {
  RETURN_IF_FAILED(ReadCursor(args[1], &options->cursor));
  constexpr size_t kFirstOption = 2;
  constexpr size_t kWordsPerOption = 2;
  for (size_t i = kFirstOption; i < args.size(); i += kWordsPerOption) {
    if (i + 1 == args.size()) return Error::kSyntax;
    const std::string_view value = args[i + 1];
    if (EqualsIgnoreCase(args[i], "COUNT")) {
      RETURN_IF_FAILED(ReadInteger(value, &options->count));
      if (options->count < 1) return Error::kSyntax;
    } else if (EqualsIgnoreCase(args[i], "MATCH")) {
      options->pattern = value;
    } else if (EqualsIgnoreCase(args[i], "TYPE")) {
      RETURN_IF_FAILED(ReadType(value, options));
    } else {
      return Error::kSyntax;
    }
  }
  return Done();
}

// FLUSHDB and FLUSHALL: both modes detach the data at once and free it later.
Outcome CheckFlushMode(Arguments args) {
  constexpr size_t kMaxArguments = 2;
  if (args.size() == 1) return Done();
  const bool is_mode = EqualsIgnoreCase(args[1], "ASYNC") || EqualsIgnoreCase(args[1], "SYNC");
  if (args.size() > kMaxArguments || !is_mode) return Error::kSyntax;
  return Done();
}

// Whether the key exists, with the type if one is asked for.
Outcome LookUp(CommandContext& context, std::string_view key, std::optional<KeyType> wanted,
               bool* exists) {
  const Result<KeyType> type = context.engine.TypeOf(context.op, key);
  if (!type.ok()) return type.status();
  *exists = wanted ? *type == *wanted : *type != KeyType::kNone;
  return Done();
}

// One step of a scan. A pattern that is a plain name needs no scan: the key is in the first page.
Outcome ScanPage(CommandContext& context, const ScanOptions& options, engine::ScanResult* page) {
  if (options.nothing_can_match) return Done();
  if (options.pattern && resp::IsGlobLiteral(*options.pattern)) {
    bool exists = false;
    RETURN_IF_FAILED(LookUp(context, *options.pattern, options.type, &exists));
    if (exists) page->keys.emplace_back(*options.pattern);
    return Done();
  }
  Result<engine::ScanResult> result =
      context.engine.Scan(context.op, options.cursor, options.count,
                          options.pattern.value_or(std::string_view()), options.type);
  if (!result.ok()) return result.status();
  *page = std::move(result).value();
  return Done();
}

void WriteKeys(resp::Writer& out, std::span<const std::string> keys) {
  out.ArrayHeader(keys.size());
  for (const std::string& key : keys) out.Bulk(key);
}

}  // namespace

Outcome CmdDel(CommandContext& context) {
  std::vector<std::string_view> deleted;
  Result<int64_t> count = context.engine.DeleteKeys(context.op, context.args.subspan(1), &deleted);
  if (!count.ok()) return count.status();
  for (std::string_view key : deleted) {
    context.SignalKey(key);
    context.KeyChanged(key, key_event::kDel);
  }
  context.out.Integer(*count);
  return Done();
}

Outcome CmdExists(CommandContext& context) {
  int64_t count = 0;
  MissingObjects missing;
  for (std::string_view key : context.args.subspan(1)) {
    const Result<KeyType> type = context.engine.TypeOf(context.op, key);
    if (!type.ok() && !missing.Note(type.status())) return type.status();
    if (!type.ok()) continue;
    if (*type != KeyType::kNone) {
      ++count;
    } else {
      context.KeyMissed(key);
    }
  }
  if (missing.any()) return missing.status();
  context.out.Integer(count);
  return Done();
}

Outcome CmdType(CommandContext& context) {
  const Result<KeyType> type = context.engine.TypeOf(context.op, context.args[1]);
  if (!type.ok()) return type.status();
  if (*type == KeyType::kNone) context.KeyMissed(context.args[1]);
  context.out.SimpleString(TypeName(*type));
  return Done();
}

Outcome CmdKeys(CommandContext& context) {
  const std::string_view pattern = context.args[1];
  if (resp::IsGlobLiteral(pattern)) {
    bool exists = false;
    RETURN_IF_FAILED(LookUp(context, pattern, std::nullopt, &exists));
    context.out.ArrayHeader(exists ? 1 : 0);
    if (exists) context.out.Bulk(pattern);
    return Done();
  }
  const Result<std::vector<std::string>> keys = context.engine.Keys(context.op, pattern);
  if (!keys.ok()) return keys.status();
  WriteKeys(context.out, *keys);
  return Done();
}

Outcome CmdScan(CommandContext& context) {
  ScanOptions options;
  RETURN_IF_FAILED(ReadScanOptions(context.args, &options));
  engine::ScanResult page;
  RETURN_IF_FAILED(ScanPage(context, options, &page));
  context.out.ArrayHeader(2);
  context.out.Bulk(std::to_string(page.cursor));
  WriteKeys(context.out, page.keys);
  return Done();
}

Outcome CmdDbSize(CommandContext& context) {
  context.out.Integer(context.engine.KeyCount(context.op));
  return Done();
}

Outcome CmdRandomKey(CommandContext& context) {
  const Result<std::optional<std::string>> key =
      context.engine.RandomKey(context.op, context.server.Random());
  if (!key.ok()) return key.status();
  if (key->has_value()) {
    context.out.Bulk(**key);
  } else {
    context.out.Null();
  }
  return Done();
}

Outcome CmdFlushDb(CommandContext& context) {
  RETURN_IF_FAILED(CheckFlushMode(context.args));
  RETURN_IF_FAILED(context.engine.FlushDb(context.op, context.op.db));
  context.SignalDatabase(context.op.db);
  context.out.SimpleString("OK");
  return Done();
}

Outcome CmdFlushAll(CommandContext& context) {
  RETURN_IF_FAILED(CheckFlushMode(context.args));
  RETURN_IF_FAILED(context.engine.FlushAll(context.op));
  const auto databases = static_cast<uint32_t>(context.server.config().settings().databases);
  for (uint32_t db = 0; db < databases; ++db) context.SignalDatabase(db);
  context.out.SimpleString("OK");
  return Done();
}

}  // namespace server
