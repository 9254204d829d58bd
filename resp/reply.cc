#include "resp/reply.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>
#include <utility>

namespace resp {
namespace {

using Type = Reply::Type;

// Larger counts are malformed: no client could hold them.
constexpr int64_t kMaxElements = int64_t{1} << 40;

bool ParseInteger(std::string_view text, int64_t* value) {
  if (text.size() > 1 && text.front() == '+') text.remove_prefix(1);
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, *value);
  return error == std::errc() && stop == end;
}

bool ParseDouble(std::string_view text, double* value) {
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, *value);
  return error == std::errc() && stop == end;
}

void AppendEscaped(std::string_view text, std::string_view also_escape, std::string* out) {
  constexpr char kHex[] = "0123456789abcdef";
  for (char c : text) {
    if (also_escape.find(c) != std::string_view::npos) {
      *out += '\\';
      *out += c;
    } else if (c == '\n') {
      *out += "\\n";
    } else if (c == '\r') {
      *out += "\\r";
    } else if (c == '\t') {
      *out += "\\t";
    } else if (c < ' ' || c > '~') {
      const unsigned byte = static_cast<unsigned char>(c);
      *out += "\\x";
      *out += kHex[byte >> 4];
      *out += kHex[byte & 15];
    } else {
      *out += c;
    }
  }
}

void AppendQuoted(std::string_view text, std::string* out) {
  *out += '"';
  AppendEscaped(text, "\"\\", out);
  *out += '"';
}

void AppendReply(const Reply& reply, std::string* out);

void AppendList(std::string_view open, const std::vector<Reply>& elements, std::string* out) {
  *out += open;
  for (size_t i = 0; i < elements.size(); ++i) {
    if (i > 0) *out += ", ";
    AppendReply(elements[i], out);
  }
  *out += ']';
}

void AppendPairs(const std::vector<Reply>& elements, std::string* out) {
  *out += '{';
  for (size_t i = 0; i < elements.size(); ++i) {
    if (i > 0) *out += i % 2 == 0 ? ", " : ": ";
    AppendReply(elements[i], out);
  }
  *out += '}';
}

void AppendLine(char mark, std::string_view text, std::string* out) {
  *out += mark;
  AppendEscaped(text, "\\", out);
}

// Recursion is as deep as the reply; decoders stop at kMaxReplyDepth.
void AppendReply(const Reply& reply, std::string* out) {
  if (!reply.attributes.empty()) {
    *out += '|';
    AppendPairs(reply.attributes, out);
    *out += ' ';
  }
  switch (reply.type) {
    case Type::kSimpleString:
      return AppendLine('+', reply.text, out);
    case Type::kError:
      return AppendLine('-', reply.text, out);
    case Type::kBulkError:
      return AppendLine('!', reply.text, out);
    case Type::kInteger:
      *out += ':' + std::to_string(reply.integer);
      return;
    case Type::kBulk:
      return AppendQuoted(reply.text, out);
    case Type::kNullBulk:
      *out += "nil";
      return;
    case Type::kNullArray:
      *out += "NIL";
      return;
    case Type::kNull:
      *out += "null";
      return;
    case Type::kArray:
      return AppendList("[", reply.elements, out);
    case Type::kSet:
      return AppendList("~[", reply.elements, out);
    case Type::kPush:
      return AppendList(">[", reply.elements, out);
    case Type::kMap:
      return AppendPairs(reply.elements, out);
    case Type::kDouble:
      return AppendLine(',', reply.text, out);
    case Type::kBoolean:
      *out += reply.integer != 0 ? "#t" : "#f";
      return;
    case Type::kVerbatim:
      *out += '=';
      return AppendQuoted(reply.format + ':' + reply.text, out);
    case Type::kBigNumber:
      return AppendLine('(', reply.text, out);
  }
}

}  // namespace

std::string Render(const Reply& reply) {
  std::string out;
  AppendReply(reply, &out);
  return out;
}

void ReplyDecoder::Feed(std::string_view bytes) {
  // Moves the rest only when the decoded part outweighs it, so the cost stays linear.
  if (position_ > buffer_.size() / 2) {
    buffer_.erase(0, position_);
    scan_ -= std::min(scan_, position_);
    position_ = 0;
  }
  buffer_.append(bytes);
}

std::optional<Reply> ReplyDecoder::Next() {
  while (!failed()) {
    Reply value;
    switch (DecodeOne(&value)) {
      case Step::kValue:
        if (Attach(&value)) return value;
        break;
      case Step::kOpened:
        break;
      case Step::kNeedMore:
      case Step::kFailed:
        return std::nullopt;
    }
  }
  return std::nullopt;
}

