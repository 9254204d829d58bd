// Lookahead: what the next commands will look at is brought near the processor at once.
//
// With many streams in use, most of a command's time is waiting for memory: the table of names, the
// stream, its directory, the block at its end, each known only when the one before has arrived. For
// a batch of commands these waits are had side by side: one step after the other, each for all
// names. Nothing is changed, and a wrong guess costs only time. Owner: Core. Thread: loop.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "engine/key_hash.h"
#include "engine/keyspace.h"

namespace engine {

class Lookahead {
 public:
  // Commands on these names follow, the first kLookaheadNames of them at least. Their bytes stay as
  // they are until Forget() or the next call.
  void Prepare(const Database& database, std::span<const std::string_view> names);
  void Forget() { hashes_.Clear(); }
  NameHashes& hashes() { return hashes_; }

 private:
  NameHashes hashes_;
};

}  // namespace engine
