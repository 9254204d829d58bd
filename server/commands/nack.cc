// XNACK.
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

#include "engine/engine.h"
#include "server/commands/pending.h"
#include "server/commands/stream_access.h"
#include "server/commands/stream_args.h"
#include "server/core/text.h"

namespace server {
namespace {

using engine::ReleaseArgs;

constexpr size_t kModeWord = 3;
constexpr size_t kFirstOption = 4;
constexpr size_t kMaxReasonBytes = 1024;
constexpr int64_t kMaxIds = std::numeric_limits<int32_t>::max();

Outcome ReadMode(std::string_view word, ReleaseArgs::Mode* mode) {
  if (EqualsIgnoreCase(word, "SILENT")) {
    *mode = ReleaseArgs::Mode::kSilent;
  } else if (EqualsIgnoreCase(word, "FAIL")) {
    *mode = ReleaseArgs::Mode::kFail;
  } else if (EqualsIgnoreCase(word, "FATAL")) {
    *mode = ReleaseArgs::Mode::kFatal;
  } else {
    return Error::kXNackMode;
  }
  return Done();
}

// `numids id [id ...]` at `*position`, which moves behind the ids.
Outcome TakeIds(Arguments args, size_t* position, Arguments* ids) {
  int64_t count = 0;
  RETURN_IF_FAILED(ReadInteger(args[*position], &count, Error::kXNackIdCount));
  if (count < 1 || count > kMaxIds) return Error::kXNackIdCount;
  const Arguments rest = args.subspan(*position + 1);
  if (static_cast<size_t>(count) > rest.size()) return Error::kXNackIdsMissing;
  *ids = rest.first(static_cast<size_t>(count));
  *position += 1 + ids->size();
  return Done();
}

// A word that needs a value and has none is no option. Of a repeated one the last counts.
Outcome ReadNackOptions(Arguments args, ReleaseArgs* release, Arguments* ids) {
  for (size_t i = kFirstOption; i < args.size();) {
    const std::string_view word = args[i++];
    const bool has_value = i < args.size();
    if (EqualsIgnoreCase(word, "FORCE")) {
      release->force = true;
    } else if (has_value && EqualsIgnoreCase(word, "IDS")) {
      RETURN_IF_FAILED(TakeIds(args, &i, ids));
    } else if (has_value && EqualsIgnoreCase(word, "RETRYCOUNT")) {
      int64_t count = 0;
      RETURN_IF_FAILED(ReadInteger(args[i++], &count));
      if (count < 0) return Error::kXNackRetryCount;
      release->retry_count = static_cast<uint64_t>(count);
    } else if (has_value && EqualsIgnoreCase(word, "DELAY")) {
      int64_t delay_ms = 0;
      RETURN_IF_FAILED(ReadInteger(args[i++], &delay_ms, Error::kXNackDelay));
      if (delay_ms < 0) return Error::kXNackDelay;
      release->delay_ms = delay_ms;
    } else if (has_value && EqualsIgnoreCase(word, "REASON")) {
      release->reason = args[i++];
      if (release->reason.size() > kMaxReasonBytes) return Error::kXNackReason;
    } else {
      return {Error::kXNackUnknownOption, {word}};
    }
  }
  return ids->empty() ? Outcome(Error::kXNackNoIds) : Done();
}

}  // namespace

Outcome CmdXNack(CommandContext& context) {
  const Arguments args = context.args;
  ASSIGN_OR_RETURN(const StreamGroup found, FindStreamGroup(context, args[1], args[2]));
  if (found.group == nullptr) return {Error::kNoKeyOrGroup, {args[1], args[2]}};
  ReleaseArgs release;
  Arguments id_words;
  RETURN_IF_FAILED(ReadMode(args[kModeWord], &release.mode));
  RETURN_IF_FAILED(ReadNackOptions(args, &release, &id_words));
  IdList ids;
  RETURN_IF_FAILED(ReadStreamIds(id_words, &ids));
  ASSIGN_OR_RETURN(const int64_t released,
                   context.engine.Release(context.op, *found.stream, *found.group, release, ids));
  if (released > 0) context.SignalClaims(args[1], args[2]);
  context.out.Integer(released);
  return Done();
}

}  // namespace server
