#include "engine/policy.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/check.h"
#include "engine/hash_slot.h"
#include "engine/key_hash.h"

namespace engine {
namespace {

constexpr int64_t kMaxMs = 315'360'000'000;
constexpr int64_t kMaxNumber = int64_t{1} << 53;
constexpr int64_t kMaxInt32 = INT32_MAX;
// Entries with so many deliveries are taken for poison, so their last one is their own.
constexpr int64_t kIsolateFrom = 3;

constexpr std::string_view kExhaustWords[] = {"DEADLETTER", "PARK", "DROP"};
constexpr std::string_view kOverflowWords[] = {"REJECT", "BLOCK", "DROP"};
constexpr std::string_view kRetainWords[] = {"ALL", "UNACKED"};
constexpr std::string_view kYesNoWords[] = {"no", "yes"};
constexpr std::string_view kYesNoListed[] = {"yes", "no"};

constexpr PolicyOptionSpec Number(std::string_view name, int64_t max) {
  return {.name = name, .kind = PolicyValueKind::kInteger, .min = 0, .max = max};
}
constexpr PolicyOptionSpec Word(std::string_view name, std::span<const std::string_view> words) {
  return {.name = name,
          .kind = PolicyValueKind::kWord,
          .min = 0,
          .max = static_cast<int64_t>(words.size()) - 1,
          .words = words,
          .listed = words};
}
constexpr PolicyOptionSpec YesNo(std::string_view name) {
  PolicyOptionSpec spec = Word(name, kYesNoWords);
  spec.listed = kYesNoListed;
  return spec;
}

constexpr PolicyOptionSpec kGroupOptions[] = {
    Number("MAX-DELIVERIES", kMaxInt32),
    Word("ON-EXHAUST", kExhaustWords),
    {.name = "DEADLETTER-KEY", .kind = PolicyValueKind::kKey, .in_rules = false},
    Number("DEADLETTER-MAXLEN", kMaxNumber),
    Number("ACK-WAIT", kMaxMs),
    {.name = "BACKOFF", .kind = PolicyValueKind::kBackoff, .min = 0, .max = kMaxMs},
    Number("MAX-PENDING", kMaxNumber),
    YesNo("ISOLATE-LAST"),
    YesNo("PAUSED"),
    Number("CONSUMER-TTL", kMaxMs),
    Number("GROUP-TTL", kMaxMs),
};
constexpr PolicyOptionSpec kStreamOptions[] = {
    Number("MAXLEN", kMaxNumber),
    {.name = "MAXBYTES", .kind = PolicyValueKind::kMemory, .min = 0, .max = kMaxNumber},
    Word("OVERFLOW", kOverflowWords),
    Number("OVERFLOW-TIMEOUT", kMaxMs),
    Number("MAX-SCHEDULED", kMaxNumber),
    Number("MAXAGE", kMaxMs),
    Word("RETAIN", kRetainWords),
};

// Where the value of each option goes. `first` is the setting's first number.
void Assign(GroupOption option, const PolicySetting& setting, GroupPolicy* policy) {
  const int64_t first = setting.numbers[0];
  switch (option) {
    case GroupOption::kMaxDeliveries:
      policy->max_deliveries = first;
      return;
    case GroupOption::kOnExhaust:
      policy->on_exhaust = static_cast<OnExhaust>(first);
      return;
    case GroupOption::kDeadLetterKey:
      policy->dead_letter_key = setting.text;
      return;
    case GroupOption::kDeadLetterMaxLen:
      policy->dead_letter_max_len = first;
      return;
    case GroupOption::kAckWait:
      policy->ack_wait_ms = first;
      return;
    case GroupOption::kBackoff:
      policy->backoff = {first, setting.numbers[1], setting.numbers[2]};
      return;
    case GroupOption::kMaxPending:
      policy->max_pending = first;
      return;
    case GroupOption::kIsolateLast:
      policy->isolate_last = first != 0;
      return;
    case GroupOption::kPaused:
      policy->paused = first != 0;
      return;
    case GroupOption::kConsumerTtl:
      policy->consumer_ttl_ms = first;
      return;
    case GroupOption::kGroupTtl:
      policy->group_ttl_ms = first;
      return;
  }
}

void Assign(StreamOption option, const PolicySetting& setting, StreamPolicy* policy) {
  const int64_t first = setting.numbers[0];
  switch (option) {
    case StreamOption::kMaxLen:
      policy->max_len = first;
      return;
    case StreamOption::kMaxBytes:
      policy->max_bytes = first;
      return;
    case StreamOption::kOverflow:
      policy->overflow = static_cast<Overflow>(first);
      return;
    case StreamOption::kOverflowTimeout:
      policy->overflow_timeout_ms = first;
      return;
    case StreamOption::kMaxScheduled:
      policy->max_scheduled = first;
      return;
    case StreamOption::kMaxAge:
      policy->max_age_ms = first;
      return;
    case StreamOption::kRetain:
      policy->retain = static_cast<Retain>(first);
      return;
  }
}

template <typename Option>
PolicySetting Setting(Option option, int64_t first, int64_t second = 0, int64_t third = 0) {
  return {static_cast<uint8_t>(option), {first, second, third}, {}};
}

// Fills in what nothing more important has said.
template <typename Option, typename Policy>
void Merge(const PolicySettings& settings, PolicySource source, Policy* policy) {
  for (size_t i = 0; i < policy->sources.size(); ++i) {
    const PolicySetting* setting = settings.Find(static_cast<uint8_t>(i));
    if (setting != nullptr && policy->sources[i] == PolicySource::kDefault) {
      Assign(static_cast<Option>(i), *setting, policy);
      policy->sources[i] = source;
    }
  }
}

bool InRange(const PolicySetting& setting, const PolicyOptionSpec& spec) {
  const auto [first, second, third] = setting.numbers;
  switch (spec.kind) {
    case PolicyValueKind::kKey:
      return first == 0 && second == 0 && third == 0;
    case PolicyValueKind::kBackoff:
      return first >= spec.min && first <= second && second <= spec.max &&
             third >= kMinBackoffFactor && third <= kMaxBackoffFactor && setting.text.empty();
    default:
      return first >= spec.min && first <= spec.max && second == 0 && third == 0 &&
             setting.text.empty();
  }
}

}  // namespace

std::span<const PolicyOptionSpec> GroupOptionSpecs() { return kGroupOptions; }
std::span<const PolicyOptionSpec> StreamOptionSpecs() { return kStreamOptions; }

// ---- Settings ----

const PolicySetting* PolicySettings::Find(uint8_t option) const {
  for (const PolicySetting& setting : settings_) {
    if (setting.option == option) {
      return &setting;
    }
  }
  return nullptr;
}

void PolicySettings::Set(PolicySetting setting) {
  Clear(setting.option);
  const auto place =
      std::find_if(settings_.begin(), settings_.end(),
                   [&](const PolicySetting& other) { return other.option > setting.option; });
  settings_.insert(place, std::move(setting));
}

void PolicySettings::Clear(uint8_t option) {
  std::erase_if(settings_, [=](const PolicySetting& setting) { return setting.option == option; });
}

size_t PolicySettings::memory_bytes() const {
  size_t bytes = settings_.capacity() * sizeof(PolicySetting);
  for (const PolicySetting& setting : settings_) {
    bytes += setting.text.capacity();
  }
  return bytes;
}

void PolicySettings::Encode(std::string* out) const {
  PutVarint(out, settings_.size());
  for (const PolicySetting& setting : settings_) {
    PutU8(out, setting.option);
    for (const int64_t number : setting.numbers) {
      PutVarint(out, static_cast<uint64_t>(number));
    }
    PutString(out, setting.text);
  }
}

PolicySettings PolicySettings::Decode(Decoder* decoder, std::span<const PolicyOptionSpec> specs) {
  PolicySettings settings;
  const uint64_t count = decoder->ReadVarint();
  for (uint64_t i = 0; i < count && decoder->ok(); ++i) {
    PolicySetting setting;
    setting.option = decoder->ReadU8();
    for (int64_t& number : setting.numbers) {
      number = static_cast<int64_t>(decoder->ReadVarint());
    }
    setting.text = decoder->ReadString();
    const bool ascends =
        settings.settings_.empty() || settings.settings_.back().option < setting.option;
    if (setting.option >= specs.size() || !ascends || !InRange(setting, specs[setting.option])) {
      decoder->Fail();
      break;
    }
    settings.settings_.push_back(std::move(setting));
  }
  return settings;
}

// ---- Rules ----

bool PolicyRule::SpellsOut(std::string_view key) const {
  if (key_pattern == key) {
    return true;
  }
  // With escapes, but nothing that stands for anything else.
  std::string spelled;
  for (size_t i = 0; i < key_pattern.size(); ++i) {
    const char character = key_pattern[i];
    if (character == '*' || character == '?' || character == '[') {
      return false;
    }
    const bool escapes = character == '\\' && i + 1 < key_pattern.size();
    spelled.push_back(escapes ? key_pattern[++i] : character);
  }
  return spelled == key;
}

int64_t Backoff::After(uint64_t count) const {
  if (max_ms == 0 || count == 0) {
    return 0;
  }
  const double growth =
      std::pow(static_cast<double>(factor_hundredths) / 100, static_cast<double>(count - 1));
  const double wait_ms = static_cast<double>(min_ms) * growth;
  return wait_ms < static_cast<double>(max_ms) ? static_cast<int64_t>(wait_ms) : max_ms;
}

void PolicyRules::SetGroupRules(std::vector<PolicyRule> rules) {
  group_rules_ = std::move(rules);
  ++version_;
}

void PolicyRules::SetStreamRules(std::vector<PolicyRule> rules) {
  stream_rules_ = std::move(rules);
  ++version_;
}

uint64_t PolicyRules::Fingerprint() const {
  if (empty()) {
    return 0;
  }
  std::string bytes;
  for (const std::vector<PolicyRule>* rules : {&group_rules_, &stream_rules_}) {
    PutVarint(&bytes, rules->size());
    for (const PolicyRule& rule : *rules) {
      PutString(&bytes, rule.key_pattern);
      PutString(&bytes, rule.group_pattern);
      rule.settings.Encode(&bytes);
    }
  }
  return std::max<uint64_t>(Hash64(bytes), 1);
}

bool PolicyRules::Matches(const PolicyRule& rule, std::string_view key, bool holds_letters) const {
  return rule.SpellsOut(key) ||
         (!holds_letters && glob_match_ != nullptr && glob_match_(rule.key_pattern, key));
}

GroupPolicy PolicyRules::ForGroup(std::string_view key, std::string_view group, bool holds_letters,
                                  const PolicySettings* own) const {
  GroupPolicy policy;
  if (own != nullptr) {
    Merge<GroupOption>(*own, PolicySource::kOwn, &policy);
  }
  for (const PolicyRule& rule : group_rules_) {
    if (Matches(rule, key, holds_letters) && glob_match_ != nullptr &&
        glob_match_(rule.group_pattern, group)) {
      Merge<GroupOption>(rule.settings, PolicySource::kRule, &policy);
    }
  }
  if (policy.source(GroupOption::kIsolateLast) == PolicySource::kDefault) {
    policy.isolate_last = policy.max_deliveries >= kIsolateFrom;
  }
  return policy;
}

StreamPolicy PolicyRules::ForStream(std::string_view key, bool holds_letters,
                                    const PolicySettings* own) const {
  StreamPolicy policy;
  if (own != nullptr) {
    Merge<StreamOption>(*own, PolicySource::kOwn, &policy);
  }
  for (const PolicyRule& rule : stream_rules_) {
    if (Matches(rule, key, holds_letters)) {
      Merge<StreamOption>(rule.settings, PolicySource::kRule, &policy);
    }
  }
  return policy;
}

// ---- Effective values ----

PolicySetting GroupPolicy::value(GroupOption option) const {
  switch (option) {
    case GroupOption::kMaxDeliveries:
      return Setting(option, max_deliveries);
    case GroupOption::kOnExhaust:
      return Setting(option, static_cast<int64_t>(on_exhaust));
    case GroupOption::kDeadLetterKey:
      return {static_cast<uint8_t>(option), {}, dead_letter_key};
    case GroupOption::kDeadLetterMaxLen:
      return Setting(option, dead_letter_max_len);
    case GroupOption::kAckWait:
      return Setting(option, ack_wait_ms);
    case GroupOption::kBackoff:
      return Setting(option, backoff.min_ms, backoff.max_ms, backoff.factor_hundredths);
    case GroupOption::kMaxPending:
      return Setting(option, max_pending);
    case GroupOption::kIsolateLast:
      return Setting(option, isolate_last ? 1 : 0);
    case GroupOption::kPaused:
      return Setting(option, paused ? 1 : 0);
    case GroupOption::kConsumerTtl:
      return Setting(option, consumer_ttl_ms);
    case GroupOption::kGroupTtl:
      return Setting(option, group_ttl_ms);
  }
  return {};
}

PolicySetting StreamPolicy::value(StreamOption option) const {
  switch (option) {
    case StreamOption::kMaxLen:
      return Setting(option, max_len);
    case StreamOption::kMaxBytes:
      return Setting(option, max_bytes);
    case StreamOption::kOverflow:
      return Setting(option, static_cast<int64_t>(overflow));
    case StreamOption::kOverflowTimeout:
      return Setting(option, overflow_timeout_ms);
    case StreamOption::kMaxScheduled:
      return Setting(option, max_scheduled);
    case StreamOption::kMaxAge:
      return Setting(option, max_age_ms);
    case StreamOption::kRetain:
      return Setting(option, static_cast<int64_t>(retain));
  }
  return {};
}

// ---- Dead-letter keys ----

std::string DerivedDeadLetterKey(std::string_view key, std::string_view group) {
  const bool has_tag = HashTag(key).size() != key.size();
  std::string derived;
  derived.append(has_tag ? "" : "{").append(key).append(has_tag ? "" : "}");
  derived.append(":dead:").append(group);
  return HashTag(derived) == HashTag(key) ? derived : std::string();
}

}  // namespace engine
