#include "engine/keyspace.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <utility>

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

}  // namespace
}  // namespace engine
