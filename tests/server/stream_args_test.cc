#include "server/commands/stream_args.h"

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"

namespace server {
namespace {

using engine::StreamId;
using engine::TrimArgs;

constexpr std::string_view kInvalidId =
    "ERR Invalid stream ID specified as stream command argument";
constexpr std::string_view kNotAnInteger = "ERR value is not an integer or out of range";

std::string ErrorOf(const Outcome& outcome) { return outcome.ok() ? "" : outcome.Text(); }

TEST(StreamArgs, IntegersThatAreNoneGetTheErrorOfTheirOption) {
  int64_t value = 0;
  EXPECT_EQ(ErrorOf(ReadInteger("-7", &value)), "");
  EXPECT_EQ(value, -7);
  EXPECT_EQ(ErrorOf(ReadInteger("+7", &value)), kNotAnInteger);
  EXPECT_EQ(ErrorOf(ReadInteger("07", &value, Error::kXClaimOptionValue, {"IDLE"})),
            "ERR Invalid IDLE option argument for XCLAIM");
}

TEST(StreamArgs, AListOfIdsIsTakenAsAWhole) {
  const std::vector<std::string_view> good = {"1", "01-05", "18446744073709551615-0"};
  IdList ids;
  EXPECT_EQ(ErrorOf(ReadStreamIds(good, &ids)), "");
  EXPECT_EQ(ids, (IdList{{1, 0}, {1, 5}, {UINT64_MAX, 0}}));
  const std::vector<std::string_view> bad = {"1-1", "-", "1-2"};
  EXPECT_EQ(ErrorOf(ReadStreamIds(bad, &ids)), kInvalidId);
}

TEST(StreamArgs, BoundsOfARangeMayLeaveTheirIdOut) {
  const struct {
    std::string_view text;
    StreamId start;
    StreamId end;
  } kRows[] = {
      {"-", {0, 0}, {0, 0}},
      {"+", StreamId::Max(), StreamId::Max()},
      {"5", {5, 0}, {5, UINT64_MAX}},
      {"5-3", {5, 3}, {5, 3}},
      {"05-03", {5, 3}, {5, 3}},
      {"(5", {5, 1}, {5, UINT64_MAX - 1}},
      {"(5-0", {5, 1}, {4, UINT64_MAX}},
      {"(5-18446744073709551615", {6, 0}, {5, UINT64_MAX - 1}},
  };
  for (const auto& row : kRows) {
    StreamId start;
    StreamId end;
    EXPECT_EQ(ErrorOf(ReadRangeStart(row.text, &start)), "") << row.text;
    EXPECT_EQ(ErrorOf(ReadRangeEnd(row.text, &end)), "") << row.text;
    EXPECT_EQ(start, row.start) << row.text;
    EXPECT_EQ(end, row.end) << row.text;
  }
}

TEST(StreamArgs, BoundsThatAreNoIdsAreRefused) {
  for (std::string_view text : {"", "(", "(-", "(+", "((1", "1-", "-1", "1-1-1", "abc", "1.0"}) {
    StreamId id;
    EXPECT_EQ(ErrorOf(ReadRangeStart(text, &id)), kInvalidId) << text;
    EXPECT_EQ(ErrorOf(ReadRangeEnd(text, &id)), kInvalidId) << text;
  }
}

TEST(StreamArgs, ExclusiveBoundsDoNotPassTheEndsOfAllIds) {
  StreamId id;
  EXPECT_EQ(ErrorOf(ReadRangeStart("(18446744073709551615-18446744073709551615", &id)),
            "ERR invalid start ID for the interval");
  EXPECT_EQ(ErrorOf(ReadRangeEnd("(0-0", &id)), "ERR invalid end ID for the interval");
}

// Takes options from the list until one is none; returns the error or "stopped at N".
std::string Scan(std::initializer_list<std::string_view> words, TrimOptions* options) {
  const std::vector<std::string_view> args(words);
  size_t position = 0;
  while (position < args.size()) {
    const size_t before = position;
    const Outcome outcome = TakeTrimOption(args, &position, options);
    if (!outcome.ok()) return outcome.Text();
    if (position == before) break;
  }
  return "stopped at " + std::to_string(position);
}

TEST(StreamArgs, TrimOptionsComeInAnyOrder) {
  for (const auto& words :
       {std::initializer_list<std::string_view>{"LIMIT", "3", "MaxLen", "~", "9"},
        {"maxlen", "~", "9", "limit", "3"},
        {"LIMIT", "8", "MAXLEN", "~", "9", "LIMIT", "3"}}) {
    TrimOptions options;
    EXPECT_EQ(Scan(words, &options), "stopped at " + std::to_string(words.size()));
    EXPECT_EQ(options.args.strategy, TrimArgs::Strategy::kMaxLen);
    EXPECT_TRUE(options.args.approximate);
    EXPECT_EQ(options.args.max_len, 9U);
    EXPECT_EQ(TrimArgsOf(options, 100).limit, 3);
  }
}

TEST(StreamArgs, TheDefaultLimitIsForApproximateTrimsWithoutOne) {
  TrimOptions approximate;
  EXPECT_EQ(Scan({"MINID", "~", "5"}, &approximate), "stopped at 3");
  EXPECT_EQ(approximate.args.min_id, (StreamId{5, 0}));
  EXPECT_EQ(TrimArgsOf(approximate, 100).limit, 100);

  TrimOptions exact;
  EXPECT_EQ(Scan({"MINID", "=", "5-1"}, &exact), "stopped at 3");
  EXPECT_EQ(TrimArgsOf(exact, 100).limit, 0);

  TrimOptions unlimited;
  EXPECT_EQ(Scan({"MINID", "~", "5", "LIMIT", "0"}, &unlimited), "stopped at 5");
  EXPECT_EQ(TrimArgsOf(unlimited, 100).limit, 0);
}

TEST(StreamArgs, TrimOptionsWithoutTheirValueAreNone) {
  for (std::string_view word : {"MAXLEN", "MINID", "LIMIT", "*", "1-1", "KEEPREF"}) {
    TrimOptions options;
    EXPECT_EQ(Scan({word}, &options), "stopped at 0") << word;
  }
}

TEST(StreamArgs, TrimOptionsNameWhatIsWrong) {
  const struct {
    std::initializer_list<std::string_view> words;
    std::string_view error;
  } kRows[] = {
      {{"MAXLEN", "x"}, kNotAnInteger},
      {{"MAXLEN", "~"}, kNotAnInteger},
      {{"MAXLEN", "-1"}, "ERR The MAXLEN argument must be >= 0."},
      {{"MINID", "-"}, kInvalidId},
      {{"MINID", "+"}, kInvalidId},
      {{"LIMIT", "x"}, kNotAnInteger},
      {{"LIMIT", "-1"}, "ERR The LIMIT argument must be >= 0."},
      {{"MAXLEN", "1", "MINID", "x"},
       "ERR syntax error, MAXLEN and MINID options at the same time are not compatible"},
      {{"MAXLEN", "1", "MAXLEN", "1"},
       "ERR syntax error, MAXLEN and MINID options at the same time are not compatible"},
  };
  for (const auto& row : kRows) {
    TrimOptions options;
    EXPECT_EQ(Scan(row.words, &options), row.error) << *(row.words.begin() + 1);
  }
}

TEST(StreamArgs, LimitNeedsAnApproximateStrategy) {
  TrimOptions lonely;
  lonely.limit = 5;
  EXPECT_EQ(ErrorOf(CheckLimitHasStrategy(lonely)),
            "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy");
  // Zero passes the first check and fails the second one.
  lonely.limit = 0;
  EXPECT_EQ(ErrorOf(CheckLimitHasStrategy(lonely)), "");
  EXPECT_EQ(ErrorOf(CheckLimitIsApproximate(lonely)),
            "ERR syntax error, LIMIT cannot be used without the special ~ option");
  lonely.args.approximate = true;
  EXPECT_EQ(ErrorOf(CheckLimitIsApproximate(lonely)), "");
}

}  // namespace
}  // namespace server
