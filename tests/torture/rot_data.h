// A data directory with something of everything, left as by a kill, and what is in it, key by key.
//
// The same seed makes the same directory, but for the store's id. Everything here opens an engine:
// call it in a process that will not fork.
#pragma once

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/test_engine.h"

namespace tests {

// How much later than it was made the data set is read.
inline constexpr int64_t kRotReadLaterMs = 60'000;

engine::EngineOptions RotOptions(const std::string& directory);

// (database, key) -> what DumpKey says of it.
struct RotState {
  std::map<std::pair<uint32_t, std::string>, std::string> keys;

  bool operator==(const RotState&) const = default;
};
// Empty words, or what kept a key from being read, by key.
using RotFaults = std::map<std::pair<uint32_t, std::string>, engine::Status>;

// Reads every key that is listed, and those of `expected`: `faults` has those that cannot be read.
RotState ReadAll(TestEngine& engine, const RotState& expected, RotFaults* faults);

class RotData {
 public:
  RotData(std::string directory, uint64_t seed);
  // All but the last turn; the engine stays open.
  void Build();
  // The last turn, which changes one entry of one stream, and the kill.
  void AddLastTurn();
  TestEngine& engine() { return engine_; }

 private:
  uint64_t Draw(uint64_t below) { return random_() % below; }
  std::string Text(size_t most);
  template <typename Call>
  void OnStream(uint32_t db, const std::string& key, Call call);
  template <typename Call>
  void OnGroup(const std::string& key, const std::string& group, Call call);

  void Add(uint32_t db, const std::string& key, size_t count, size_t most_bytes);
  void AddProduced(const std::string& key, size_t count);
  void Schedule(const std::string& key, size_t count);
  void SetString(uint32_t db, const std::string& key, size_t most_bytes, bool expires);
  void Group(const std::string& key, const std::string& group);
  void Read(const std::string& key, const std::string& group, const std::string& consumer,
            int64_t count);
  void Acknowledge(const std::string& key, const std::string& group, size_t one_of);
  void Release(const std::string& key, const std::string& group, size_t most);
  void DeleteSome(const std::string& key, size_t one_of);
  void Poison(const std::string& key);
  void Round(const std::string& prefix, size_t scale);

  TestEngine engine_;
  std::mt19937_64 random_;
};

}  // namespace tests
