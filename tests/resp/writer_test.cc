#include "resp/writer.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <string>

namespace resp {
namespace {

std::string Encode(int protocol, const std::function<void(Writer&)>& write) {
  std::string out;
  Writer writer(&out);
  writer.set_protocol(protocol);
  write(writer);
  return out;
}

struct Row {
  const char* name;
  std::function<void(Writer&)> write;
  std::string resp2;
  std::string resp3;
};

TEST(Writer, EncodesEachTypeInBothProtocols) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  const Row rows[] = {
      {"simple", [](Writer& w) { w.SimpleString("OK"); }, "+OK\r\n", "+OK\r\n"},
      {"error", [](Writer& w) { w.Error("ERR no"); }, "-ERR no\r\n", "-ERR no\r\n"},
      {"null", [](Writer& w) { w.Null(); }, "$-1\r\n", "_\r\n"},
      {"null array", [](Writer& w) { w.NullArray(); }, "*-1\r\n", "_\r\n"},
      {"array", [](Writer& w) { w.ArrayHeader(3); }, "*3\r\n", "*3\r\n"},
      {"long array", [](Writer& w) { w.ArrayHeader(1234); }, "*1234\r\n", "*1234\r\n"},
      {"map", [](Writer& w) { w.MapHeader(7); }, "*14\r\n", "%7\r\n"},
      {"set", [](Writer& w) { w.SetHeader(2); }, "*2\r\n", "~2\r\n"},
      {"push", [](Writer& w) { w.PushHeader(3); }, "*3\r\n", ">3\r\n"},
      {"double", [](Writer& w) { w.Double(1.5); }, "$3\r\n1.5\r\n", ",1.5\r\n"},
      {"whole double", [](Writer& w) { w.Double(3); }, "$1\r\n3\r\n", ",3\r\n"},
      {"infinity", [=](Writer& w) { w.Double(kInfinity); }, "$3\r\ninf\r\n", ",inf\r\n"},
      {"-infinity", [=](Writer& w) { w.Double(-kInfinity); }, "$4\r\n-inf\r\n", ",-inf\r\n"},
      {"nan", [=](Writer& w) { w.Double(kNan); }, "$3\r\nnan\r\n", ",nan\r\n"},
      {"-nan", [=](Writer& w) { w.Double(-kNan); }, "$3\r\nnan\r\n", ",nan\r\n"},
      {"true", [](Writer& w) { w.Boolean(true); }, ":1\r\n", "#t\r\n"},
      {"false", [](Writer& w) { w.Boolean(false); }, ":0\r\n", "#f\r\n"},
      {"verbatim", [](Writer& w) { w.Verbatim("a\nb"); }, "$3\r\na\nb\r\n", "=7\r\ntxt:a\nb\r\n"},
      {"big number", [](Writer& w) { w.BigNumber("-12"); }, "$3\r\n-12\r\n", "(-12\r\n"},
      {"raw", [](Writer& w) { w.Raw("*1\r\n:1\r\n"); }, "*1\r\n:1\r\n", "*1\r\n:1\r\n"},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(Encode(2, row.write), row.resp2) << row.name;
    EXPECT_EQ(Encode(3, row.write), row.resp3) << row.name;
  }
}

TEST(Writer, StartsInResp2) {
  std::string out;
  EXPECT_EQ(Writer(&out).protocol(), 2);
}

TEST(Writer, EncodesIntegersOfEveryLength) {
  for (int64_t value :
       {int64_t{0}, int64_t{9}, int64_t{10}, int64_t{-1}, int64_t{-10}, int64_t{1526919030474},
        std::numeric_limits<int64_t>::max(), std::numeric_limits<int64_t>::min()}) {
    const std::string digits = std::to_string(value);
    EXPECT_EQ(Encode(2, [=](Writer& w) { w.Integer(value); }), ":" + digits + "\r\n");
    EXPECT_EQ(Encode(2, [=](Writer& w) { w.BulkInteger(value); }),
              "$" + std::to_string(digits.size()) + "\r\n" + digits + "\r\n");
  }
}

TEST(Writer, EncodesBulkStringsOfEveryLength) {
  for (size_t size : {0, 1, 9, 10, 99, 100, 127, 128, 129, 1000, 100000}) {
    const std::string bytes(size, '\n');
    EXPECT_EQ(Encode(2, [&](Writer& w) { w.Bulk(bytes); }),
              "$" + std::to_string(size) + "\r\n" + bytes + "\r\n");
  }
  EXPECT_EQ(Encode(2, [](Writer& w) { w.Bulk({}); }), "$0\r\n\r\n");
}

TEST(Writer, KeepsAnErrorOnOneLine) {
  EXPECT_EQ(Encode(2, [](Writer& w) { w.Error("ERR a\r\nb\nc\r"); }), "-ERR a  b c \r\n");
}

TEST(Writer, FixesTheCountOfAnArrayAtItsEnd) {
  for (size_t count : {0, 1, 9, 10, 99, 100, 12345}) {
    std::string expected = "+x\r\n*" + std::to_string(count) + "\r\n";
    const std::string out = Encode(2, [&](Writer& w) {
      w.SimpleString("x");
      const size_t mark = w.BeginArray();
      for (size_t i = 0; i < count; ++i) {
        w.Integer(5);
        expected += ":5\r\n";
      }
      w.EndArray(mark, count);
      w.SimpleString("y");
    });
    EXPECT_EQ(out, expected + "+y\r\n") << count;
  }
}

TEST(Writer, NestsOpenAggregates) {
  const auto write = [](Writer& w) {
    const size_t outer = w.BeginMap();
    w.Bulk("k");
    const size_t inner = w.BeginArray();
    for (int i = 0; i < 12; ++i) w.Integer(i % 10);
    w.EndArray(inner, 12);
    w.EndMap(outer, 1);
  };
  const std::string inner =
      "$1\r\nk\r\n*12\r\n:0\r\n:1\r\n:2\r\n:3\r\n:4\r\n:5\r\n:6\r\n:7\r\n"
      ":8\r\n:9\r\n:0\r\n:1\r\n";
  EXPECT_EQ(Encode(2, write), "*2\r\n" + inner);
  EXPECT_EQ(Encode(3, write), "%1\r\n" + inner);
}

TEST(Writer, TakesBackToAMark) {
  EXPECT_EQ(Encode(2,
                   [](Writer& w) {
                     w.Integer(1);
                     const size_t mark = w.BeginArray();
                     w.Bulk("gone");
                     w.Rewind(mark);
                     w.NullArray();
                   }),
            ":1\r\n*-1\r\n");
}

}  // namespace
}  // namespace resp
