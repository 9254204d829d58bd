#include "server/core/args.h"

#include <gtest/gtest.h>

#include <string_view>
#include <vector>

namespace server {
namespace {

using Words = std::vector<std::string_view>;

TEST(ParseInteger, TakesOnlyTheCanonicalForm) {
  EXPECT_EQ(ParseInteger("0"), 0);
  EXPECT_EQ(ParseInteger("-1"), -1);
  EXPECT_EQ(ParseInteger("9223372036854775807"), INT64_MAX);
  EXPECT_EQ(ParseInteger("-9223372036854775808"), INT64_MIN);
  for (std::string_view text : {"", "-", "-0", "00", "01", "-01", "+5", " 5", "5 ", "5.0", "1e3",
                                "9223372036854775808", "-9223372036854775809", "0x1"}) {
    EXPECT_EQ(ParseInteger(text), std::nullopt) << text;
  }
}

TEST(Args, ReadsWordsInAnyCaseAndValues) {
  const Words words = {"cmd", "count", "7", "Match", "x"};
  Args args(words);
  EXPECT_FALSE(args.Word("MATCH"));
  EXPECT_TRUE(args.WordWithValues("COUNT", 1));
  EXPECT_EQ(args.Integer(), 7);
  EXPECT_TRUE(args.WordWithValues("MATCH", 1));
  EXPECT_EQ(args.Text(), "x");
  EXPECT_FALSE(args.more());
  EXPECT_TRUE(args.Finish().ok());
}

TEST(Args, WordWithoutItsValuesIsNotTaken) {
  const Words words = {"cmd", "COUNT"};
  Args args(words);
  EXPECT_FALSE(args.WordWithValues("COUNT", 1));
  EXPECT_EQ(args.Peek(), "COUNT");
  EXPECT_EQ(args.Finish().Text(), "ERR syntax error");
}

TEST(Args, FirstErrorStays) {
  const Words words = {"cmd", "x", "y"};
  Args args(words);
  EXPECT_EQ(args.Integer(Error::kTimeoutNotInteger), 0);
  EXPECT_FALSE(args.more());
  EXPECT_EQ(args.Text(), "");
  args.Fail(Error::kNoAuth);
  EXPECT_EQ(args.Finish().Text(), "ERR timeout is not an integer or out of range");
}

}  // namespace
}  // namespace server