// Puts a finished value where it belongs, closing the aggregates it completes. True if *value is
// then a whole reply.
bool ReplyDecoder::Attach(Reply* value) {
  while (!open_.empty()) {
    Frame& frame = open_.back();
    frame.reply.elements.push_back(std::move(*value));
    if (--frame.missing > 0) return false;
    const bool is_attribute = frame.is_attribute;
    *value = std::move(frame.reply);
    open_.pop_back();
    if (is_attribute) {
      attributes_ = std::move(value->elements);
      return false;
    }
  }
  return true;
}

// Decodes one line and, for bulk types, its payload. Advances position_ only over whole values.
ReplyDecoder::Step ReplyDecoder::DecodeOne(Reply* value) {
  const size_t end = buffer_.find("\r\n", std::max(position_, scan_));
  if (end == std::string::npos) {
    // The last byte may be the CR of a line end still to come.
    scan_ = buffer_.empty() ? 0 : buffer_.size() - 1;
    return Step::kNeedMore;
  }
  scan_ = end;
  if (end == position_) return Fail("empty line");
  const std::string_view line =
      std::string_view(buffer_).substr(position_ + 1, end - position_ - 1);
  value->attributes = attributes_;
  Step step = Step::kFailed;
  switch (buffer_[position_]) {
    case '*':
    case '%':
    case '~':
    case '>':
    case '|':
      step = OpenAggregate(line, value);
      if (step != Step::kFailed) position_ = end + 2;
      break;
    default:
      step = DecodeText(line, end + 2, value);
      break;
  }
  if (step == Step::kValue) attributes_.clear();
  return step;
}

// Every type without elements. `behind` is where the line's payload starts, if it has one.
ReplyDecoder::Step ReplyDecoder::DecodeText(std::string_view line, size_t behind, Reply* value) {
  const char type = buffer_[position_];
  size_t next = behind;
  value->text = line;
  if (type == '+') {
    value->type = Type::kSimpleString;
  } else if (type == '-') {
    value->type = Type::kError;
  } else if (type == '(') {
    value->type = Type::kBigNumber;
  } else if (type == ':') {
    value->type = Type::kInteger;
    value->text.clear();
    if (!ParseInteger(line, &value->integer)) return Fail("bad integer");
  } else if (type == ',') {
    value->type = Type::kDouble;
    if (!ParseDouble(line, &value->number)) return Fail("bad double");
  } else if (type == '#') {
    value->type = Type::kBoolean;
    if (line != "t" && line != "f") return Fail("bad boolean");
    value->integer = line == "t" ? 1 : 0;
    value->text.clear();
  } else if (type == '_') {
    value->type = Type::kNull;
    if (!line.empty()) return Fail("bad null");
  } else if (type == '$' || type == '=' || type == '!') {
    int64_t length = 0;
    if (!ParseInteger(line, &length) || length < -1 || length > kMaxElements) {
      return Fail("bad length");
    }
    value->text.clear();
    if (length == -1) {
      if (type != '$') return Fail("bad length");
      value->type = Type::kNullBulk;
    } else {
      const size_t bytes = static_cast<size_t>(length);
      if (buffer_.size() - behind < bytes + 2) return Step::kNeedMore;
      if (buffer_.compare(behind + bytes, 2, "\r\n") != 0) return Fail("payload without line end");
      value->text.assign(buffer_, behind, bytes);
      value->type = type == '$' ? Type::kBulk : type == '=' ? Type::kVerbatim : Type::kBulkError;
      if (type == '=') {
        if (bytes < 4 || value->text[3] != ':') return Fail("bad verbatim string");
        value->format = value->text.substr(0, 3);
        value->text.erase(0, 4);
      }
      next = behind + bytes + 2;
    }
  } else {
    return Fail("unknown reply type");
  }
  position_ = next;
  return Step::kValue;
}

ReplyDecoder::Step ReplyDecoder::OpenAggregate(std::string_view line, Reply* value) {
  const char type = buffer_[position_];
  int64_t count = 0;
  if (!ParseInteger(line, &count) || count < -1 || count > kMaxElements) return Fail("bad count");
  if (count == -1) {
    if (type != '*') return Fail("bad count");
    value->type = Type::kNullArray;
    return Step::kValue;
  }
  const bool pairs = type == '%' || type == '|';
  const uint64_t missing = static_cast<uint64_t>(count) * (pairs ? 2 : 1);
  value->type = type == '*'   ? Type::kArray
                : type == '~' ? Type::kSet
                : type == '>' ? Type::kPush
                              : Type::kMap;
  const bool is_attribute = type == '|';
  // An attribute of nothing changes nothing; an aggregate of nothing is a value already.
  if (missing == 0) return is_attribute ? Step::kOpened : Step::kValue;
  if (open_.size() == kMaxReplyDepth) return Fail("nested too deeply");
  open_.push_back({.reply = std::move(*value), .missing = missing, .is_attribute = is_attribute});
  attributes_.clear();
  return Step::kOpened;
}

