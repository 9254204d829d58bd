#include "server/commands/read_args.h"

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"

namespace server {
namespace {

constexpr int64_t kNow = 1'000'000;
using Words = std::vector<std::string_view>;

std::string ErrorOf(const Words& args, ReadCommand command) {
  ReadOptions options;
  const Outcome outcome = ReadReadOptions(args, command, kNow, &options);
  return outcome.ok() ? "" : outcome.Text();
}

TEST(ReadArgs, OptionsComeInAnyOrderAndTheLastOneCounts) {
  const Words args = {"XREADGROUP", "noack", "GROUP",   "a",  "b",     "COUNT", "1",
                      "BLOCK",      "7",     "COUNT",   "-3", "GROUP", "g",     "c",
                      "BLOCK",      "0",     "Streams", "k1", "k2",    ">",     "0"};
  ReadOptions options;
  ASSERT_TRUE(ReadReadOptions(args, ReadCommand::kXReadGroup, kNow, &options).ok());
  EXPECT_EQ(options.group, "g");
  EXPECT_EQ(options.consumer, "c");
  EXPECT_EQ(options.count, 0);
  EXPECT_EQ(options.block_ms, 0);
  EXPECT_TRUE(options.no_ack);
  EXPECT_EQ(Words(options.keys.begin(), options.keys.end()), (Words{"k1", "k2"}));
  EXPECT_EQ(Words(options.ids.begin(), options.ids.end()), (Words{">", "0"}));
}

TEST(ReadArgs, NamesMayLookLikeOptions) {
  const Words args = {"XREADGROUP", "GROUP", "STREAMS", "COUNT", "STREAMS",
                      "STREAMS",    "BLOCK", ">",       ">"};
  ReadOptions options;
  ASSERT_TRUE(ReadReadOptions(args, ReadCommand::kXReadGroup, kNow, &options).ok());
  EXPECT_EQ(options.group, "STREAMS");
  EXPECT_EQ(options.consumer, "COUNT");
  EXPECT_EQ(Words(options.keys.begin(), options.keys.end()), (Words{"STREAMS", "BLOCK"}));
}

TEST(ReadArgs, XReadNamesWhatIsWrong) {
  const struct {
    Words args;
    std::string_view error;
  } kRows[] = {
      {{"XREAD", "COUNT", "x", "STREAMS", "k", "0"}, "ERR value is not an integer or out of range"},
      {{"XREAD", "BLOCK", "1.5", "STREAMS", "k", "0"},
       "ERR timeout is not an integer or out of range"},
      {{"XREAD", "BLOCK", "-1", "STREAMS", "k", "0"}, "ERR timeout is negative"},
      {{"XREAD", "BLOCK", "9223372036854775807", "STREAMS", "k", "0"},
       "ERR timeout is out of range"},
      {{"XREAD", "STREAMS", "k", "0", "0"},
       "ERR Unbalanced 'xread' list of streams: for each stream key an ID, '+', or '$' must be "
       "specified."},
      {{"XREAD", "GROUP", "g", "c", "STREAMS", "k", "0"},
       "ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead."},
      {{"XREAD", "NOACK", "STREAMS", "k", "0"},
       "ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead."},
      {{"XREAD", "CLAIM", "1", "STREAMS", "k", "0"},
       "ERR The CLAIM option is only supported by XREADGROUP. You called XREAD instead."},
      {{"XREAD", "MAXCOUNT", "0", "STREAMS", "k", "0"}, "ERR MAXCOUNT must be a positive integer"},
      {{"XREAD", "MAXCOUNT", "1.5", "STREAMS", "k", "0"},
       "ERR value is not an integer or out of range"},
      {{"XREAD", "MAXSIZE", "-1", "STREAMS", "k", "0"}, "ERR MAXSIZE must be a positive integer"},
      {{"XREAD", "MAXSIZE", "9223372036854775808", "STREAMS", "k", "0"},
       "ERR value is not an integer or out of range"},
      {{"XREAD", "MAXCOUNT", "3", "COUNT", "4", "STREAMS", "k", "0"},
       "ERR MAXCOUNT must be greater than or equal to COUNT"},
      {{"XREAD", "MAXCOUNT", "3", "COUNT", "4", "COUNT", "0", "STREAMS", "k", "0"}, ""},
      {{"XREAD", "COUNT", "3", "MAXCOUNT", "3", "STREAMS", "k", "0"}, ""},
      {{"XREAD", "BOGUS", "STREAMS", "k", "0"}, "ERR syntax error"},
      {{"XREAD", "COUNT", "1", "STREAMS"}, "ERR syntax error"},
      {{"XREAD", "COUNT", "1", "BLOCK"}, "ERR syntax error"},
      {{"XREAD", "BLOCK", "1", "COUNT", "1"}, "ERR syntax error"},
  };
  for (const auto& row : kRows) {
    EXPECT_EQ(ErrorOf(row.args, ReadCommand::kXRead), row.error) << row.args[1];
  }
}

TEST(ReadArgs, XReadGroupNamesWhatIsWrong) {
  const struct {
    Words args;
    std::string_view error;
  } kRows[] = {
      {{"XREADGROUP", "GROUP", "g", "c", "STREAMS", "k", ">", ">"},
       "ERR Unbalanced 'xreadgroup' list of streams: for each stream key an ID or '>' must be "
       "specified."},
      {{"XREADGROUP", "COUNT", "1", "BLOCK", "1", "STREAMS", "k", ">"},
       "ERR Missing GROUP option for XREADGROUP"},
      {{"XREADGROUP", "STREAMS", "a", "b", "c", "d", "e"},
       "ERR Unbalanced 'xreadgroup' list of streams: for each stream key an ID or '>' must be "
       "specified."},
      {{"XREADGROUP", "COUNT", "1", "COUNT", "1", "COUNT", "1"}, "ERR syntax error"},
      {{"XREADGROUP", "COUNT", "2", "MAXCOUNT", "1", "STREAMS", "k", ">"},
       "ERR Missing GROUP option for XREADGROUP"},
      {{"XREADGROUP", "GROUP", "g", "c", "CLAIM", "-1", "STREAMS", "k", ">"},
       "ERR min-idle-time must be a positive integer"},
      {{"XREADGROUP", "GROUP", "g", "c", "CLAIM", "-x", "STREAMS", "k", ">"},
       "ERR min-idle-time is not an integer or out of range"},
      {{"XREADGROUP", "GROUP", "g", "c", "CLAIM", "0", "STREAMS", "k", ">"}, ""},
      {{"XREADGROUP", "STREAMS", "k", ">", "GROUP", "g"},
       "ERR Missing GROUP option for XREADGROUP"},
  };
  for (const auto& row : kRows) {
    EXPECT_EQ(ErrorOf(row.args, ReadCommand::kXReadGroup), row.error) << row.args[1];
  }
}

TEST(ReadArgs, ATimeoutMayEndAtTheLastMoment) {
  const std::string longest = std::to_string(INT64_MAX - kNow);
  EXPECT_EQ(ErrorOf({"XREAD", "BLOCK", longest, "STREAMS", "k", "0"}, ReadCommand::kXRead), "");
  const std::string longer = std::to_string(INT64_MAX - kNow + 1);
  EXPECT_EQ(ErrorOf({"XREAD", "BLOCK", longer, "STREAMS", "k", "0"}, ReadCommand::kXRead),
            "ERR timeout is out of range");
}

}  // namespace
}  // namespace server
