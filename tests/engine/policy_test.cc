// Policies: which value of an option is in force, and the names of dead-letter streams.
#include "engine/policy.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "engine/hash_slot.h"

namespace engine {
namespace {

// A pattern is a prefix with a star, or a name.
bool Match(std::string_view pattern, std::string_view text) {
  return pattern.ends_with('*') ? text.starts_with(pattern.substr(0, pattern.size() - 1))
                                : pattern == text;
}

PolicySetting Number(GroupOption option, int64_t value) {
  return {static_cast<uint8_t>(option), {value, 0, 0}, {}};
}

PolicyRule Rule(std::string key, std::string group, GroupOption option, int64_t value) {
  PolicyRule rule{std::move(key), std::move(group), {}};
  rule.settings.Set(Number(option, value));
  return rule;
}

TEST(PolicyRules, TheFirstRuleThatNamesTheOptionCounts) {
  PolicyRules rules(&Match);
  rules.SetGroupRules({Rule("a*", "*", GroupOption::kAckWait, 10),
                       Rule("*", "g", GroupOption::kAckWait, 20),
                       Rule("*", "*", GroupOption::kMaxPending, 7)});
  GroupPolicy policy = rules.ForGroup("ab", "g", false, nullptr);
  EXPECT_EQ(policy.ack_wait_ms, 10);
  EXPECT_EQ(policy.max_pending, 7);
  EXPECT_EQ(policy.source(GroupOption::kAckWait), PolicySource::kRule);
  EXPECT_EQ(policy.source(GroupOption::kPaused), PolicySource::kDefault);
  policy = rules.ForGroup("b", "g", false, nullptr);
  EXPECT_EQ(policy.ack_wait_ms, 20);
}

TEST(PolicyRules, WhatTheObjectHasSetCountsBeforeThem) {
  PolicyRules rules(&Match);
  rules.SetGroupRules({Rule("*", "*", GroupOption::kAckWait, 10)});
  PolicySettings own;
  own.Set(Number(GroupOption::kAckWait, 0));
  const GroupPolicy policy = rules.ForGroup("s", "g", false, &own);
  EXPECT_EQ(policy.ack_wait_ms, 0);
  EXPECT_EQ(policy.source(GroupOption::kAckWait), PolicySource::kOwn);
}

TEST(PolicyRules, AStreamOfLettersIsMatchedByItsWholeNameOnly) {
  PolicyRules rules(&Match);
  rules.SetGroupRules({Rule("s*", "*", GroupOption::kMaxDeliveries, 3)});
  EXPECT_EQ(rules.ForGroup("s", "g", true, nullptr).max_deliveries, 0);
  EXPECT_EQ(rules.ForGroup("s", "g", false, nullptr).max_deliveries, 3);
  rules.SetGroupRules({Rule("s", "*", GroupOption::kMaxDeliveries, 4)});
  EXPECT_EQ(rules.ForGroup("s", "g", true, nullptr).max_deliveries, 4);
}

TEST(PolicyRules, AKeyWithSpecialCharactersIsSpelledOutAsItIsOrWithEscapes) {
  PolicyRules rules(&Match);
  const auto matched = [&](std::string pattern) {
    rules.SetGroupRules({Rule(std::move(pattern), "*", GroupOption::kMaxDeliveries, 3)});
    return rules.ForGroup("{a*}[b", "g", true, nullptr).max_deliveries == 3;
  };
  EXPECT_TRUE(matched("{a*}[b"));
  EXPECT_TRUE(matched("{a\\*}\\[b"));
  EXPECT_FALSE(matched("{a*}\\[b"));
  EXPECT_FALSE(matched("{a\\*}*"));
  EXPECT_FALSE(matched("{a\\*}"));
}

TEST(PolicyRules, TheLastDeliveryIsAloneFromThreeOn) {
  PolicyRules rules(&Match);
  for (const int64_t most : {1, 2, 3, 4}) {
    PolicySettings own;
    own.Set(Number(GroupOption::kMaxDeliveries, most));
    EXPECT_EQ(rules.ForGroup("s", "g", false, &own).isolate_last, most >= 3) << most;
    own.Set(Number(GroupOption::kIsolateLast, most < 3 ? 1 : 0));
    EXPECT_EQ(rules.ForGroup("s", "g", false, &own).isolate_last, most < 3) << most;
  }
}

TEST(PolicySettings, SurviveTheirBytes) {
  PolicySettings settings;
  settings.Set({static_cast<uint8_t>(GroupOption::kBackoff), {100, 5000, 150}, {}});
  settings.Set({static_cast<uint8_t>(GroupOption::kDeadLetterKey), {}, "dlq"});
  settings.Set(Number(GroupOption::kAckWait, 30000));
  settings.Set(Number(GroupOption::kAckWait, 40000));
  settings.Set(Number(GroupOption::kPaused, 1));
  settings.Clear(static_cast<uint8_t>(GroupOption::kPaused));
  std::string bytes;
  settings.Encode(&bytes);
  Decoder decoder(bytes);
  EXPECT_EQ(PolicySettings::Decode(&decoder, GroupOptionSpecs()), settings);
  EXPECT_TRUE(decoder.AtEnd());
  EXPECT_EQ(settings.Find(static_cast<uint8_t>(GroupOption::kPaused)), nullptr);
  EXPECT_EQ(settings.Find(static_cast<uint8_t>(GroupOption::kAckWait))->numbers[0], 40000);
}

TEST(PolicySettings, DecodeRefusesWhatNoOptionMayBe) {
  const auto refused = [](PolicySetting setting) {
    PolicySettings settings;
    settings.Set(std::move(setting));
    std::string bytes;
    settings.Encode(&bytes);
    Decoder decoder(bytes);
    PolicySettings::Decode(&decoder, GroupOptionSpecs());
    return !decoder.ok();
  };
  EXPECT_TRUE(refused({11, {}, {}}));
  EXPECT_TRUE(refused(Number(GroupOption::kOnExhaust, 3)));
  EXPECT_TRUE(refused({static_cast<uint8_t>(GroupOption::kBackoff), {10, 5, 200}, {}}));
  EXPECT_TRUE(refused({static_cast<uint8_t>(GroupOption::kBackoff), {10, 50, 99}, {}}));
  EXPECT_FALSE(refused({static_cast<uint8_t>(GroupOption::kBackoff), {10, 10, 100}, {}}));
}

TEST(Backoff, GrowsByItsFactorUpToItsMaximum) {
  const Backoff backoff{100, 1000, 200};
  EXPECT_EQ(backoff.After(0), 0);
  EXPECT_EQ(backoff.After(1), 100);
  EXPECT_EQ(backoff.After(2), 200);
  EXPECT_EQ(backoff.After(4), 800);
  EXPECT_EQ(backoff.After(5), 1000);
  EXPECT_EQ(backoff.After(UINT64_MAX), 1000);
  EXPECT_EQ((Backoff{100, 1000, 150}).After(3), 225);
  EXPECT_EQ((Backoff{0, 1000, 1000}).After(9), 0);
  EXPECT_EQ((Backoff{1, 315'360'000'000, 101}).After(100), 2);
  EXPECT_EQ((Backoff{7, 7, 100}).After(3), 7);
  EXPECT_EQ(Backoff().After(3), 0);
}

TEST(DeadLetterKey, KeepsTheSlot) {
  EXPECT_EQ(DerivedDeadLetterKey("orders", "g"), "{orders}:dead:g");
  EXPECT_EQ(DerivedDeadLetterKey("{u1}orders", "g"), "{u1}orders:dead:g");
  EXPECT_EQ(DerivedDeadLetterKey("a{", "g"), "{a{}:dead:g");
  EXPECT_EQ(DerivedDeadLetterKey("", "g"), "");
  EXPECT_EQ(DerivedDeadLetterKey("a}b", "g"), "");
  EXPECT_EQ(DerivedDeadLetterKey("{}x", "g"), "");
  EXPECT_EQ(HashSlot("{orders}:dead:g"), HashSlot("orders"));
}

TEST(HashSlot, IsWhatClientsCompute) {
  EXPECT_EQ(HashSlot("123456789"), 0x31c3 % 16384);
  EXPECT_EQ(HashSlot("{user1000}.following"), HashSlot("{user1000}.followers"));
  EXPECT_EQ(HashTag("foo{}{bar}"), "foo{}{bar}");
  EXPECT_EQ(HashTag("foo{{bar}}zap"), "{bar");
}

}  // namespace
}  // namespace engine
