// What a power cut may leave behind the last sync of a journal: cut off, zeros, noise, old records.
#pragma once

#include <random>
#include <string>

#include "tests/torture/rot_damage.h"

namespace tests {

// Damages the end of the journal in a copy of the mapped directory; says what it did. `may_cut`:
// the last record was touched.
std::string DamageTail(const std::string& directory, const JournalMap& map, std::mt19937_64& random,
                       bool* may_cut);

}  // namespace tests
