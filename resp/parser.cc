#include "resp/parser.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <limits>

namespace resp {
namespace {

constexpr bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// What the blanks between inline words may be. Only some of them also end a word: see EndsWord.
constexpr bool IsBlank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

constexpr bool EndsWord(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

int HexValue(char c) {
  if (IsDigit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Strict decimal of the protocol: no plus, no blank, no leading zero, no "-0", within 64 bits.
bool ParseStrictInteger(std::string_view text, int64_t* value) {
  if (text == "0") {
    *value = 0;
    return true;
  }
  const bool negative = !text.empty() && text.front() == '-';
  if (negative) text.remove_prefix(1);
  if (text.empty() || text.size() > 19 || text.front() == '0') return false;
  uint64_t magnitude = 0;
  for (char c : text) {
    if (!IsDigit(c)) return false;
    magnitude = magnitude * 10 + static_cast<uint64_t>(c - '0');
  }
  // Nineteen digits fit in 64 unsigned bits, so the sum above did not wrap.
  constexpr uint64_t kMax = std::numeric_limits<int64_t>::max();
  if (magnitude > kMax + (negative ? 1 : 0)) return false;
  *value = static_cast<int64_t>(negative ? 0 - magnitude : magnitude);
  return true;
}

// Reads the usual form of a count or length, `<1..9 digits>\r` and one more byte, starting after
// the type byte. Returns the position behind the line, or null if the line is anything else, even
// if it is fine: the careful path then decides.
inline const char* ReadShortLine(const char* p, const char* end, int64_t* value) {
  if (p == end || *p < '1' || *p > '9') return nullptr;
  const char* const limit = end - p > 9 ? p + 9 : end;
  uint32_t number = 0;
  do {
    number = number * 10 + static_cast<uint32_t>(*p - '0');
    ++p;
  } while (p != limit && IsDigit(*p));
  if (end - p < 2 || *p != '\r') return nullptr;
  *value = number;
  return p + 2;
}

// Appends the byte(s) an escape inside double quotes stands for. `p` is behind the backslash;
// returns the position behind the escape.
const char* AppendEscape(const char* p, const char* end, std::string* out) {
  if (*p == 'x' && end - p >= 3 && HexValue(p[1]) >= 0 && HexValue(p[2]) >= 0) {
    out->push_back(static_cast<char>(HexValue(p[1]) * 16 + HexValue(p[2])));
    return p + 3;
  }
  switch (*p) {
    case 'n':
      out->push_back('\n');
      break;
    case 'r':
      out->push_back('\r');
      break;
    case 't':
      out->push_back('\t');
      break;
    case 'b':
      out->push_back('\b');
      break;
    case 'a':
      out->push_back('\a');
      break;
    default:
      out->push_back(*p);
  }
  return p + 1;
}

// Appends a quoted run. `p` is behind the opening quote; returns the position behind the closing
// one, or null if it is missing or not followed by a blank or the end.
const char* AppendQuotedRun(const char* p, const char* end, char quote, std::string* out) {
  while (p != end && *p != quote) {
    if (*p == '\\' && end - p >= 2) {
      if (quote == '"') {
        p = AppendEscape(p + 1, end, out);
        continue;
      }
      if (p[1] == '\'') ++p;
    }
    out->push_back(*p++);
  }
  if (p == end) return nullptr;
  ++p;
  return p == end || IsBlank(*p) ? p : nullptr;
}

}  // namespace

ParseResult Parser::Next(std::string_view data, const ParserLimits& limits) {
  start_ = 0;
  consumed_ = 0;
  wanted_ = 1;
  for (;;) {
    if (phase_ == Phase::kStart) {
      Begin();
      if (start_ == data.size()) {
        consumed_ = start_;
        return ParseResult::kNeedMore;
      }
      phase_ = data[start_] == '*' ? Phase::kCount : Phase::kInline;
    }
    switch (Advance(data, limits)) {
      case Step::kDone:
        Unpark(data);
        request_ = {.args = args_, .inline_form = phase_ == Phase::kInline};
        phase_ = Phase::kStart;
        consumed_ = cursor_;
        return ParseResult::kRequest;
      case Step::kEmpty:
        phase_ = Phase::kStart;
        start_ = cursor_;
        break;
      case Step::kMore:
        Suspend(data);
        return ParseResult::kNeedMore;
      case Step::kFailed:
        return ParseResult::kProtocolError;
    }
  }
}

void Parser::Begin() {
  cursor_ = start_;
  scan_ = start_;
  bulk_bytes_ = -1;
  args_.clear();
  parked_.clear();
  inline_text_.clear();
  if (args_.capacity() > kMaxRetainedArguments) args_.shrink_to_fit();
  if (parked_.capacity() > kMaxRetainedArguments) parked_.shrink_to_fit();
  if (inline_text_.capacity() > kMaxRetainedInlineBytes) inline_text_.shrink_to_fit();
}

Parser::Step Parser::Advance(std::string_view data, const ParserLimits& limits) {
  if (phase_ == Phase::kCount) {
    const Step step = ParseCount(data, limits);
    if (step != Step::kDone) return step;
    phase_ = Phase::kArguments;
  }
  if (phase_ == Phase::kArguments) return ParseArguments(data, limits);
  return phase_ == Phase::kInline ? ParseInline(data) : Step::kFailed;
}

Parser::Step Parser::ParseCount(std::string_view data, const ParserLimits& limits) {
  int64_t count = 0;
  const char* const base = data.data();
  const char* const behind = ReadShortLine(base + cursor_ + 1, base + data.size(), &count);
  if (behind != nullptr) {
    cursor_ = static_cast<size_t>(behind - base);
  } else {
    size_t end = 0;
    const Step step = FindLineEnd(data, '\r', "too big mbulk count string", &end);
    if (step != Step::kDone) return step;
    const std::string_view digits = data.substr(cursor_ + 1, end - cursor_ - 1);
    if (!ParseStrictInteger(digits, &count) || count > kMaxArguments) {
      return Fail("invalid multibulk length");
    }
    cursor_ = end + 2;
  }
  if (count > kMaxUnauthenticatedArguments && !limits.authenticated) {
    return Fail("unauthenticated multibulk length");
  }
  remaining_arguments_ = count;
  return count > 0 ? Step::kDone : Step::kEmpty;
}

// Takes arguments while they are here whole and written as usual. What is left, whatever it is,
// ParseArguments decides.
void Parser::TakeWholeArguments(std::string_view data, const ParserLimits& limits) {
  if (bulk_bytes_ >= 0) return;
  const int64_t longest = limits.authenticated
                              ? limits.max_bulk_bytes
                              : std::min(limits.max_bulk_bytes, kMaxUnauthenticatedBulkBytes);
  const char* const end = data.data() + data.size();
  const char* p = data.data() + cursor_;
  int64_t left = remaining_arguments_;
  while (left > 0 && p != end && *p == '$') {
    int64_t length = 0;
    const char* const text = ReadShortLine(p + 1, end, &length);
    if (text == nullptr || length > longest || end - text < length + 2) break;
    args_.emplace_back(text, static_cast<size_t>(length));
    p = text + length + 2;
    --left;
  }
  cursor_ = static_cast<size_t>(p - data.data());
  remaining_arguments_ = left;
}

Parser::Step Parser::ParseArguments(std::string_view data, const ParserLimits& limits) {
  TakeWholeArguments(data, limits);
  while (remaining_arguments_ > 0) {
    if (bulk_bytes_ < 0) {
      const Step step = ParseBulkHeader(data, limits);
      if (step != Step::kDone) return step;
    }
    const size_t bytes = static_cast<size_t>(bulk_bytes_);
    const size_t available = data.size() - cursor_;
    if (available < bytes + 2) {
      wanted_ = std::min(bytes + 2 - available, kMaxWantedBytes);
      return Step::kMore;
    }
    args_.emplace_back(data.data() + cursor_, bytes);
    // The two bytes behind the payload are taken to be CRLF unseen, as clients know it.
    cursor_ += bytes + 2;
    bulk_bytes_ = -1;
    --remaining_arguments_;
  }
  return Step::kDone;
}

Parser::Step Parser::ParseBulkHeader(std::string_view data, const ParserLimits& limits) {
  size_t line_end = 0;
  const Step step = FindLineEnd(data, '\r', "too big bulk count string", &line_end);
  if (step != Step::kDone) return step;
  const char type = data[cursor_];
  if (type != '$') return Fail(std::string("expected '$', got '") + type + "'");
  const std::string_view digits = data.substr(cursor_ + 1, line_end - cursor_ - 1);
  int64_t length = 0;
  if (!ParseStrictInteger(digits, &length) || length < 0 || length > limits.max_bulk_bytes) {
    return Fail("invalid bulk length");
  }
  if (length > kMaxUnauthenticatedBulkBytes && !limits.authenticated) {
    return Fail("unauthenticated bulk length");
  }
  cursor_ = line_end + 2;
  bulk_bytes_ = length;
  return Step::kDone;
}

Parser::Step Parser::ParseInline(std::string_view data) {
  size_t end = 0;
  const Step step = FindLineEnd(data, '\n', "too big inline request", &end);
  if (step != Step::kDone) return step;
  std::string_view line = data.substr(cursor_, end - cursor_);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  // A zero byte ends the words of an inline request, the rest of the line counts for nothing.
  if (!SplitInline(line.substr(0, line.find('\0')))) {
    return Fail("unbalanced quotes in request");
  }
  cursor_ = end + 1;
  return args_.empty() ? Step::kEmpty : Step::kDone;
}

// Fills args_ with the words of `line`; false if a quote is unbalanced.
bool Parser::SplitInline(std::string_view line) {
  const char* p = line.data();
  const char* const end = p + line.size();
  for (;;) {
    while (p != end && IsBlank(*p)) ++p;
    if (p == end) return true;
    const char* const word = p;
    while (p != end && !EndsWord(*p) && *p != '"' && *p != '\'') ++p;
    if (p == end || EndsWord(*p)) {
      args_.emplace_back(word, static_cast<size_t>(p - word));
      continue;
    }
    // Unquoting never lengthens, so with this the views into inline_text_ stay valid.
    if (inline_text_.empty()) inline_text_.reserve(line.size());
    p = AppendQuotedWord(word, end);
    if (p == nullptr) return false;
  }
}

// Takes one word with quotes in it; returns the position behind it, or null if unbalanced.
const char* Parser::AppendQuotedWord(const char* word, const char* end) {
  const size_t begin = inline_text_.size();
  const char* p = word;
  while (p != end && !EndsWord(*p)) {
    if (*p != '"' && *p != '\'') {
      inline_text_.push_back(*p++);
      continue;
    }
    p = AppendQuotedRun(p + 1, end, *p, &inline_text_);
    if (p == nullptr) return nullptr;
    // A closing quote ends the word whichever blank follows.
    break;
  }
  args_.emplace_back(inline_text_.data() + begin, inline_text_.size() - begin);
  return p;
}

// Looks for the end of the line at cursor_. A CR needs one more byte behind it, which is not
// looked at. kDone: *end is the terminator's position.
Parser::Step Parser::FindLineEnd(std::string_view data, char terminator, const char* too_big,
                                 size_t* end) {
  const size_t from = std::max(scan_, cursor_);
  const size_t limit = std::min(data.size(), cursor_ + kMaxLineBytes + 1);
  assert(from <= limit);
  const void* const hit = std::memchr(data.data() + from, terminator, limit - from);
  if (hit == nullptr) {
    scan_ = limit;
    return limit - cursor_ > kMaxLineBytes ? Fail(too_big) : Step::kMore;
  }
  *end = static_cast<size_t>(static_cast<const char*>(hit) - data.data());
  scan_ = *end;
  return terminator == '\r' && *end + 1 == data.size() ? Step::kMore : Step::kDone;
}

Parser::Step Parser::Fail(std::string_view text) {
  error_ = "ERR Protocol error: ";
  error_ += text;
  phase_ = Phase::kFailed;
  return Step::kFailed;
}

// Keeps the incomplete request as offsets, because `data` may move before the next call.
void Parser::Suspend(std::string_view data) {
  const char* const request = data.data() + start_;
  for (std::string_view arg : args_) {
    parked_.push_back({static_cast<size_t>(arg.data() - request), arg.size()});
  }
  args_.clear();
  consumed_ = start_;
  cursor_ -= start_;
  scan_ = std::max(scan_, start_) - start_;
}

// Puts the parked arguments of a now complete request in front of the ones of this call.
void Parser::Unpark(std::string_view data) {
  if (parked_.empty()) return;
  // A request that was suspended starts where `data` does.
  assert(start_ == 0);
  const size_t late = args_.size();
  args_.resize(parked_.size() + late);
  std::move_backward(args_.begin(), args_.begin() + static_cast<std::ptrdiff_t>(late), args_.end());
  std::transform(parked_.begin(), parked_.end(), args_.begin(),
                 [data](Span span) { return data.substr(span.offset, span.size); });
}

}  // namespace resp
