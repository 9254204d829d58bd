#include "server/core/policy_args.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "engine/hash_slot.h"
#include "fmt/format.h"
#include "server/core/args.h"
#include "server/core/config_value.h"
#include "server/core/text.h"

namespace server {
namespace {

using engine::PolicyChange;
using engine::PolicyOptionSpec;
using engine::PolicySetting;
using engine::PolicyValueKind;

constexpr std::string_view kDefault = "DEFAULT";

const PolicyOptionSpec* FindSpec(const PolicyGrammar& grammar, std::string_view name) {
  for (const PolicyOptionSpec& spec : grammar.specs) {
    if (EqualsIgnoreCase(spec.name, name) && (spec.in_rules || !grammar.is_rule)) return &spec;
  }
  return nullptr;
}

bool IsGiven(const PolicyChange& change, uint8_t option) {
  return std::ranges::find(change.to_default, option) != change.to_default.end() ||
         std::ranges::find(change.set, option, &PolicySetting::option) != change.set.end();
}

bool IsDigits(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// Digits, perhaps a minus in front, perhaps a point among or behind them.
bool IsNumber(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  const size_t point = std::min(text.find('.'), text.size());
  return point > 0 && IsDigits(text.substr(0, point)) &&
         (point == text.size() || IsDigits(text.substr(point + 1)));
}

Outcome OutOfRange(std::string_view what, std::string_view min, std::string_view max) {
  return {Error::kOptionRange, {what, min, max}};
}

Outcome CheckRange(std::string_view what, int64_t value, int64_t min, int64_t max) {
  if (value >= min && value <= max) return Done();
  return OutOfRange(what, std::to_string(min), std::to_string(max));
}

Outcome ReadWhole(std::string_view text, int64_t* value) {
  const std::optional<int64_t> number = ParseInteger(text);
  if (!number) return Error::kNotInteger;
  *value = *number;
  return Done();
}

Outcome ReadMemory(std::string_view text, int64_t* value) {
  std::optional<int64_t> number = ParseInteger(text);
  if (!number) number = ParseConfigMemory(text);
  if (!number) return Error::kNotInteger;
  *value = *number;
  return Done();
}

Outcome ReadWord(std::string_view text, const PolicyOptionSpec& spec, int64_t* value) {
  std::string words;
  for (std::string_view word : spec.listed) {
    if (EqualsIgnoreCase(word, text)) {
      *value = std::ranges::find(spec.words, word) - spec.words.begin();
      return Done();
    }
    words.append(words.empty() ? "" : ", ").append(word);
  }
  return {Error::kOptionWord, {spec.name, words}};
}

// Precondition: IsNumber(text).
Outcome ReadFactor(std::string_view text, int64_t* hundredths) {
  constexpr int64_t kHundred = 100;
  constexpr size_t kDecimals = 2;
  const size_t point = std::min(text.find('.'), text.size());
  const std::string_view behind = text.substr(std::min(point + 1, text.size()));
  if (behind.size() > kDecimals) return Error::kNotInteger;
  const std::string decimals = std::string(behind) + std::string(kDecimals - behind.size(), '0');
  const Outcome refusal =
      OutOfRange("BACKOFF factor", std::to_string(engine::kMinBackoffFactor / kHundred),
                 std::to_string(engine::kMaxBackoffFactor / kHundred));
  const std::optional<int64_t> whole = ParseInteger(text.substr(0, point));
  if (!whole || *whole < 0 || *whole > engine::kMaxBackoffFactor) return refusal;
  *hundredths = *whole * kHundred + (decimals[0] - '0') * 10 + (decimals[1] - '0');
  const bool fits =
      *hundredths >= engine::kMinBackoffFactor && *hundredths <= engine::kMaxBackoffFactor;
  return fits ? Done() : refusal;
}

// `values` are all arguments behind the option's name; `*count` is how many of them are its own.
Outcome ReadBackoff(std::span<const std::string_view> values, const PolicyOptionSpec& spec,
                    std::array<int64_t, 3>* numbers, size_t* count) {
  if (values.size() < 2) return Error::kSyntax;
  auto& [min_ms, max_ms, factor] = *numbers;
  RETURN_IF_FAILED(ReadWhole(values[0], &min_ms));
  RETURN_IF_FAILED(CheckRange("BACKOFF min", min_ms, spec.min, spec.max));
  RETURN_IF_FAILED(ReadWhole(values[1], &max_ms));
  RETURN_IF_FAILED(CheckRange("BACKOFF max", max_ms, min_ms, spec.max));
  factor = engine::kDefaultBackoffFactor;
  *count = 2;
  if (values.size() == 2 || !IsNumber(values[2])) return Done();
  *count = 3;
  return ReadFactor(values[2], &factor);
}

Outcome ReadDeadLetterKey(std::string_view text, const PolicyGrammar& grammar, std::string* key) {
  if (engine::HashSlot(text) != engine::HashSlot(grammar.key)) return Error::kDeadLetterSlot;
  if (text == grammar.key) return {Error::kNotAnotherKey, {"DEADLETTER-KEY"}};
  // No name at all is how a derived one is kept.
  if (text.empty()) return Error::kSyntax;
  *key = text;
  return Done();
}

Outcome ReadNumber(std::string_view text, const PolicyOptionSpec& spec, int64_t* value) {
  RETURN_IF_FAILED(spec.kind == PolicyValueKind::kMemory ? ReadMemory(text, value)
                                                         : ReadWhole(text, value));
  return CheckRange(spec.name, *value, spec.min, spec.max);
}

// As ReadBackoff, for every kind.
Outcome ReadValue(std::span<const std::string_view> values, const PolicyOptionSpec& spec,
                  const PolicyGrammar& grammar, PolicySetting* setting, size_t* count) {
  *count = 1;
  switch (spec.kind) {
    case PolicyValueKind::kInteger:
    case PolicyValueKind::kMemory:
      return ReadNumber(values[0], spec, &setting->numbers[0]);
    case PolicyValueKind::kWord:
      return ReadWord(values[0], spec, &setting->numbers[0]);
    case PolicyValueKind::kKey:
      return ReadDeadLetterKey(values[0], grammar, &setting->text);
    case PolicyValueKind::kBackoff:
      return ReadBackoff(values, spec, &setting->numbers, count);
  }
  return Error::kSyntax;
}

}  // namespace

Outcome TakePolicyOption(std::span<const std::string_view> args, size_t* position,
                         const PolicyGrammar& grammar, PolicyChange* change) {
  const PolicyOptionSpec* const spec = FindSpec(grammar, args[*position]);
  const std::span<const std::string_view> values = args.subspan(*position + 1);
  if (spec == nullptr || values.empty()) return Error::kSyntax;
  const auto option = static_cast<uint8_t>(spec - grammar.specs.data());
  if (IsGiven(*change, option)) return {Error::kOptionTwice, {spec->name}};
  if (!grammar.is_rule && EqualsIgnoreCase(values[0], kDefault)) {
    change->to_default.push_back(option);
    *position += 2;
    return Done();
  }
  PolicySetting setting;
  setting.option = option;
  size_t count = 0;
  RETURN_IF_FAILED(ReadValue(values, *spec, grammar, &setting, &count));
  change->set.push_back(std::move(setting));
  *position += 1 + count;
  return Done();
}

Outcome ReadPolicyOptions(std::span<const std::string_view> args, size_t first,
                          const PolicyGrammar& grammar, PolicyChange* change) {
  if (first == args.size()) return Error::kNoParameterGiven;
  for (size_t position = first; position < args.size();) {
    RETURN_IF_FAILED(TakePolicyOption(args, &position, grammar, change));
  }
  return Done();
}

void FindPolicyKeys(std::span<const std::string_view> args, size_t first,
                    std::vector<int>* positions) {
  const PolicyGrammar grammar = {.specs = engine::GroupOptionSpecs()};
  for (size_t i = first; i + 1 < args.size();) {
    const PolicyOptionSpec* const spec = FindSpec(grammar, args[i]);
    if (spec == nullptr) return;
    const bool is_default = EqualsIgnoreCase(args[i + 1], kDefault);
    if (spec->kind == PolicyValueKind::kKey && !is_default) {
      positions->push_back(static_cast<int>(i + 1));
    }
    size_t count = 1;
    if (spec->kind == PolicyValueKind::kBackoff && !is_default) {
      count = i + 3 < args.size() && IsNumber(args[i + 3]) ? 3 : 2;
    }
    i += 1 + count;
  }
}

std::string FormatBackoff(const engine::Backoff& backoff) {
  constexpr int64_t kHundred = 100;
  std::string factor = fmt::format("{}.{:02}", backoff.factor_hundredths / kHundred,
                                   backoff.factor_hundredths % kHundred);
  factor.erase(factor.find_last_not_of('0') + 1);
  if (factor.ends_with('.')) factor.pop_back();
  return fmt::format("{} {} {}", backoff.min_ms, backoff.max_ms, factor);
}

}  // namespace server
