#include "tests/torture/rot_records.h"

namespace tests {

Verdict JudgeRecords(const std::string& directory, const Expectation& expected, uint64_t seed) {
  return Judge(directory, expected, seed);
}

}  // namespace tests
