// Policies: what a group does with its deliveries, and what bounds a stream (delivery
// specification, section 1).
//
// An option's effective value is what the object itself has set, else what the first configuration
// rule says that matches the object and names the option, else its default. Rules are matched when
// a value is needed: an object keeps its effective policy together with the number of the rule set
// it was made from, and makes it again when either has changed. Nothing else in the engine decides
// by options of its own. Thread: loop, except where a type says otherwise.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/codec.h"

namespace engine {

// Numbers of options are written to disk: never reuse one.
enum class GroupOption : uint8_t {
  kMaxDeliveries = 0,
  kOnExhaust = 1,
  kDeadLetterKey = 2,
  kDeadLetterMaxLen = 3,
  kAckWait = 4,
  kBackoff = 5,
  kMaxPending = 6,
  kIsolateLast = 7,
  kPaused = 8,
  kConsumerTtl = 9,
  kGroupTtl = 10,
};
enum class StreamOption : uint8_t {
  kMaxLen = 0,
  kMaxBytes = 1,
  kOverflow = 2,
  kOverflowTimeout = 3,
  kMaxScheduled = 4,
  kMaxAge = 5,
  kRetain = 6,
};

// The values of options with words, in the order of PolicyOptionSpec::words.
enum class OnExhaust : uint8_t { kDeadLetter = 0, kPark = 1, kDrop = 2 };
enum class Overflow : uint8_t { kReject = 0, kBlock = 1, kDrop = 2 };
enum class Retain : uint8_t { kAll = 0, kUnacked = 1 };

enum class PolicyValueKind : uint8_t {
  kInteger,
  kMemory,   // An integer that may be written with a unit.
  kWord,     // One of `words`; the number is its place among them.
  kKey,      // A name of a key, in `text`.
  kBackoff,  // Three numbers: min and max in milliseconds, factor in hundredths.
};

// A row of the table of options; its place in the table is the option's number. Any thread.
struct PolicyOptionSpec {
  std::string_view name;
  PolicyValueKind kind = PolicyValueKind::kInteger;
  int64_t min = 0;
  int64_t max = 0;
  std::span<const std::string_view> words = {};
  std::span<const std::string_view> listed = {};  // The same in the order in which people see them.
  bool in_rules = true;                           // Whether a configuration rule may name it.
};
std::span<const PolicyOptionSpec> GroupOptionSpecs();
std::span<const PolicyOptionSpec> StreamOptionSpecs();

// Bounds of BACKOFF's factor, in hundredths.
inline constexpr int64_t kMinBackoffFactor = 100;
inline constexpr int64_t kMaxBackoffFactor = 1000;
inline constexpr int64_t kDefaultBackoffFactor = 200;

// One option with its value, as somebody set it.
struct PolicySetting {
  uint8_t option = 0;
  std::array<int64_t, 3> numbers = {};
  std::string text;

  bool operator==(const PolicySetting&) const = default;
};

// Some options, each at most once. Any thread.
class PolicySettings {
 public:
  const PolicySetting* Find(uint8_t option) const;
  void Set(PolicySetting setting);
  void Clear(uint8_t option);
  bool empty() const { return settings_.empty(); }
  size_t memory_bytes() const;

  void Encode(std::string* out) const;
  // The decoder has failed when the bytes are not whole or name what `specs` does not have.
  static PolicySettings Decode(Decoder* decoder, std::span<const PolicyOptionSpec> specs);

  bool operator==(const PolicySettings&) const = default;

 private:
  std::vector<PolicySetting> settings_;  // Ascending by option.
};

// What a command changes of an object's own settings.
struct PolicyChange {
  std::vector<PolicySetting> set;
  std::vector<uint8_t> to_default;  // Options.

  bool empty() const { return set.empty() && to_default.empty(); }
};

// "<key-glob> <group-glob> option value ..."; `group_pattern` is empty in a stream rule.
struct PolicyRule {
  std::string key_pattern;
  std::string group_pattern;
  PolicySettings settings;

  // Whether the pattern is the key itself, as it is or with escapes, and so spells it out. Such
  // rules alone match a stream that holds dead letters.
  bool SpellsOut(std::string_view key) const;
};

enum class PolicySource : uint8_t { kDefault, kRule, kOwn };

// How long an entry that was delivered `count` times waits before it is due again.
struct Backoff {
  int64_t min_ms = 0;
  int64_t max_ms = 0;  // 0 = off.
  int64_t factor_hundredths = kDefaultBackoffFactor;

  // min x factor^(count - 1), at most max; 0 for a count of 0.
  int64_t After(uint64_t count) const;
};

struct GroupPolicy {
  int64_t max_deliveries = 0;  // 0 = no cap.
  OnExhaust on_exhaust = OnExhaust::kDeadLetter;
  std::string dead_letter_key;  // Empty: derived from the names, see DeadLetterKey().
  int64_t dead_letter_max_len = 0;
  int64_t ack_wait_ms = 0;  // 0 = off.
  Backoff backoff;
  int64_t max_pending = 0;
  bool isolate_last = false;
  bool paused = false;
  int64_t consumer_ttl_ms = 0;
  int64_t group_ttl_ms = 0;
  std::array<PolicySource, 11> sources = {};  // By GroupOption.

  PolicySource source(GroupOption option) const { return sources[static_cast<size_t>(option)]; }
  // The value as somebody would set it.
  PolicySetting value(GroupOption option) const;
};

struct StreamPolicy {
  int64_t max_len = 0;
  int64_t max_bytes = 0;
  Overflow overflow = Overflow::kReject;
  int64_t overflow_timeout_ms = 60'000;  // 0 = no end.
  int64_t max_scheduled = 0;
  int64_t max_age_ms = 0;
  Retain retain = Retain::kAll;
  std::array<PolicySource, 7> sources = {};  // By StreamOption.

  PolicySource source(StreamOption option) const { return sources[static_cast<size_t>(option)]; }
  PolicySetting value(StreamOption option) const;
};

// What the configuration says. Owner: Core.
class PolicyRules {
 public:
  using GlobMatch = bool (*)(std::string_view pattern, std::string_view text);

  explicit PolicyRules(GlobMatch glob_match) : glob_match_(glob_match) {}

  void SetGroupRules(std::vector<PolicyRule> rules);
  void SetStreamRules(std::vector<PolicyRule> rules);
  // Changes with every change of a rule; never 0.
  uint64_t version() const { return version_; }
  // Of all rules, the same in every run; 0 when there are none.
  uint64_t Fingerprint() const;
  bool empty() const { return group_rules_.empty() && stream_rules_.empty(); }
  bool has_stream_rules() const { return !stream_rules_.empty(); }

  // `own` may be null. `holds_letters`: the stream has the mark of dead letters.
  GroupPolicy ForGroup(std::string_view key, std::string_view group, bool holds_letters,
                       const PolicySettings* own) const;
  StreamPolicy ForStream(std::string_view key, bool holds_letters, const PolicySettings* own) const;

 private:
  bool Matches(const PolicyRule& rule, std::string_view key, bool holds_letters) const;

  GlobMatch glob_match_;
  uint64_t version_ = 1;
  std::vector<PolicyRule> group_rules_;
  std::vector<PolicyRule> stream_rules_;
};

// Where a group's dead letters go when it names no key: `{KEY}:dead:GROUP`, or `KEY:dead:GROUP`
// when the key has a hash tag. Empty when neither would keep the hash slot.
std::string DerivedDeadLetterKey(std::string_view key, std::string_view group);
}  // namespace engine
