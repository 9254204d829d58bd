// What a power cut may leave behind the last sync of a journal: cut off, zeros, noise, old records.
#pragma once

#include <random>
#include <string>

#include "tests/torture/rot_damage.h"

namespace tests {

// Damages the last record, or what is behind it, in a copy of the mapped directory.
Damage DamageTail(const std::string& directory, const JournalMap& map, std::mt19937_64& random);

}  // namespace tests
