#include "resp/parser.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace resp {
namespace {

using Args = std::vector<std::string>;

// Everything a connection would see: the requests, then the error that closed it, if any.
struct Outcome {
  std::vector<Args> requests;
  std::string error;
  size_t left_over = 0;

  bool operator==(const Outcome&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Outcome& outcome) {
  for (const Args& request : outcome.requests) out << testing::PrintToString(request) << ' ';
  return out << "error=" << outcome.error << " left=" << outcome.left_over;
}

// Gives the parser `input` cut at `cuts`. Every call sees a fresh copy of the unconsumed bytes of
// exactly the right size, so that a view into an older buffer or past the end is a sanitizer error.
Outcome Feed(std::string_view input, const std::vector<size_t>& cuts, const ParserLimits& limits) {
  Parser parser;
  Outcome outcome;
  std::string unconsumed;
  size_t from = 0;
  std::vector<size_t> ends = cuts;
  ends.push_back(input.size());
  for (size_t end : ends) {
    unconsumed += input.substr(from, end - from);
    from = end;
    for (;;) {
      const auto copy = std::make_unique<char[]>(unconsumed.size());
      unconsumed.copy(copy.get(), unconsumed.size());
      const ParseResult result = parser.Next({copy.get(), unconsumed.size()}, limits);
      if (result == ParseResult::kProtocolError) {
        outcome.error = parser.error();
        return outcome;
      }
      if (result == ParseResult::kRequest) {
        const auto& args = parser.request().args;
        outcome.requests.emplace_back(args.begin(), args.end());
      }
      unconsumed.erase(0, parser.consumed());
      if (result == ParseResult::kNeedMore) break;
    }
  }
  outcome.left_over = unconsumed.size();
  return outcome;
}

std::string Crlf(std::string text) {
  std::string out;
  for (char c : text) {
    if (c == '|') {
      out += "\r\n";
    } else {
      out += c;
    }
  }
  return out;
}

struct Row {
  std::string input;  // '|' is CRLF
  std::vector<Args> requests;
  std::string error = "";
  size_t left_over = 0;
  ParserLimits limits = {};
};

ParserLimits Unauthenticated() { return {.authenticated = false}; }

ParserLimits MaxBulk(int64_t bytes) { return {.max_bulk_bytes = bytes}; }

std::vector<Row> MultibulkRows() {
  return {
      {"*1|$4|PING|", {{"PING"}}},
      {"*1|$4|PING|*1|$4|PING|", {{"PING"}, {"PING"}}},
      {"*3|$3|SET|$1|k|$0||", {{"SET", "k", ""}}},
      {"*2|$4|ECHO|$6|a|b||*1", {{"ECHO", "a\r\nb\r\n"}}, "", 2},
      {"*2|$4|ECHO|$4|a|b|", {{"ECHO", "a\r\nb"}}},
      {std::string("*1|$3|\0\xff\n|", 10), {{std::string("\0\xff\n", 3)}}},
      {"*0|*-1|||PING|", {{"PING"}}},
      {"*-9223372036854775808|PING|", {{"PING"}}},
      {"*0|*0|*1|$1|a|*0|", {{"a"}}},
      {"*1|$12|abcdefghijkl|", {{"abcdefghijkl"}}},
      {"*11|$1|0|$1|1|$1|2|$1|3|$1|4|$1|5|$1|6|$1|7|$1|8|$1|9|$1|a|",
       {{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "a"}}},
      // Mixed forms on one connection.
      {"PING|*1|$4|ECHO|PING a|", {{"PING"}, {"ECHO"}, {"PING", "a"}}},
      // The bytes where CRLF belongs are skipped unseen, after payloads and after lines.
      {"*2|$1|aXY$1|bZZ*1|$1|c|", {{"a", "b"}, {"c"}}},
      {"*1\rX$1\rYa|", {{"a"}}},
      // Without CR the line has not ended.
      {"*1\n$4\nPING\n", {}, "", 11},
      {"*2|$4|ECHO|$1", {}, "", 16},
      // Declared sizes wait, whatever they are.
      {"*2147483647|", {}, "", 13},
      {"*1|$536870912|x", {}, "", 17},
  };
}

std::vector<Row> ErrorRows() {
  const std::string kCount = "ERR Protocol error: invalid multibulk length";
  const std::string kLength = "ERR Protocol error: invalid bulk length";
  const std::string kNoDollar = "ERR Protocol error: expected '$', got '";
  return {
      {"*a|", {}, kCount},
      {"*|", {}, kCount},
      {"*+1|", {}, kCount},
      {"* 1|", {}, kCount},
      {"*1 |", {}, kCount},
      {"*01|", {}, kCount},
      {"*-0|", {}, kCount},
      {"*-|", {}, kCount},
      {"*1\n|", {}, kCount},
      {"*2147483648|", {}, kCount},
      {"*9223372036854775808|", {}, kCount},
      {"*-9223372036854775809|", {}, kCount},
      {"*99999999999999999999999|", {}, kCount},
      {"PING|*a|PING|", {{"PING"}}, kCount},
      {"*1|:4|", {}, kNoDollar + ":'"},
      {"*1||", {}, kNoDollar + "\r'"},
      {"*2|$4|ECHO|ab|", {}, kNoDollar + "a'"},
      {"*1|$-1|", {}, kLength},
      {"*1|$|", {}, kLength},
      {"*1|$x|", {}, kLength},
      {"*1|$04|", {}, kLength},
      {"*1|$+4|", {}, kLength},
      {"*1|$4 |", {}, kLength},
      {"*1|$536870913|", {}, kLength},
      {"*1|$9223372036854775807|", {}, kLength},
      {"*1|$11|", {}, kLength, 0, MaxBulk(10)},
      {"*1|$10|0123456789|", {{"0123456789"}}, "", 0, MaxBulk(10)},
      {"*11|", {}, "ERR Protocol error: unauthenticated multibulk length", 0, Unauthenticated()},
      {"*10|", {}, "", 5, Unauthenticated()},
      {"*1|$16385|", {}, "ERR Protocol error: unauthenticated bulk length", 0, Unauthenticated()},
      {"*1|$16384|", {}, "", 12, Unauthenticated()},
      {"*2147483648|", {}, kCount, 0, Unauthenticated()},
      {"*1|$536870913|", {}, kLength, 0, Unauthenticated()},
  };
}

std::vector<Row> InlineRows() {
  const std::string kQuotes = "ERR Protocol error: unbalanced quotes in request";
  return {
      {"PING|", {{"PING"}}},
      {"PING\n", {{"PING"}}},
      {"PING\r\r\n", {{"PING"}}},
      {"PING", {}, "", 4},
      {"||\n \t|PING\n", {{"PING"}}},
      {" \t SET\t k  v \r|", {{"SET", "k", "v"}}},
      {"ECHO \"a b\\n\\x41\"|", {{"ECHO", "a b\nA"}}},
      {R"(E "\n\r\t\b\a\\\"\q\x4")"
       "|",
       {{"E", "\n\r\t\b\a\\\"qx4"}}},
      {R"(E "\xff\xFg\x")"
       "|",
       {{"E", "\xffxFgx"}}},
      {R"(E 'a\'b\n\\ ' "'" '"')"
       "|",
       {{"E", R"(a'b\n\\ )", "'", "\""}}},
      {R"(E a"b c" '' "" d)"
       "|",
       {{"E", "ab c", "", "", "d"}}},
      {R"("E" x'y'	z)"
       "|",
       {{"E", "xy", "z"}}},
      {R"(E a\nb)"
       "|",
       {{"E", R"(a\nb)"}}},
      {"E a*b|", {{"E", "a*b"}}},
      {"ECHO \"abc|", {}, kQuotes},
      {"ECHO 'abc|", {}, kQuotes},
      {"ECHO \"abc\\\"|", {}, kQuotes},
      {"ECHO \"abc\\|", {}, kQuotes},
      {"ECHO \"a\"b|", {}, kQuotes},
      {"ECHO 'a'b|", {}, kQuotes},
      {"ECHO 'a'\"b\"|", {}, kQuotes},
      {"PING|'|PING|", {{"PING"}}, kQuotes},
      {std::string("PING\0x y|PING|", 14), {{"PING"}, {"PING"}}},
      {"POST / HTTP/1.1|Host: a|", {{"POST", "/", "HTTP/1.1"}, {"Host:", "a"}}},
  };
}

// Checks each row whole, at every pair of split points, and byte by byte.
void ExpectRows(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    const std::string input = Crlf(row.input);
    const Outcome expected = {
        .requests = row.requests, .error = row.error, .left_over = row.left_over};
    std::vector<size_t> all_cuts;
    for (size_t first = 0; first <= input.size(); ++first) {
      all_cuts.push_back(first);
      for (size_t second = first; second <= input.size(); ++second) {
        ASSERT_EQ(Feed(input, {first, second}, row.limits), expected)
            << row.input << " cut at " << first << " and " << second;
      }
    }
    ASSERT_EQ(Feed(input, all_cuts, row.limits), expected) << row.input << " byte by byte";
  }
}

