#include "engine/keyspace.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/key_holder.h"

namespace engine {
namespace {

std::unique_ptr<KeyHolder> Missing(const std::string& name) {
  return std::make_unique<MissingKey>(0, name);
}

TEST(HolderMap, FindsWhatIsListedNowUnderAName) {
  HolderMap holders;
  EXPECT_EQ(holders.Find("a"), nullptr);
  holders.Add(Missing("a"));
  holders.Add(Missing("b"));
  KeyHolder* const first = holders.Find("a");
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(holders.Find("a"), first);
  EXPECT_EQ(holders.Find("b")->key, "b");
  EXPECT_EQ(holders.Find("a"), first);

  const std::unique_ptr<KeyHolder> taken = holders.Take(first->key);
  EXPECT_EQ(taken.get(), first);
  EXPECT_EQ(holders.Find("a"), nullptr);
  EXPECT_EQ(holders.Take("a"), nullptr);
  holders.Add(Missing("a"));
  EXPECT_NE(holders.Find("a"), first);
  EXPECT_EQ(holders.Find("a")->key, "a");
}

TEST(HolderMap, IsEmptiedInSteps) {
  HolderMap holders;
  std::set<std::string> left;
  for (int i = 0; i < 1000; ++i) {
    left.insert(std::to_string(i));
    holders.Add(Missing(std::to_string(i)));
  }
  ASSERT_NE(holders.Find("7"), nullptr);
  for (size_t steps = 1; !holders.empty(); ++steps) {
    holders.TakeSome(
        30, [&](std::unique_ptr<KeyHolder> holder) { EXPECT_EQ(left.erase(holder->key), 1u); });
    ASSERT_EQ(left.size(), steps * 30 >= 1000 ? 0 : 1000 - steps * 30);
  }
  EXPECT_EQ(holders.Find("7"), nullptr);
}

TEST(HolderMap, GuessesByTheHashAlone) {
  HolderMap holders;
  for (int i = 0; i < 1000; ++i) {
    holders.Add(Missing("name " + std::to_string(i)));
  }
  int wrong = 0;
  for (int i = 0; i < 1000; ++i) {
    const std::string name = "name " + std::to_string(i);
    holders.Fetch(KeyedHash()(name));
    const KeyHolder* guess = holders.Guess(KeyedHash()(name));
    ASSERT_NE(guess, nullptr);
    wrong += guess->key == name ? 0 : 1;
  }
  EXPECT_LT(wrong, 200);  // One in 128 of the slots that are looked at.
  EXPECT_EQ(HolderMap().Guess(1), nullptr);
}

// ---- NameHashes ----

TEST(NameHashes, KnowsAnyNameWhateverIsExpected) {
  const std::vector<std::string> texts = {"a", "b", "c", "d", "a"};
  const std::vector<std::string_view> names(texts.begin(), texts.end());
  NameHashes hashes;
  hashes.Set(names);
  ASSERT_EQ(hashes.size(), names.size());
  // In order, twice, one left out, one that is not expected, and all again.
  for (const size_t i : {0U, 0U, 2U, 3U, 1U, 4U, 0U, 1U}) {
    EXPECT_EQ(hashes.Of(names[i]), KeyedHash()(names[i])) << i;
  }
  EXPECT_EQ(hashes.Of("z"), KeyedHash()("z"));
  hashes.Clear();
  EXPECT_EQ(hashes.size(), 0U);
  EXPECT_EQ(hashes.Of(names[1]), KeyedHash()("b"));
}

TEST(NameHashes, GoesByWhereANameLies) {
  std::string text = "ab";
  const std::string_view names[] = {text};
  NameHashes hashes;
  hashes.Set(names);
  EXPECT_EQ(hashes.Of(std::string_view(text).substr(0, 1)), KeyedHash()("a"));
  EXPECT_EQ(hashes.Of(std::string_view(text).substr(1)), KeyedHash()("b"));
  EXPECT_EQ(hashes.Of(text), KeyedHash()("ab"));
}

TEST(NameHashes, LeavesOutWhatDoesNotFit) {
  const std::vector<std::string_view> names(kLookaheadNames + 3, "name");
  NameHashes hashes;
  hashes.Set(names);
  EXPECT_EQ(hashes.size(), kLookaheadNames);
  EXPECT_EQ(hashes.Of("name"), KeyedHash()("name"));
}

}  // namespace
}  // namespace engine
