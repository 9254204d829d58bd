#include "resp/reply.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "resp/writer.h"

namespace resp {
namespace {

std::string Crlf(std::string_view text) {
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
  std::string bytes;  // ';' is CRLF
  std::string rendered;
};

std::string Wire(std::string_view text) {
  std::string out(text);
  for (size_t at = out.find(';'); at != std::string::npos; at = out.find(';', at + 2)) {
    out.replace(at, 1, "\r\n");
  }
  return out;
}

const std::vector<Row>& Rows() {
  static const auto& rows = *new std::vector<Row>{
      {"+OK;", "+OK"},
      {"+;", "+"},
      {"-ERR a \"b\";", "-ERR a \"b\""},
      {"!5;ERR\nx;", "!ERR\\nx"},
      {":1;", ":1"},
      {":-9223372036854775808;", ":-9223372036854775808"},
      {"$1;1;", "\"1\""},
      {"$0;;", "\"\""},
      {"$8;a\"\\\r\n\t\x01\xff;", R"("a\"\\\r\n\t\x01\xff")"},
      {"$-1;", "nil"},
      {"*-1;", "NIL"},
      {"_;", "null"},
      {"*0;", "[]"},
      {"*2;:1;*1;$1;a;", "[:1, [\"a\"]]"},
      {"%2;+a;:1;$1;b;*0;", "{+a: :1, \"b\": []}"},
      {"%0;", "{}"},
      {"~2;+a;+b;", "~[+a, +b]"},
      {"~0;", "~[]"},
      {">2;+a;+b;", ">[+a, +b]"},
      {",1.5;", ",1.5"},
      {",1e+20;", ",1e+20"},
      {",inf;", ",inf"},
      {",-inf;", ",-inf"},
      {",nan;", ",nan"},
      {"#t;", "#t"},
      {"#f;", "#f"},
      {"=7;txt:abc;", "=\"txt:abc\""},
      {"(123456789012345678901234567890;", "(123456789012345678901234567890"},
      {"|1;+ttl;:5;*1;:1;", "|{+ttl: :5} [:1]"},
      {"*2;|1;+a;+b;:1;:2;", "[|{+a: +b} :1, :2]"},
      {"|0;:1;", ":1"},
      {"*1;*1;*1;*-1;", "[[[NIL]]]"},
      {"*3;$-1;_;*-1;", "[nil, null, NIL]"},
  };
  return rows;
}

std::vector<std::string> DecodeAll(const std::string& bytes, size_t cut) {
  ReplyDecoder decoder;
  std::vector<std::string> rendered;
  for (const std::string& piece : {bytes.substr(0, cut), bytes.substr(cut)}) {
    decoder.Feed(piece);
    while (const auto reply = decoder.Next()) rendered.push_back(Render(*reply));
  }
  EXPECT_FALSE(decoder.failed()) << decoder.error();
  EXPECT_EQ(decoder.buffered_bytes(), 0u);
  return rendered;
}

TEST(ReplyDecoder, GivesTheSameAtEverySplitPoint) {
  for (const Row& row : Rows()) {
    const std::string bytes = Wire(row.bytes) + "+next\r\n";
    for (size_t cut = 0; cut <= bytes.size(); ++cut) {
      EXPECT_EQ(DecodeAll(bytes, cut), (std::vector<std::string>{row.rendered, "+next"}))
          << row.bytes << " cut at " << cut;
    }
  }
}

TEST(Reply, RendersDifferentRepliesDifferently) {
  std::set<std::string> seen;
  for (const Row& row : Rows()) {
    if (row.bytes.starts_with("|0")) continue;  // the same as without it
    EXPECT_TRUE(seen.insert(row.rendered).second) << row.bytes;
  }
}

TEST(ReplyDecoder, SetsTheFieldsOfATree) {
  ReplyDecoder decoder;
  decoder.Feed(Crlf("*4|:7|#t|,2.5|=8|mkd:text|"));
  const auto reply = decoder.Next();
  ASSERT_TRUE(reply.has_value());
  ASSERT_EQ(reply->elements.size(), 4u);
  EXPECT_EQ(reply->elements[0].integer, 7);
  EXPECT_EQ(reply->elements[1].integer, 1);
  EXPECT_EQ(reply->elements[2].number, 2.5);
  EXPECT_EQ(reply->elements[3].format, "mkd");
  EXPECT_EQ(reply->elements[3].text, "text");
}

TEST(ReplyDecoder, RefusesMalformedInput) {
  for (const char* bytes :
       {"hello|", "|", ":x|", ":|", "$x|", "$-2|", "*-2|", "%-1|", "#x|", ",x|", "_x|", "=2|ab|",
        "=4|abcd|", "$1|abc|", "!-1|", "*99999999999999|", "*1|?|"}) {
    ReplyDecoder decoder;
    decoder.Feed(Crlf(bytes));
    EXPECT_FALSE(decoder.Next().has_value()) << bytes;
    EXPECT_TRUE(decoder.failed()) << bytes;
    decoder.Feed("+OK\r\n");
    EXPECT_FALSE(decoder.Next().has_value()) << bytes;
  }
}

TEST(ReplyDecoder, StopsAtTheNestingLimit) {
  for (size_t depth : {kMaxReplyDepth, kMaxReplyDepth + 1}) {
    ReplyDecoder decoder;
    for (size_t i = 0; i < depth; ++i) decoder.Feed("*1\r\n");
    decoder.Feed(":1\r\n");
    EXPECT_EQ(decoder.Next().has_value(), depth == kMaxReplyDepth);
    EXPECT_EQ(decoder.failed(), depth > kMaxReplyDepth);
  }
}

TEST(ReplyDecoder, WaitsForDeclaredSizesWithoutAllocatingThem) {
  ReplyDecoder decoder;
  decoder.Feed(Crlf("*1000000000000|$1000000000000|abc"));
  EXPECT_FALSE(decoder.Next().has_value());
  EXPECT_FALSE(decoder.failed());
  EXPECT_EQ(decoder.buffered_bytes(), 3u + 16u);
}

TEST(ReplyDecoder, ReadsWhatTheWriterWrote) {
  for (int protocol : {2, 3}) {
    std::string out;
    Writer writer(&out);
    writer.set_protocol(protocol);
    writer.MapHeader(2);
    writer.Bulk("id");
    writer.Integer(-3);
    writer.Bulk("text");
    writer.Verbatim("hi");
    writer.Double(0.1);
    ReplyDecoder decoder;
    decoder.Feed(out);
    EXPECT_EQ(Render(*decoder.Next()),
              protocol == 2 ? R"(["id", :-3, "text", "hi"])" : R"({"id": :-3, "text": ="txt:hi"})");
    EXPECT_EQ(Render(*decoder.Next()), protocol == 2 ? "\"0.1\"" : ",0.1");
  }
}

TEST(ReplySkipper, FindsTheEndsTheDecoderFindsAtEverySplitPoint) {
  for (const Row& row : Rows()) {
    const std::string bytes = Wire(row.bytes);
    const auto expected = row.bytes[0] == '-' || row.bytes[0] == '!'
                              ? ReplySkipper::Outcome::kErrorReply
                              : ReplySkipper::Outcome::kReply;
    for (size_t cut = 0; cut < bytes.size(); ++cut) {
      ReplySkipper skipper;
      size_t used = 0;
      ASSERT_EQ(skipper.Next(bytes.substr(0, cut), &used), ReplySkipper::Outcome::kNeedMore)
          << row.bytes << " cut at " << cut;
      ASSERT_EQ(used, cut);
      const std::string rest = bytes.substr(cut) + "+n\r\n";
      ASSERT_EQ(skipper.Next(rest, &used), expected) << row.bytes << " cut at " << cut;
      ASSERT_EQ(used, bytes.size() - cut);
      ASSERT_EQ(skipper.Next(rest.substr(used), &used), ReplySkipper::Outcome::kReply);
    }
  }
}

TEST(ReplySkipper, KeepsTheStartOfAnErrorsText) {
  ReplySkipper skipper;
  size_t used = 0;
  EXPECT_EQ(skipper.Next("-ERR some", &used), ReplySkipper::Outcome::kNeedMore);
  EXPECT_EQ(skipper.Next("thing\r\n", &used), ReplySkipper::Outcome::kErrorReply);
  EXPECT_EQ(skipper.error_text(), "ERR something");
  EXPECT_EQ(skipper.Next("-" + std::string(100000, 'e') + "\r\n", &used),
            ReplySkipper::Outcome::kErrorReply);
  EXPECT_LT(skipper.error_text().size(), 1000u);
  EXPECT_EQ(skipper.Next("+OK\r\n", &used), ReplySkipper::Outcome::kReply);
}

TEST(ReplySkipper, RefusesMalformedInput) {
  for (const char* bytes : {"hello|", "$x|", "$99999999999999|", "%-1|"}) {
    ReplySkipper skipper;
    size_t used = 0;
    EXPECT_EQ(skipper.Next(Crlf(bytes), &used), ReplySkipper::Outcome::kMalformed) << bytes;
  }
}

}  // namespace
}  // namespace resp