ReplyDecoder::Step ReplyDecoder::Fail(std::string_view text) {
  error_ = text;
  return Step::kFailed;
}

ReplySkipper::Outcome ReplySkipper::Next(std::string_view bytes, size_t* used) {
  const char* p = bytes.data();
  const char* const end = p + bytes.size();
  while (p != end && !malformed_) {
    bool value_done = false;
    switch (state_) {
      case State::kType:
        malformed_ = !TakeType(*p++);
        continue;
      case State::kNumber:
        p = ReadNumber(p, end);
        value_done = state_ == State::kType && !malformed_;
        break;
      case State::kText:
        p = ReadText(p, end);
        value_done = state_ == State::kType;
        break;
      case State::kSkip: {
        const uint64_t step = std::min<uint64_t>(skip_bytes_, static_cast<uint64_t>(end - p));
        p += step;
        skip_bytes_ -= step;
        value_done = skip_bytes_ == 0;
        if (value_done) state_ = State::kType;
        break;
      }
    }
    if (value_done && missing_ == 0) {
      *used = static_cast<size_t>(p - bytes.data());
      return is_error_ ? Outcome::kErrorReply : Outcome::kReply;
    }
  }
  *used = static_cast<size_t>(p - bytes.data());
  return malformed_ ? Outcome::kMalformed : Outcome::kNeedMore;
}

bool ReplySkipper::TakeType(char type) {
  if (missing_ == 0) {
    missing_ = 1;
    is_error_ = type == '-' || type == '!';
    error_text_.clear();
  }
  type_ = type;
  number_ = 0;
  negative_ = false;
  switch (type) {
    case '+':
    case '-':
    case ':':
    case ',':
    case '#':
    case '(':
    case '_':
      state_ = State::kText;
      --missing_;
      return true;
    case '$':
    case '=':
    case '!':
    case '*':
    case '%':
    case '~':
    case '>':
    case '|':
      state_ = State::kNumber;
      return true;
    default:
      return false;
  }
}

// Passes over a line to its LF. Keeps the start of an error's text.
const char* ReplySkipper::ReadText(const char* p, const char* end) {
  constexpr size_t kMaxErrorTextBytes = 256;
  const void* const hit = std::memchr(p, '\n', static_cast<size_t>(end - p));
  const char* const stop = hit == nullptr ? end : static_cast<const char*>(hit);
  if (is_error_) {
    const size_t room = kMaxErrorTextBytes - error_text_.size();
    error_text_.append(p, std::min(room, static_cast<size_t>(stop - p)));
  }
  if (hit == nullptr) return end;
  if (is_error_ && error_text_.ends_with('\r')) error_text_.pop_back();
  state_ = State::kType;
  return stop + 1;
}

const char* ReplySkipper::ReadNumber(const char* p, const char* end) {
  for (; p != end; ++p) {
    const char c = *p;
    if (c >= '0' && c <= '9') {
      number_ = number_ * 10 + static_cast<uint64_t>(c - '0');
      malformed_ = number_ > static_cast<uint64_t>(kMaxElements);
    } else if (c == '-') {
      negative_ = true;
    } else if (c == '\n') {
      malformed_ = !FinishNumber();
      return p + 1;
    } else if (c != '\r') {
      malformed_ = true;
    }
    if (malformed_) return p;
  }
  return p;
}

// The line of a bulk or aggregate is complete: says what follows it.
bool ReplySkipper::FinishNumber() {
  const bool bulk = type_ == '$' || type_ == '=' || type_ == '!';
  if (negative_) {
    --missing_;
    state_ = State::kType;
    return type_ == '$' || type_ == '*';
  }
  if (bulk) {
    --missing_;
    skip_bytes_ = number_ + 2;
    state_ = State::kSkip;
    return true;
  }
  const bool pairs = type_ == '%' || type_ == '|';
  if (type_ != '|') --missing_;
  missing_ += pairs ? 2 * number_ : number_;
  state_ = State::kType;
  return missing_ < std::numeric_limits<uint64_t>::max() / 2;
}

}  // namespace resp
