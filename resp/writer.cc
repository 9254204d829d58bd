#include "resp/writer.h"

#include <cassert>
#include <charconv>
#include <cmath>
#include <cstring>

namespace resp {
namespace {

// Type byte, 20 digits with sign, CRLF.
constexpr size_t kMaxLineSize = 24;
// Bulk strings up to this are put together on the stack and appended at once.
constexpr size_t kSmallBulkBytes = 128;
// What BeginArray leaves room for: the header of a count of one digit.
constexpr std::string_view kOpenHeader = "*0\r\n";

// Writes `<type><value>\r\n` and returns the position behind it.
template <typename Int>
inline char* PutLine(char* p, char type, Int value) {
  *p++ = type;
  if (value >= 0 && value < 10) {
    *p++ = static_cast<char>('0' + value);
  } else {
    p = std::to_chars(p, p + kMaxLineSize - 3, value).ptr;
  }
  *p++ = '\r';
  *p++ = '\n';
  return p;
}

}  // namespace

void Writer::Header(char type, size_t count) {
  char line[kMaxLineSize];
  out_->append(line, static_cast<size_t>(PutLine(line, type, count) - line));
}

void Writer::SimpleString(std::string_view text) {
  assert(text.find_first_of("\r\n") == std::string_view::npos);
  out_->push_back('+');
  out_->append(text);
  out_->append("\r\n", 2);
}

void Writer::Error(std::string_view text) {
  out_->push_back('-');
  const size_t begin = out_->size();
  out_->append(text);
  for (size_t i = begin; i < out_->size(); ++i) {
    char& c = (*out_)[i];
    if (c == '\r' || c == '\n') c = ' ';
  }
  out_->append("\r\n", 2);
}

void Writer::Integer(int64_t value) {
  char line[kMaxLineSize];
  out_->append(line, static_cast<size_t>(PutLine(line, ':', value) - line));
}

void Writer::Bulk(std::string_view bytes) {
  char whole[kMaxLineSize + kSmallBulkBytes + 2];
  char* p = PutLine(whole, '$', bytes.size());
  if (bytes.size() > kSmallBulkBytes) {
    out_->append(whole, static_cast<size_t>(p - whole));
    out_->append(bytes);
    out_->append("\r\n", 2);
    return;
  }
  if (!bytes.empty()) std::memcpy(p, bytes.data(), bytes.size());
  p += bytes.size();
  *p++ = '\r';
  *p++ = '\n';
  out_->append(whole, static_cast<size_t>(p - whole));
}

void Writer::BulkInteger(int64_t value) {
  char digits[kMaxLineSize];
  const char* const end = std::to_chars(digits, digits + kMaxLineSize, value).ptr;
  Bulk({digits, static_cast<size_t>(end - digits)});
}

void Writer::Null() { out_->append(protocol_ == 3 ? std::string_view("_\r\n") : "$-1\r\n"); }

void Writer::NullArray() { out_->append(protocol_ == 3 ? std::string_view("_\r\n") : "*-1\r\n"); }

void Writer::MapHeader(size_t pairs) {
  if (protocol_ == 3) {
    Header('%', pairs);
  } else {
    Header('*', 2 * pairs);
  }
}

void Writer::Double(double value) {
  // to_chars may print a sign for NaN, which the protocol does not have.
  char digits[64] = "nan";
  size_t size = 3;
  if (!std::isnan(value)) {
    size = static_cast<size_t>(std::to_chars(digits, digits + sizeof(digits), value).ptr - digits);
  }
  if (protocol_ != 3) {
    Bulk({digits, size});
    return;
  }
  out_->push_back(',');
  out_->append(digits, size);
  out_->append("\r\n", 2);
}

void Writer::Boolean(bool value) {
  if (protocol_ == 3) {
    out_->append(value ? "#t\r\n" : "#f\r\n", 4);
  } else {
    out_->append(value ? ":1\r\n" : ":0\r\n", 4);
  }
}

void Writer::Verbatim(std::string_view text) {
  if (protocol_ != 3) {
    Bulk(text);
    return;
  }
  // The length counts the format mark in front of the text.
  Header('=', text.size() + 4);
  out_->append("txt:", 4);
  out_->append(text);
  out_->append("\r\n", 2);
}

void Writer::BigNumber(std::string_view digits) {
  if (protocol_ != 3) {
    Bulk(digits);
    return;
  }
  out_->push_back('(');
  out_->append(digits);
  out_->append("\r\n", 2);
}

size_t Writer::BeginArray() {
  const size_t mark = out_->size();
  out_->append(kOpenHeader);
  return mark;
}

void Writer::EndMap(size_t mark, size_t pairs) {
  if (protocol_ == 3) {
    EndHeader(mark, '%', pairs);
  } else {
    EndHeader(mark, '*', 2 * pairs);
  }
}

void Writer::EndHeader(size_t mark, char type, size_t count) {
  assert(mark + kOpenHeader.size() <= out_->size());
  char line[kMaxLineSize];
  const size_t size = static_cast<size_t>(PutLine(line, type, count) - line);
  out_->replace(mark, kOpenHeader.size(), line, size);
}

}  // namespace resp
