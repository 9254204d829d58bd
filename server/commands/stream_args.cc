#include "server/commands/stream_args.h"

#include "server/core/args.h"
#include "server/core/text.h"

namespace server {
namespace {

using engine::StreamId;
using engine::TrimArgs;

bool IsExclusive(std::string_view text) { return text.size() > 1 && text.front() == '('; }

// The id of a bound, without regard to whether it is part of the range.
std::optional<StreamId> ParseBound(std::string_view text, uint64_t missing_seq) {
  return IsExclusive(text) ? engine::ParseStreamIdStrict(text.substr(1), missing_seq)
                           : engine::ParseStreamIdLoose(text, missing_seq);
}

Outcome ReadThreshold(std::string_view text, TrimArgs::Strategy strategy, TrimArgs* args) {
  if (strategy == TrimArgs::Strategy::kMinId) {
    RETURN_IF_FAILED(ReadStreamId(text, &args->min_id));
  } else {
    int64_t max_len = 0;
    RETURN_IF_FAILED(ReadInteger(text, &max_len));
    if (max_len < 0) return Error::kMaxLenNegative;
    args->max_len = static_cast<uint64_t>(max_len);
  }
  args->strategy = strategy;
  return Done();
}

Outcome TakeStrategy(Arguments args, size_t* position, TrimArgs::Strategy strategy,
                     TrimOptions* options) {
  if (options->has_strategy()) return Error::kTwoTrimStrategies;
  size_t threshold = *position + 1;
  // The sign counts as one only when something is left to be the threshold.
  if (threshold + 1 < args.size() && (args[threshold] == "~" || args[threshold] == "=")) {
    options->args.approximate = args[threshold] == "~";
    ++threshold;
  }
  RETURN_IF_FAILED(ReadThreshold(args[threshold], strategy, &options->args));
  *position = threshold + 1;
  return Done();
}

Outcome TakeLimit(Arguments args, size_t* position, TrimOptions* options) {
  int64_t limit = 0;
  RETURN_IF_FAILED(ReadInteger(args[*position + 1], &limit));
  if (limit < 0) return Error::kLimitNegative;
  options->limit = limit;
  *position += 2;
  return Done();
}

}  // namespace

Outcome ReadInteger(std::string_view text, int64_t* value, Error error,
                    std::initializer_list<std::string_view> error_words) {
  const std::optional<int64_t> parsed = ParseInteger(text);
  if (!parsed) return Outcome(error, error_words);
  *value = *parsed;
  return Done();
}

Outcome ReadStreamId(std::string_view text, StreamId* id) {
  const std::optional<StreamId> parsed = engine::ParseStreamIdStrict(text, 0);
  if (!parsed) return Error::kInvalidStreamId;
  *id = *parsed;
  return Done();
}

Outcome ReadStreamIds(Arguments texts, IdList* ids) {
  ids->resize(texts.size());
  for (size_t i = 0; i < texts.size(); ++i) {
    RETURN_IF_FAILED(ReadStreamId(texts[i], &(*ids)[i]));
  }
  return Done();
}

Outcome TakeCountedIds(Arguments args, size_t* position, Arguments* ids) {
  int64_t count = 0;
  RETURN_IF_FAILED(ReadInteger(args[*position], &count, Error::kNumIdsNotPositive));
  if (count < 1) return Error::kNumIdsNotPositive;
  ++*position;
  if (static_cast<uint64_t>(count) > args.size() - *position) return Error::kNumIdsTooLarge;
  *ids = args.subspan(*position, static_cast<size_t>(count));
  *position += ids->size();
  return Done();
}

Outcome ReadRangeStart(std::string_view text, StreamId* start) {
  std::optional<StreamId> bound = ParseBound(text, 0);
  if (!bound) return Error::kInvalidStreamId;
  if (IsExclusive(text)) bound = bound->Next();
  if (!bound) return Error::kInvalidRangeStart;
  *start = *bound;
  return Done();
}

Outcome ReadRangeEnd(std::string_view text, StreamId* end) {
  std::optional<StreamId> bound = ParseBound(text, UINT64_MAX);
  if (!bound) return Error::kInvalidStreamId;
  if (IsExclusive(text)) bound = bound->Previous();
  if (!bound) return Error::kInvalidRangeEnd;
  *end = *bound;
  return Done();
}

Outcome TakeTrimOption(Arguments args, size_t* position, TrimOptions* options) {
  if (*position + 1 >= args.size()) return Done();
  const std::string_view word = args[*position];
  if (EqualsIgnoreCase(word, "MAXLEN")) {
    return TakeStrategy(args, position, TrimArgs::Strategy::kMaxLen, options);
  }
  if (EqualsIgnoreCase(word, "MINID")) {
    return TakeStrategy(args, position, TrimArgs::Strategy::kMinId, options);
  }
  if (EqualsIgnoreCase(word, "LIMIT")) return TakeLimit(args, position, options);
  return Done();
}

void TakeReferences(Arguments args, size_t* position,
                    std::optional<engine::References>* references) {
  struct Word {
    std::string_view text;
    engine::References references;
  };
  constexpr Word kWords[] = {{"KEEPREF", engine::References::kKeep},
                             {"DELREF", engine::References::kDrop},
                             {"ACKED", engine::References::kRespect}};
  if (references->has_value()) return;
  for (const Word& word : kWords) {
    if (EqualsIgnoreCase(args[*position], word.text)) {
      *references = word.references;
      ++*position;
      return;
    }
  }
}

Outcome CheckLimitHasStrategy(const TrimOptions& options) {
  const bool limited = options.limit.value_or(0) != 0;
  if (limited && !options.has_strategy()) return Error::kLimitWithoutStrategy;
  return Done();
}

Outcome CheckLimitIsApproximate(const TrimOptions& options) {
  if (options.limit && !options.args.approximate) return Error::kLimitWithoutApproximate;
  return Done();
}

TrimArgs TrimArgsOf(const TrimOptions& options, int64_t default_limit) {
  TrimArgs args = options.args;
  if (args.approximate) args.limit = options.limit.value_or(default_limit);
  args.references = options.references.value_or(engine::References::kKeep);
  return args;
}

}  // namespace server
