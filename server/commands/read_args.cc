#include "server/commands/read_args.h"

#include <algorithm>

#include "server/commands/timeout.h"
#include "server/core/text.h"

namespace server {
namespace {

// An option's word and how many arguments it needs behind it.
struct OptionShape {
  std::string_view word;
  size_t values = 0;
};

constexpr OptionShape kCount = {"COUNT", 1};
constexpr OptionShape kBlock = {"BLOCK", 1};
constexpr OptionShape kGroup = {"GROUP", 2};
constexpr OptionShape kNoAck = {"NOACK", 0};
constexpr OptionShape kMaxCount = {"MAXCOUNT", 1};
constexpr OptionShape kMaxSize = {"MAXSIZE", 1};
constexpr OptionShape kClaim = {"CLAIM", 1};
constexpr OptionShape kStreams = {"STREAMS", 1};

// An option that lacks a value is not that option.
bool IsOption(Arguments args, size_t position, const OptionShape& shape) {
  return EqualsIgnoreCase(args[position], shape.word) && args.size() - position > shape.values;
}

Outcome ReadBlock(std::string_view text, int64_t now_unix_ms, ReadOptions* options) {
  int64_t block_ms = 0;
  RETURN_IF_FAILED(ReadTimeout(text, now_unix_ms, &block_ms));
  options->block_ms = block_ms;
  return Done();
}

Outcome ReadPositive(std::string_view text, Error refusal, int64_t* value) {
  RETURN_IF_FAILED(ReadInteger(text, value));
  return *value < 1 ? Outcome(refusal) : Done();
}

Outcome ReadMaxSize(std::string_view text, ReadOptions* options) {
  int64_t max_bytes = 0;
  RETURN_IF_FAILED(ReadPositive(text, Error::kMaxSizeNotPositive, &max_bytes));
  options->max_bytes = static_cast<uint64_t>(max_bytes);
  return Done();
}

Outcome ReadClaim(std::string_view text, ReadOptions* options) {
  int64_t min_idle_ms = 0;
  RETURN_IF_FAILED(ReadInteger(text, &min_idle_ms, Error::kMinIdleNotInteger));
  if (min_idle_ms < 0) return Error::kMinIdleNegative;
  options->claim_min_idle_ms = min_idle_ms;
  return Done();
}

// Takes the option at `*position` and moves behind it.
Outcome TakeOption(Arguments args, ReadCommand command, int64_t now_unix_ms, size_t* position,
                   ReadOptions* options) {
  const size_t value = *position + 1;
  if (IsOption(args, *position, kBlock)) {
    RETURN_IF_FAILED(ReadBlock(args[value], now_unix_ms, options));
    *position = value + kBlock.values;
    return Done();
  }
  if (IsOption(args, *position, kCount)) {
    RETURN_IF_FAILED(ReadInteger(args[value], &options->count));
    options->count = std::max<int64_t>(options->count, 0);
    *position = value + kCount.values;
    return Done();
  }
  if (IsOption(args, *position, kMaxCount)) {
    *position = value + kMaxCount.values;
    return ReadPositive(args[value], Error::kMaxCountNotPositive, &options->max_count);
  }
  if (IsOption(args, *position, kMaxSize)) {
    *position = value + kMaxSize.values;
    return ReadMaxSize(args[value], options);
  }
  if (IsOption(args, *position, kClaim)) {
    if (command == ReadCommand::kXRead) return {Error::kGroupOnlyInXReadGroup, {kClaim.word}};
    *position = value + kClaim.values;
    return ReadClaim(args[value], options);
  }
  if (IsOption(args, *position, kGroup)) {
    if (command == ReadCommand::kXRead) return {Error::kGroupOnlyInXReadGroup, {kGroup.word}};
    options->group = args[value];
    options->consumer = args[value + 1];
    *position = value + kGroup.values;
    return Done();
  }
  if (IsOption(args, *position, kNoAck)) {
    if (command == ReadCommand::kXRead) return {Error::kGroupOnlyInXReadGroup, {kNoAck.word}};
    options->no_ack = true;
    *position = value;
    return Done();
  }
  return Error::kSyntax;
}

}  // namespace

Outcome ReadReadOptions(Arguments args, ReadCommand command, int64_t now_unix_ms,
                        ReadOptions* options) {
  size_t position = 1;
  while (position < args.size() && !IsOption(args, position, kStreams)) {
    RETURN_IF_FAILED(TakeOption(args, command, now_unix_ms, &position, options));
  }
  if (position == args.size()) return Error::kSyntax;
  const Arguments names = args.subspan(position + 1);
  if (names.size() % 2 != 0) {
    return command == ReadCommand::kXRead ? Error::kUnbalancedXRead : Error::kUnbalancedXReadGroup;
  }
  if (command == ReadCommand::kXReadGroup && !options->group) return Error::kMissingGroupOption;
  if (options->max_count > 0 && options->max_count < options->count) {
    return Error::kMaxCountBelowCount;
  }
  options->keys = names.first(names.size() / 2);
  options->ids = names.subspan(names.size() / 2);
  return Done();
}

}  // namespace server
