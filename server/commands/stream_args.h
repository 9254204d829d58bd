// Arguments that several stream commands share: integers, entry ids, bounds of a range, trim
// options.
//
// A reader gets one argument (or the list and a position in it) and fills its result in, or gives
// the error that the client sees; which argument is read first is the caller's business, and part
// of the protocol. Grammar: streams specification sections 2 and 6. Thread: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "absl/container/inlined_vector.h"
#include "engine/engine.h"
#include "engine/stream_id.h"
#include "server/core/error_reply.h"

namespace server {

using Arguments = std::span<const std::string_view>;
using IdList = absl::InlinedVector<engine::StreamId, 8>;

// `error` with `error_words` is what the client sees when `text` is no integer.
Outcome ReadInteger(std::string_view text, int64_t* value, Error error = Error::kNotInteger,
                    std::initializer_list<std::string_view> error_words = {});

// Strict; a missing sequence is 0.
Outcome ReadStreamId(std::string_view text, engine::StreamId* id);
// All or nothing.
Outcome ReadStreamIds(Arguments texts, IdList* ids);

// `numids id [id ...]` at `*position`, which moves behind the ids. Precondition: there is an
// argument at `*position`.
Outcome TakeCountedIds(Arguments args, size_t* position, Arguments* ids);

// One bound: `-`, `+`, an id, or `(` and an id that is itself left out.
Outcome ReadRangeStart(std::string_view text, engine::StreamId* start);
Outcome ReadRangeEnd(std::string_view text, engine::StreamId* end);

// MAXLEN, MINID and LIMIT as XADD and XTRIM collect them.
struct TrimOptions {
  engine::TrimArgs args;
  std::optional<int64_t> limit;
  std::optional<engine::References> references;

  bool has_strategy() const { return args.strategy != engine::TrimArgs::Strategy::kNone; }
};

// Takes the trim option at `*position`, values included, and moves `*position` behind it. Without
// one there (also when its value is missing) nothing moves and nothing fails.
Outcome TakeTrimOption(Arguments args, size_t* position, TrimOptions* options);

// Takes KEEPREF, DELREF or ACKED at `*position` and moves `*position` behind it; one, not a second
// one. Precondition: there is an argument at `*position`.
void TakeReferences(Arguments args, size_t* position,
                    std::optional<engine::References>* references);

// What is wrong with the options as a whole, in the order in which it is told. XTRIM has a check of
// its own between the two.
Outcome CheckLimitHasStrategy(const TrimOptions& options);
Outcome CheckLimitIsApproximate(const TrimOptions& options);

// What the engine is asked for. `default_limit` is for `~` without LIMIT.
engine::TrimArgs TrimArgsOf(const TrimOptions& options, int64_t default_limit);

}  // namespace server
