#include "server/core/config_value.h"

#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace server {
namespace {

using Words = std::optional<std::vector<std::string>>;

TEST(ConfigValue, IntegersAreStrict) {
  EXPECT_EQ(ParseConfigInteger("0"), 0);
  EXPECT_EQ(ParseConfigInteger("-12"), -12);
  EXPECT_EQ(ParseConfigInteger("9223372036854775807"), std::numeric_limits<int64_t>::max());
  for (const char* wrong :
       {"", "-", "+1", "01", "-0", "-01", " 1", "1 ", "1.0", "1e3", "x", "9223372036854775808"}) {
    EXPECT_EQ(ParseConfigInteger(wrong), std::nullopt) << wrong;
  }
}

TEST(ConfigValue, OctalDigits) {
  EXPECT_EQ(ParseConfigOctal("755"), 0755);
  EXPECT_EQ(ParseConfigOctal("0700"), 0700);
  EXPECT_EQ(ParseConfigOctal("8"), std::nullopt);
  EXPECT_EQ(ParseConfigOctal(""), std::nullopt);
}

TEST(ConfigValue, MemoryHasUnits) {
  EXPECT_EQ(ParseConfigMemory("0"), 0);
  EXPECT_EQ(ParseConfigMemory("12b"), 12);
  EXPECT_EQ(ParseConfigMemory("1k"), 1000);
  EXPECT_EQ(ParseConfigMemory("1KB"), 1024);
  EXPECT_EQ(ParseConfigMemory("3m"), 3000000);
  EXPECT_EQ(ParseConfigMemory("3Mb"), 3 * 1024 * 1024);
  EXPECT_EQ(ParseConfigMemory("2g"), 2000000000);
  EXPECT_EQ(ParseConfigMemory("2gb"), int64_t{2} << 30);
  EXPECT_EQ(ParseConfigMemory("9223372036854775807"), std::numeric_limits<int64_t>::max());
  for (const char* wrong : {"", "mb", "-1", "+1", "1.5k", "1 k", "1kk", "1t",
                            "9223372036854775807k", "8589934592gb", "9223372036854775808"}) {
    EXPECT_EQ(ParseConfigMemory(wrong), std::nullopt) << wrong;
  }
}

TEST(ConfigValue, YesAndNo) {
  EXPECT_EQ(ParseConfigBool("yes"), true);
  EXPECT_EQ(ParseConfigBool("NO"), false);
  EXPECT_EQ(ParseConfigBool("true"), std::nullopt);
}

TEST(ConfigValue, SplitsWordsAtBlanksAndHonoursQuotes) {
  EXPECT_EQ(SplitWords(""), Words({std::vector<std::string>{}}));
  EXPECT_EQ(SplitWords("  a\tb  "), (Words{{"a", "b"}}));
  EXPECT_EQ(SplitWords("save \"\""), (Words{{"save", ""}}));
  EXPECT_EQ(SplitWords(R"("a b\n\x41\"\\" 'c\'d\n')"), (Words{{"a b\nA\"\\", "c'd\\n"}}));
  EXPECT_EQ(SplitWords("a\"b c\""), (Words{{"ab c"}}));
  EXPECT_EQ(SplitWords(R"("\x4")"), (Words{{"x4"}}));
}

TEST(ConfigValue, RefusesUnbalancedQuotes) {
  for (const char* wrong : {"\"", "a \"b", "'", "'a", "\"a\"b", "'a'b", "\"a\\\""}) {
    EXPECT_EQ(SplitWords(wrong), std::nullopt) << wrong;
  }
}

TEST(ConfigValue, QuotedWordsComeBack) {
  const std::string all_bytes = [] {
    std::string bytes;
    for (int byte = 0; byte < 256; ++byte) bytes += static_cast<char>(byte);
    return bytes;
  }();
  for (const std::string& word :
       {std::string(), std::string("plain"), std::string("a b"), std::string("'"),
        std::string("\""), std::string("\\"), std::string("#x"), all_bytes}) {
    EXPECT_EQ(SplitWords(QuoteWord(word)), (Words{{word}})) << QuoteWord(word);
  }
  EXPECT_EQ(QuoteWord("plain"), "plain");
}

}  // namespace
}  // namespace server
