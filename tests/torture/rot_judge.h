// What a damaged data directory may do, and whether it did: for a process of its own.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>

#include "tests/torture/rot_data.h"

namespace tests {

// What came of one damaged directory.
struct Verdict {
  enum class Kind : uint8_t {
    kEqual,    // As if nothing had happened.
    kRefused,  // Not opened, with words for the operator.
    kCorrupt,  // Some keys answer CORRUPT; all others are as they were.
    kCut,      // The damaged records at the end are gone and nothing else.
    kFault,    // Anything else.
  };
  Kind kind = Kind::kFault;
  std::string words;

  std::string Encode() const;
  static Verdict Decode(const std::string& text);
};
const char* NameOf(Verdict::Kind kind);

struct Expectation {
  RotState whole;
  // The state after this turn, if the damage may have made all turns behind it look as if they had
  // never been written: it has touched the record of each of them.
  std::function<std::optional<RotState>(engine::Turn last_turn)> cut;
  // Keys that may be anything, short of an abort.
  std::set<std::pair<uint32_t, std::string>> suspects;
};

// Opens it and reads every key. With `seed`, goes on: commands of every kind on every key, a
// checkpoint, compactions, another start; what was unreadable must stay so, the rest must be kept.
Verdict Judge(const std::string& directory, const Expectation& expected, uint64_t seed);

}  // namespace tests
