// The arguments of XREAD and XREADGROUP: everything that can be said without looking at a key.
//
// Rules: streams specification sections 9 and 10. Thread: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "server/commands/stream_args.h"
#include "server/core/error_reply.h"

namespace server {

enum class ReadCommand : uint8_t { kXRead, kXReadGroup };

struct ReadOptions {
  int64_t count = 0;                // Per stream; 0 = all.
  std::optional<int64_t> block_ms;  // 0 = for ever.
  std::optional<std::string_view> group;
  std::string_view consumer;  // With `group`.
  bool no_ack = false;
  int64_t max_count = 0;   // Over all streams; 0 = no cap.
  uint64_t max_bytes = 0;  // MAXSIZE, of the whole reply; 0 = no cap.
  std::optional<int64_t> claim_min_idle_ms;
  // Of one size, at least 1: ids[i] belongs to keys[i].
  Arguments keys;
  Arguments ids;
};

// `now_unix_ms` bounds BLOCK: the moment it ends must be a time.
Outcome ReadReadOptions(Arguments args, ReadCommand command, int64_t now_unix_ms,
                        ReadOptions* options);

}  // namespace server
