// Records that were changed and sealed again with a valid checksum.
#pragma once

#include <cstdint>
#include <string>

#include "tests/torture/rot_judge.h"

namespace tests {

// Changes one record of the store, or leaves one out, opens it, runs commands of every kind on
// every key. What the record belongs to may be anything afterwards, all else is as it was. In a
// process of its own.
Verdict JudgeRecords(const std::string& directory, Expectation expected, uint64_t seed);

}  // namespace tests