TEST(Parser, ReadsMultibulkRequestsHoweverTheyAreCut) { ExpectRows(MultibulkRows()); }

TEST(Parser, RefusesBadMultibulkRequestsHoweverTheyAreCut) { ExpectRows(ErrorRows()); }

TEST(Parser, ReadsInlineRequestsHoweverTheyAreCut) { ExpectRows(InlineRows()); }

// The limit on lines, for whole input and for input cut around it.
void ExpectLineLimit(const std::string& before, const std::string& line_start,
                     const std::string& line_end, const std::string& error) {
  const std::string fits = line_start + std::string(kMaxLineBytes - line_start.size(), '1');
  const std::string too_long = fits + "1";
  const std::string text = "ERR Protocol error: " + error;
  const size_t at_limit = before.size() + kMaxLineBytes;
  for (const std::vector<size_t>& cuts :
       std::vector<std::vector<size_t>>{{}, {before.size() + 1}, {at_limit}, {at_limit + 1}}) {
    EXPECT_EQ(Feed(before + too_long, cuts, {}).error, text);
    EXPECT_EQ(Feed(before + too_long + line_end, cuts, {}).error, text);
    EXPECT_NE(Feed(before + fits + line_end, cuts, {}).error, text);
  }
  EXPECT_EQ(Feed(before + fits, {at_limit - 1}, {}).error, "");
}

