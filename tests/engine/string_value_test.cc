#include "engine/string_value.h"

#include <gtest/gtest.h>

#include <string>

#include "engine/time_index.h"
#include "tests/support/golden.h"

namespace engine {
namespace {

TEST(StringValue, GoldenBytes) {
  StringValue value(1, 7, "key");
  value.expire_ms = 1'700'000'000'123;
  value.bytes = std::string("a\0b", 3);
  std::string bytes;
  EncodeString(value, &bytes);
  const std::string golden = tests::ReadGolden("string_record.hex");
  EXPECT_EQ(tests::BytesToHex(bytes), tests::BytesToHex(golden));
  const auto decoded = DecodeString(1, "key", golden);
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ((*decoded)->bytes, value.bytes);
  EXPECT_EQ((*decoded)->uid, 7u);
  EXPECT_EQ((*decoded)->expire_ms, value.expire_ms);
}

TEST(StringValue, ADamagedRecordIsRefused) {
  StringValue value(1, 7, "key");
  value.bytes = "value";
  std::string bytes;
  EncodeString(value, &bytes);
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    EXPECT_FALSE(DecodeString(1, "key", damaged).ok()) << i;
    EXPECT_FALSE(DecodeString(1, "key", bytes.substr(0, i)).ok()) << i;
  }
}

TEST(TimeIndex, StoreKeysAreInTheOrderOfPlaces) {
  const TimePlace places[] = {
      {1, 9, "z"}, {256, 1, "b"}, {256, 2, ""}, {256, 2, "a"}, {257, 0, ""}};
  const TimeIndex index('e');
  std::string previous;
  for (const TimePlace& place : places) {
    const std::string key = index.StoreKey(place);
    EXPECT_LT(previous, key);
    EXPECT_LT(key, index.StoreEnd());
    EXPECT_EQ(index.ParseStoreKey(key), place);
    previous = key;
  }
  EXPECT_NE(TimeIndex('w').StoreKey(places[0]), index.StoreKey(places[0]));
  EXPECT_FALSE(TimeIndex('w').ParseStoreKey(previous).has_value());
  EXPECT_FALSE(index.ParseStoreKey("meta").has_value());
  EXPECT_FALSE(index.ParseStoreKey("e123").has_value());
}

TEST(TimeIndex, APageShowsOnlyWhatChangesSinceLeaveOfIt) {
  TimeIndex index('e');
  index.Add({5, 1, "added"});
  index.Remove({3, 1, "stored"});
  ASSERT_TRUE(index.WantsPage());
  EXPECT_EQ(index.Earliest(), nullptr);
  TimePage page;
  page.from = index.window_end();
  page.places = {{3, 1, "stored"}, {4, 1, "other"}};
  index.InstallPage(page);
  EXPECT_FALSE(index.WantsPage());
  ASSERT_NE(index.Earliest(), nullptr);
  EXPECT_EQ(*index.Earliest(), (TimePlace{4, 1, "other"}));
  index.Remove({4, 1, "other"});
  EXPECT_EQ(*index.Earliest(), (TimePlace{5, 1, "added"}));
  index.Remove({5, 1, "added"});
  EXPECT_EQ(index.Earliest(), nullptr);
  EXPECT_TRUE(index.Added().empty());
}

}  // namespace
}  // namespace engine
