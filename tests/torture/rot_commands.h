// Commands of every kind on every key of a store that may be damaged: none may abort, or make a
// damaged key look like a healthy one.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>

#include "tests/torture/rot_data.h"

namespace tests {

// Words when an answer is none that a damaged key may give; `suspects` may say anything.
std::string RunCommands(TestEngine& engine, const RotState& keys, const RotFaults& faults,
                        const std::set<std::pair<uint32_t, std::string>>& suspects, uint64_t seed);
// Changes every key that can be changed, so that a checkpoint has something to write.
void TouchAll(TestEngine& engine, const RotState& keys, uint64_t round);
// Deletes what cannot be read: it has to go and be made anew, or the answer has to say why not.
std::string DeleteRefused(TestEngine& engine, const RotFaults& faults,
                          const std::set<std::pair<uint32_t, std::string>>& suspects);

}  // namespace tests
