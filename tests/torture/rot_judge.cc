#include "tests/torture/rot_judge.h"

#include <algorithm>

#include "tests/model/state_dump.h"
#include "tests/torture/rot_commands.h"

namespace tests {

using engine::Code;
using engine::Status;

namespace {

using Keys = std::set<std::pair<uint32_t, std::string>>;

constexpr int kMoreCheckpoints = 6;  // Enough for compactions by themselves.

Verdict Fault(std::string words) { return {Verdict::Kind::kFault, std::move(words)}; }

std::string NameOf(const std::pair<uint32_t, std::string>& key) {
  return std::to_string(key.first) + "/" + key.second;
}

bool IsRefusal(Code code) { return code == Code::kCorruption || code == Code::kIo; }

// Words when a key is neither as expected nor refused.
std::string Compare(const RotState& expected, const RotState& found, const RotFaults& faults,
                    const Keys& suspects) {
  for (const auto& [key, status] : faults) {
    if (!suspects.contains(key) && (!IsRefusal(status.code()) || status.message().empty())) {
      return NameOf(key) + " cannot be read but is not CORRUPT: code " +
             std::to_string(static_cast<int>(status.code())) + " " + status.message();
    }
  }
  for (const auto& [key, text] : expected.keys) {
    const auto it = found.keys.find(key);
    if (faults.contains(key) || suspects.contains(key)) {
      continue;
    }
    if (it == found.keys.end()) {
      return NameOf(key) + " is gone";
    }
    if (it->second != text) {
      return NameOf(key) + " differs: " + FirstDifference(text, it->second);
    }
  }
  for (const auto& [key, text] : found.keys) {
    if (!expected.keys.contains(key) && !suspects.contains(key)) {
      return NameOf(key) + " came from nowhere";
    }
  }
  return "";
}

// Words when something that could not be read can be, or the other way round.
std::string StaysRefused(const RotFaults& before, const RotState& found, const Keys& suspects) {
  for (const auto& [key, status] : before) {
    if (found.keys.contains(key) && !suspects.contains(key)) {
      return NameOf(key) + " was unreadable (" + status.message() + ") and is not any more";
    }
  }
  return "";
}

// Everything a client may do, then everything that happens by itself, then another start.
Verdict GoOn(TestEngine& engine, const RotState& expected, const RotFaults& faults, uint64_t seed,
             const Keys& suspects) {
  const std::string answer = RunCommands(engine, expected, faults, suspects, seed);
  if (!answer.empty()) {
    return Fault("commands: " + answer);
  }
  RotFaults ignored;
  RotState before = ReadAll(engine, expected, &ignored);
  std::string failed;
  for (int i = 0; i < kMoreCheckpoints; ++i) {
    const Status written = engine->CheckpointNow();
    failed += written.ok() ? "" : " checkpoint " + std::to_string(i + 1) + " failed";
    if (!written.ok() && !IsRefusal(written.code())) {
      return Fault("checkpoint: " + written.message());
    }
    TouchAll(engine, before, static_cast<uint64_t>(i));
  }
  RotFaults faults_before;
  before = ReadAll(engine, expected, &faults_before);
  engine.Crash();
  const std::string refused = engine.Open();
  if (!refused.empty() && engine.refusal() == Code::kCorruption) {
    // A table of which only data had been looked for is opened in another order.
    return {Verdict::Kind::kEqual, " refused later: " + refused};
  }
  if (!refused.empty()) {
    return Fault("opened at first, but not after it was used: " + refused);
  }
  RotFaults faults_after;
  const RotState after = ReadAll(engine, before, &faults_after);
  std::string difference = Compare(before, after, faults_after, suspects);
  if (difference.empty()) {
    difference = StaysRefused(faults, after, suspects);
  }
  if (!difference.empty()) {
    return Fault("after another start: " + difference);
  }
  const std::string deleting = DeleteRefused(engine, faults_after, suspects);
  return deleting.empty() ? Verdict{Verdict::Kind::kEqual, failed} : Fault("DEL: " + deleting);
}

std::string Describe(const RotFaults& faults) {
  std::string words;
  for (const auto& [key, status] : faults) {
    words += (words.empty() ? "" : "; ") + NameOf(key) + ": " + status.message();
  }
  return words;
}

}  // namespace

const char* NameOf(Verdict::Kind kind) {
  static constexpr const char* kNames[] = {"equal", "refused", "corrupt", "cut", "FAULT"};
  return kNames[static_cast<size_t>(kind)];
}

std::string Verdict::Encode() const { return std::to_string(static_cast<int>(kind)) + words; }

Verdict Verdict::Decode(const std::string& text) {
  if (text.empty() || text[0] < '0' || text[0] > '4') {
    return Fault("no verdict");
  }
  return {static_cast<Kind>(text[0] - '0'), text.substr(1)};
}

Verdict Judge(const std::string& directory, const Expectation& expected, uint64_t seed) {
  TestEngine engine(RotOptions(directory));
  engine.Advance(kRotReadLaterMs);
  const std::string refused = engine.Open();
  if (!refused.empty()) {
    // kInvalid: more databases than configured, or so it seems.
    return (engine.refusal() == Code::kCorruption || engine.refusal() == Code::kInvalid) &&
                   refused.size() > 10
               ? Verdict{Verdict::Kind::kRefused, refused}
               : Fault("refused with code " + std::to_string(static_cast<int>(engine.refusal())) +
                       ": " + refused);
  }
  const engine::Turn last_turn = engine->current_turn() - 1;
  RotFaults faults;
  const RotState found = ReadAll(engine, expected.whole, &faults);
  std::string difference = Compare(expected.whole, found, faults, expected.suspects);
  Verdict verdict{faults.empty() ? Verdict::Kind::kEqual : Verdict::Kind::kCorrupt,
                  Describe(faults)};
  const std::optional<RotState> cut =
      difference.empty() || !expected.cut ? std::nullopt : expected.cut(last_turn);
  if (cut.has_value()) {
    difference = Compare(*cut, found, faults, expected.suspects);
    verdict.kind = Verdict::Kind::kCut;
  }
  if (!difference.empty()) {
    return Fault(difference);
  }
  if (seed != 0) {
    Verdict later = GoOn(engine, found, faults, seed, expected.suspects);
    if (later.kind == Verdict::Kind::kFault) {
      return Fault(later.words + " (at first " + NameOf(verdict.kind) + " " + verdict.words + ")");
    }
    verdict.words += later.words;
  }
  return verdict;
}

}  // namespace tests
