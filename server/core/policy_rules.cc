#include "server/core/policy_rules.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "engine/engine.h"
#include "fmt/format.h"
#include "server/core/config_value.h"
#include "server/core/policy_args.h"
#include "server/core/server_context.h"
#include "server/limits.h"

namespace server {
namespace {

using engine::PolicyRule;

constexpr char kSeparator = ';';

// What a kind of rules consists of.
struct RuleForm {
  std::span<const engine::PolicyOptionSpec> specs;
  size_t pattern_count = 1;
};
RuleForm GroupForm() { return {engine::GroupOptionSpecs(), 2}; }
RuleForm StreamForm() { return {engine::StreamOptionSpecs(), 1}; }

// What is wrong, in the words of CONFIG SET; empty = fine.
std::string ReadRule(std::span<const std::string> words, const RuleForm& form, PolicyRule* rule) {
  constexpr std::string_view kPrefix = "ERR ";
  const std::vector<std::string_view> args(words.begin(), words.end());
  engine::PolicyChange change;
  const Outcome outcome = args.size() < form.pattern_count
                              ? Outcome(Error::kSyntax)
                              : ReadPolicyOptions(args, form.pattern_count,
                                                  {.specs = form.specs, .is_rule = true}, &change);
  if (!outcome.ok()) {
    std::string text = outcome.Text();
    return text.starts_with(kPrefix) ? text.substr(kPrefix.size()) : text;
  }
  rule->key_pattern = words[0];
  if (form.pattern_count > 1) rule->group_pattern = words[1];
  for (engine::PolicySetting& setting : change.set) rule->settings.Set(std::move(setting));
  return {};
}

// Reads as one word of a rule, also where rules stand one behind the other.
std::string QuoteRuleWord(const std::string& word) {
  std::string quoted = QuoteWord(word);
  const bool is_bare = quoted == word;
  return is_bare && word.find(kSeparator) != word.npos ? fmt::format("\"{}\"", word) : quoted;
}

std::string Joined(std::span<const std::string> words) {
  std::string text;
  for (const std::string& word : words) {
    text.append(text.empty() ? "" : " ").append(QuoteRuleWord(word));
  }
  return text;
}

// Adds the rule that these words are.
std::string AddRule(std::span<const std::string> words, const RuleForm& form,
                    std::vector<RuleSetting>* rules) {
  if (rules->size() == kMaxPolicyRules) {
    return fmt::format("there can be {} rules at most", kMaxPolicyRules);
  }
  RuleSetting added;
  std::string refusal = ReadRule(words, form, &added.rule);
  if (!refusal.empty()) return refusal;
  added.text = Joined(words);
  rules->push_back(std::move(added));
  return {};
}

std::string AddRules(const std::string& text, const RuleForm& form,
                     std::vector<RuleSetting>* rules) {
  for (const std::string& part : SplitPolicyRules(text)) {
    const std::optional<std::vector<std::string>> words = SplitWords(part);
    if (!words) return "unbalanced quotes in a rule";
    if (words->empty()) continue;
    std::string refusal = AddRule(*words, form, rules);
    if (!refusal.empty()) return refusal;
  }
  return {};
}

std::string Assign(std::span<const std::string> words, AssignMode mode, const RuleForm& form,
                   std::vector<RuleSetting>* rules) {
  const bool clears = words.size() == 1 && words[0].empty();
  std::vector<RuleSetting> wanted;
  if (mode == AssignMode::kLine && !clears) wanted = *rules;
  std::string refusal =
      words.size() == 1 ? AddRules(words[0], form, &wanted) : AddRule(words, form, &wanted);
  if (refusal.empty()) *rules = std::move(wanted);
  return refusal;
}

std::string Show(const std::vector<RuleSetting>& rules) {
  std::string text;
  for (const RuleSetting& rule : rules) {
    if (!text.empty()) text += kSeparator;
    text += rule.text;
  }
  return text;
}

std::vector<PolicyRule> RulesOf(const std::vector<RuleSetting>& settings) {
  std::vector<PolicyRule> rules;
  for (const RuleSetting& setting : settings) rules.push_back(setting.rule);
  return rules;
}

// Where the rule that begins here ends: at a ';' that is not in quotes.
size_t EndOfRule(std::string_view text) {
  char quote = '\0';
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote == '\0') {
      if (c == kSeparator) return i;
      if (c == '"' || c == '\'') quote = c;
    } else if (c == quote) {
      quote = '\0';
    } else if (c == '\\' && i + 1 < text.size() && (quote == '"' || text[i + 1] == '\'')) {
      ++i;
    }
  }
  return text.size();
}

}  // namespace

std::vector<std::string> SplitPolicyRules(const std::string& value) {
  std::vector<std::string> parts;
  for (std::string_view rest = value; !rest.empty();) {
    const size_t end = EndOfRule(rest);
    parts.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return parts;
}

std::string AssignGroupPolicy(std::span<const std::string> words, AssignMode mode,
                              Settings* settings) {
  return Assign(words, mode, GroupForm(), &settings->group_policy);
}

std::string ShowGroupPolicy(const Settings& settings) { return Show(settings.group_policy); }

std::string AssignStreamPolicy(std::span<const std::string> words, AssignMode mode,
                               Settings* settings) {
  return Assign(words, mode, StreamForm(), &settings->stream_policy);
}

std::string ShowStreamPolicy(const Settings& settings) { return Show(settings.stream_policy); }

void ApplyPolicyRules(ServerContext& server, engine::Engine& engine) {
  engine.SetGroupRules(RulesOf(server.settings().group_policy));
  engine.SetStreamRules(RulesOf(server.settings().stream_policy));
  server.waiters().SignalAll();
  server.producers().SignalAll();
}

}  // namespace server