TEST(Parser, RefusesACountLineThatDoesNotEnd) {
  ExpectLineLimit("", "*", "\r\n", "too big mbulk count string");
}

TEST(Parser, RefusesALengthLineThatDoesNotEnd) {
  ExpectLineLimit("*2\r\n$1\r\na\r\n", "$", "\r\n", "too big bulk count string");
}

TEST(Parser, RefusesAnInlineRequestThatDoesNotEnd) {
  ExpectLineLimit("PING\r\n", "x", "\n", "too big inline request");
}

TEST(Parser, StaysFailed) {
  Parser parser;
  EXPECT_EQ(parser.Next("*a\r\n", {}), ParseResult::kProtocolError);
  EXPECT_EQ(parser.consumed(), 0u);
  EXPECT_EQ(parser.Next("PING\r\n", {}), ParseResult::kProtocolError);
  EXPECT_EQ(parser.error(), "ERR Protocol error: invalid multibulk length");
}

TEST(Parser, SaysWhichFormARequestHad) {
  Parser parser;
  const std::string input = "PING\r\n*1\r\n$4\r\nPING\r\n";
  ASSERT_EQ(parser.Next(input, {}), ParseResult::kRequest);
  EXPECT_TRUE(parser.request().inline_form);
  ASSERT_EQ(parser.consumed(), 6u);
  ASSERT_EQ(parser.Next(input.substr(6), {}), ParseResult::kRequest);
  EXPECT_FALSE(parser.request().inline_form);
}

TEST(Parser, ViewsTheCallersBytes) {
  Parser parser;
  const std::string input = "*2\r\n$4\r\nECHO\r\n$1\r\nx\r\n";
  ASSERT_EQ(parser.Next(input, {}), ParseResult::kRequest);
  EXPECT_EQ(parser.request().args[0].data(), input.data() + 8);
  EXPECT_EQ(parser.request().args[1].data(), input.data() + 18);
}

