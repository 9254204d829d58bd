#include "engine/stream_id.h"

#include <gtest/gtest.h>

#include <string>

namespace engine {
namespace {

TEST(StreamId, ParsesTheGrammar) {
  struct Case {
    std::string text;
    uint64_t missing_seq;
    std::optional<StreamId> strict;
  };
  const Case cases[] = {
      {"1-2", 0, StreamId{1, 2}},
      {"0-0", 0, StreamId{0, 0}},
      {"5", 0, StreamId{5, 0}},
      {"5", UINT64_MAX, StreamId{5, UINT64_MAX}},
      {"01-05", 0, StreamId{1, 5}},
      {"18446744073709551615-18446744073709551615", 0, StreamId::Max()},
      {"00000000000000000000000000000000000000000018446744073709551615-0", 0,
       StreamId{UINT64_MAX, 0}},
      {std::string(125, '0') + "-1", 0, StreamId{0, 1}},
      {std::string(126, '0') + "-1", 0, std::nullopt},
      {"18446744073709551616-0", 0, std::nullopt},
      {"0-18446744073709551616", 0, std::nullopt},
      {"", 0, std::nullopt},
      {"-", 0, std::nullopt},
      {"+", 0, std::nullopt},
      {"1-", 0, std::nullopt},
      {"-1", 0, std::nullopt},
      {"1-1-1", 0, std::nullopt},
      {"1--1", 0, std::nullopt},
      {"abc", 0, std::nullopt},
      {"1.0", 0, std::nullopt},
      {"1-2 ", 0, std::nullopt},
      {std::string("1-2\0", 4), 0, std::nullopt},
      {"*", 0, std::nullopt},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(ParseStreamIdStrict(c.text, c.missing_seq), c.strict) << c.text;
    if (c.text != "-" && c.text != "+") {
      EXPECT_EQ(ParseStreamIdLoose(c.text, c.missing_seq), c.strict) << c.text;
    }
  }
}

TEST(StreamId, LooseKnowsBothEnds) {
  EXPECT_EQ(ParseStreamIdLoose("-", 7), StreamId::Min());
  EXPECT_EQ(ParseStreamIdLoose("+", 7), StreamId::Max());
}

TEST(StreamId, NextAndPreviousCarryAndStopAtTheEnds) {
  EXPECT_EQ((StreamId{1, 2}.Next()), (StreamId{1, 3}));
  EXPECT_EQ((StreamId{1, UINT64_MAX}.Next()), (StreamId{2, 0}));
  EXPECT_EQ(StreamId::Max().Next(), std::nullopt);
  EXPECT_EQ((StreamId{1, 2}.Previous()), (StreamId{1, 1}));
  EXPECT_EQ((StreamId{1, 0}.Previous()), (StreamId{0, UINT64_MAX}));
  EXPECT_EQ(StreamId::Min().Previous(), std::nullopt);
}

TEST(StreamId, PrintsTheCanonicalForm) {
  EXPECT_EQ((StreamId{0, 0}.ToString()), "0-0");
  EXPECT_EQ((StreamId{1526919030474, 55}.ToString()), "1526919030474-55");
  EXPECT_EQ(StreamId::Max().ToString(), "18446744073709551615-18446744073709551615");
  EXPECT_EQ(StreamId::Max().ToString().size(), kMaxStreamIdText);
}

TEST(StreamId, OrderIsByMillisecondsFirst) {
  EXPECT_LT((StreamId{1, 9}), (StreamId{2, 0}));
  EXPECT_LT((StreamId{2, 0}), (StreamId{2, 1}));
}

}  // namespace
}  // namespace engine
