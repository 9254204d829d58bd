// Everything that can be seen of a store, as text: two states are the same when their dumps are.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/model/reference_model.h"
#include "tests/support/test_engine.h"

namespace tests {

struct DumpOptions {
  // Whether a stream's number of nodes is part of the dump.
  std::function<bool(uint32_t db, const std::string& key)> with_nodes;
  // Whether consumers' seen times are: they may fall back in a crash.
  bool with_seen_times = true;
  // Of the model's state: iids that have expired by then are not part of it.
  engine::Now now;
};

// One key, whole: entries in both directions, groups, iids, scheduled entries. Loads what is not in
// memory. kNotFound when there is no such key.
engine::Status DumpKey(TestEngine& engine, uint32_t db, const std::string& key,
                       const DumpOptions& options, std::string* out);
// All keys. Loads what is not in memory. Entries are read in both directions.
std::string DumpEngine(TestEngine& engine, const DumpOptions& options);
std::string DumpModel(const std::vector<ModelDatabase>& databases, const DumpOptions& options);

// The first line in which two dumps differ, with the stream it is about.
std::string FirstDifference(const std::string& a, const std::string& b);

}  // namespace tests