TEST(Parser, DropsEmptyRequestsWhileWaiting) {
  Parser parser;
  EXPECT_EQ(parser.Next("*0\r\n\r\n", {}), ParseResult::kNeedMore);
  EXPECT_EQ(parser.consumed(), 6u);
  EXPECT_EQ(parser.Next("*-1\r\n\r\n*1\r\n$1", {}), ParseResult::kNeedMore);
  EXPECT_EQ(parser.consumed(), 7u);
  EXPECT_EQ(parser.Next("*1\r\n$1\r\na\r\n", {}), ParseResult::kRequest);
  EXPECT_EQ(parser.consumed(), 11u);
}

TEST(Parser, WantsWhatTheArgumentLacks) {
  Parser parser;
  EXPECT_EQ(parser.Next("", {}), ParseResult::kNeedMore);
  EXPECT_EQ(parser.wanted(), 1u);
  EXPECT_EQ(parser.Next("*1\r\n$100\r\nabc", {}), ParseResult::kNeedMore);
  EXPECT_EQ(parser.wanted(), 99u);
  EXPECT_EQ(parser.consumed(), 0u);
}

TEST(Parser, NeverWantsADeclaredLengthAtOnce) {
  Parser parser;
  EXPECT_EQ(parser.Next("*2147483647\r\n$536870912\r\n", {}), ParseResult::kNeedMore);
  EXPECT_EQ(parser.wanted(), kMaxWantedBytes);
}

TEST(Parser, AppliesTheLimitsOfTheCallThatReadsTheLine) {
  Parser parser;
  EXPECT_EQ(parser.Next("*11", Unauthenticated()), ParseResult::kNeedMore);
  EXPECT_EQ(parser.Next("*11\r\n", {}), ParseResult::kNeedMore);
  EXPECT_EQ(parser.Next("*11\r\n$16385\r\n", Unauthenticated()), ParseResult::kProtocolError);
}

TEST(Parser, TakesALargeArgumentInManyReads) {
  const std::string payload(1 << 20, 'p');
  const std::string input =
      "*2\r\n$4\r\nECHO\r\n$" + std::to_string(payload.size()) + "\r\n" + payload + "\r\nPING\r\n";
  Parser parser;
  size_t reads = 0;
  for (size_t size = 0; size < input.size() - 6; size += 1000, ++reads) {
    ASSERT_EQ(parser.Next(std::string_view(input).substr(0, size), {}), ParseResult::kNeedMore);
    ASSERT_LE(parser.wanted(), kMaxWantedBytes);
  }
  ASSERT_EQ(parser.Next(input, {}), ParseResult::kRequest);
  EXPECT_EQ(parser.request().args[1], payload);
  EXPECT_EQ(parser.consumed(), input.size() - 6);
  EXPECT_GT(reads, 1000u);
}

TEST(Parser, TakesManyArgumentsInManyReads) {
  constexpr size_t kCount = 20000;
  std::string input = "*" + std::to_string(kCount) + "\r\n";
  for (size_t i = 0; i < kCount; ++i) {
    const std::string arg = std::to_string(i);
    input += "$" + std::to_string(arg.size()) + "\r\n" + arg + "\r\n";
  }
  std::vector<size_t> cuts;
  for (size_t cut = 1; cut < input.size(); cut += 4099) cuts.push_back(cut);
  const Outcome outcome = Feed(input, cuts, {});
  ASSERT_EQ(outcome.requests.size(), 1u);
  ASSERT_EQ(outcome.requests[0].size(), kCount);
  for (size_t i = 0; i < kCount; ++i) ASSERT_EQ(outcome.requests[0][i], std::to_string(i));
}

TEST(Parser, ForgetsTheRequestBefore) {
  EXPECT_EQ(Feed("E 'a' b\n*1\r\n$1\r\nx\r\nF \"c\"\n", {}, {}).requests,
            (std::vector<Args>{{"E", "a", "b"}, {"x"}, {"F", "c"}}));
}

}  // namespace
}  // namespace resp
