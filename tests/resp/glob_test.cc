#include "resp/glob.h"

#include <gtest/gtest.h>

#include <string>

namespace resp {
namespace {

struct Row {
  std::string pattern;
  std::string text;
  bool matches;
  GlobCase letter_case = GlobCase::kSensitive;
};

constexpr GlobCase kNoCase = GlobCase::kAsciiInsensitive;

const Row kRows[] = {
    {"", "", true},
    {"", "a", false},
    {"*", "", true},
    {"*", "abc", true},
    {"**", "", true},
    {"***a", "a", true},
    {"a*", "abc", true},
    {"a*", "bac", false},
    {"*c", "abc", true},
    {"*c", "abcd", false},
    {"a*c", "ac", true},
    {"a*c", "abbbc", true},
    {"a*b*c", "aXbYbZc", true},
    {"a*b*c", "aXcYc", false},
    {"*ab*ab", "abab", true},
    {"*ab*ab", "ab", false},
    {"?", "", false},
    {"?", "a", true},
    {"?", "ab", false},
    {"h?llo", "hello", true},
    {"h?llo", "hllo", false},
    {"*?", "", false},
    {"*?", "x", true},
    {"h[ae]llo", "hello", true},
    {"h[ae]llo", "hillo", false},
    {"h[^e]llo", "hallo", true},
    {"h[^e]llo", "hello", false},
    {"h[a-b]llo", "hbllo", true},
    {"h[a-b]llo", "hcllo", false},
    {"h[b-a]llo", "hallo", true},
    {"[a-cx-z]", "y", true},
    {"[a-cx-z]", "m", false},
    {"[a-]", "-", false},  // a range up to ']', and no end
    {"[a-]", "^", true},
    {"[-a]", "-", true},
    {"[\\]]", "]", true},
    {"[\\^a]", "^", true},
    {"[a\\-c]", "b", false},
    {"[a\\-c]", "-", true},
    {"[]", "a", false},
    {"[^]", "a", true},
    {"[]a]", "a", false},
    {"[abc", "b", true},
    {"[abc", "d", false},
    {"[a-", "-", true},
    {"[", "[", false},
    {"[^", "[", true},
    {"a[", "a", false},
    {"\\*", "*", true},
    {"\\*", "a", false},
    {"\\[a]", "[a]", true},
    {"\\a", "a", true},
    {"a\\", "a\\", true},
    {"a\\", "a", false},
    {"a]", "a]", true},
    {"a^b", "a^b", true},
    {"HeLLo", "hello", false},
    {"HeLLo", "hEllO", true, kNoCase},
    {"[A-C]", "b", true, kNoCase},
    {"[a-c]", "B", true, kNoCase},
    {"\\A", "a", true, kNoCase},
    {"[\\A]", "a", true, kNoCase},
    {"\xc3*", "\xc3\xa4", true},
    {"[\x80-\xff]", "\xc3", true},
    {"[\x80-\xff]", "a", false},
    {std::string("a\0*", 3), std::string("a\0b", 3), true},
    {std::string("a\0*", 3), "ab", false},
};

TEST(Glob, MatchesAsTheTableSays) {
  for (const Row& row : kRows) {
    EXPECT_EQ(GlobMatch(row.pattern, row.text, row.letter_case), row.matches)
        << '"' << row.pattern << "\" on \"" << row.text << '"';
  }
}

std::string Repeat(std::string_view unit, size_t times) {
  std::string out;
  for (size_t i = 0; i < times; ++i) out += unit;
  return out;
}

TEST(Glob, ManyStarsCostAProductNotAnExponential) {
  // 51 elements on 60 bytes: any answer at all within this few steps is the point.
  EXPECT_FALSE(GlobMatch(Repeat("a*", 50) + "b", std::string(60, 'a'), GlobCase::kSensitive, 4000));
  EXPECT_TRUE(GlobMatch(Repeat("a*", 50), std::string(60, 'a'), GlobCase::kSensitive, 4000));
}

TEST(Glob, TakesPatternsOfAnyLength) {
  EXPECT_TRUE(GlobMatch(Repeat("*", 1 << 20), "abc"));
  EXPECT_FALSE(GlobMatch(Repeat("*?", 1 << 20), "abc"));
  EXPECT_TRUE(GlobMatch("*" + Repeat("[a-c]", 1000) + "*", std::string(5000, 'b')));
}

TEST(Glob, GivesUpAtItsStepLimit) {
  EXPECT_TRUE(GlobMatch("abcd", "abcd", GlobCase::kSensitive, 4));
  EXPECT_FALSE(GlobMatch("abcd", "abcd", GlobCase::kSensitive, 3));
  EXPECT_FALSE(GlobMatch("[" + Repeat("x", 100) + "a]", "a", GlobCase::kSensitive, 50));
}

TEST(Glob, KnowsLiterals) {
  EXPECT_TRUE(IsGlobLiteral("plain:key"));
  EXPECT_TRUE(IsGlobLiteral(""));
  for (const char* pattern : {"a*", "?", "[a]", "\\a"}) EXPECT_FALSE(IsGlobLiteral(pattern));
}

}  // namespace
}  // namespace resp
