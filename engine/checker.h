// Checker: walks a closed store and verifies every invariant of docs/disk-format.md.
//
// First the checkpoint as it lies in RocksDB: every record decodes, belongs to something, and
// agrees with what its owner says of it. Then the journal is replayed in memory, as recovery would,
// and the state that results is verified in the same way. Nothing is written. Used by `weir-server
// --check DIR` and by tests. Thread: main.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

#include "engine/status.h"

namespace engine {

struct CheckReport {
  uint64_t streams = 0;
  uint64_t strings = 0;
  uint64_t expiries = 0;  // Keys with an expiry.
  uint64_t entries = 0;
  uint64_t blocks = 0;
  uint64_t groups = 0;
  uint64_t pending = 0;
  uint64_t replayed_turns = 0;
  uint64_t fault_count = 0;
  std::vector<std::string> faults;  // The first 100.

  void Fault(std::string text);
  bool clean() const { return fault_count == 0; }
};

// kIo or kCorruption when the store cannot be opened or replayed at all; otherwise a report.
Result<CheckReport> CheckStore(const std::string& directory);

// The same for people: writes a report to `out`. Exit code: 0 clean, 1 faults found, 2 not
// readable.
int CheckStoreAndReport(const std::string& directory, std::ostream& out);

class Core;
// Verifies all streams of a running engine's state, loading what is not in memory (tests,
// CheckStore).
Status VerifyState(Core& core, CheckReport* report);

}  // namespace engine
