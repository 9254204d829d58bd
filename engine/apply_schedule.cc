// Effects on when a stream is looked at, and on what it is to be added later.
#include <algorithm>

#include "engine/apply.h"
#include "engine/check.h"

namespace engine {

void Apply(Core& core, Stream& stream, const Expected& effect) {
  // Nobody waits for it, so the stream does not count as changed.
  core.checkpoint.Touch(stream, 32 + stream.key.size());
  core.UnlistDue(stream);
  stream.expected_ms = effect.due_ms;
  core.ListDue(stream);
}

}  // namespace engine
