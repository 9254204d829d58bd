// The client's side of the protocol: replies as trees for tests and tools, and a way to find the
// ends of replies without building anything for load generators. The server does not use it.
//
// Thread: any, one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "resp/limits.h"

namespace resp {

struct Reply {
  enum class Type : uint8_t {
    kSimpleString,  // text
    kError,         // text without the '-'
    kBulkError,     // text; RESP3 '!'
    kInteger,       // integer
    kBulk,          // text
    kNullBulk,      // RESP2 `$-1`
    kNullArray,     // RESP2 `*-1`
    kNull,          // RESP3 `_`
    kArray,         // elements
    kMap,           // elements: key, value, key, value ...
    kSet,           // elements
    kPush,          // elements
    kDouble,        // number, and text as sent
    kBoolean,       // integer 0 or 1
    kVerbatim,      // text without the format, and format such as "txt"
    kBigNumber,     // text
  };

  bool is_error() const { return type == Type::kError || type == Type::kBulkError; }
  bool is_null() const {
    return type == Type::kNull || type == Type::kNullBulk || type == Type::kNullArray;
  }
  bool operator==(const Reply&) const = default;

  Type type = Type::kNull;
  std::string text;
  std::string format;
  int64_t integer = 0;
  double number = 0;
  std::vector<Reply> elements;
  // RESP3 attributes sent in front of this reply: key, value, key, value ...
  std::vector<Reply> attributes;
};

// One line of text that differs whenever two replies differ in type or content:
//
//   +OK  -ERR text  !bulk error  :1  "bulk"  nil ($-1)  NIL (*-1)  null (_)  [a, b]  {k: v, k: v}
//   ~[a, b] set  >[a, b] push  ,1.5  #t #f  ="txt:text" verbatim  (123  |{k: v} reply with
//   attributes
//
// Inside quotes: \" \\ \n \r \t, and \xhh for other bytes outside printable ASCII. Simple strings
// and errors are not quoted but escaped the same way, save for quotes.
std::string Render(const Reply& reply);

// Builds replies from bytes as they come.
class ReplyDecoder {
 public:
  void Feed(std::string_view bytes);

  // The next whole reply, or nothing if more bytes are needed or the input is malformed.
  std::optional<Reply> Next();

  // What is wrong with the input, empty while it is fine. Nothing more comes after it.
  std::string_view error() const { return error_; }
  bool failed() const { return !error_.empty(); }

  // Bytes fed and not yet part of a reply that Next returned.
  size_t buffered_bytes() const { return buffer_.size() - position_; }

 private:
  // An aggregate whose elements are still coming.
  struct Frame {
    Reply reply;
    uint64_t missing;
    bool is_attribute;
  };
  enum class Step : uint8_t { kValue, kOpened, kNeedMore, kFailed };

  Step DecodeOne(Reply* value);
  Step DecodeText(std::string_view line, size_t behind, Reply* value);
  Step OpenAggregate(std::string_view line, Reply* value);
  Step Fail(std::string_view text);
  bool Attach(Reply* value);

  std::string buffer_;
  size_t position_ = 0;  // what is before it is decoded
  size_t scan_ = 0;      // no line end between position_ and this
  std::vector<Frame> open_;
  std::vector<Reply> attributes_;  // for the next value
  std::string error_;
};

// Finds the ends of replies in a byte stream. Keeps nothing of the bytes, so each piece that was
// read can be shown once and dropped.
class ReplySkipper {
 public:
  enum class Outcome : uint8_t {
    kReply,
    kErrorReply,  // the reply itself is an error; one inside an aggregate does not count
    kNeedMore,    // all of `bytes` was used
    kMalformed,
  };

  // Goes on where the last call stopped, at most to the end of a reply. *used is how many of
  // `bytes` were taken.
  Outcome Next(std::string_view bytes, size_t* used);

  // After kErrorReply: the error's first bytes, enough to tell which one it is. Empty for '!'.
  std::string_view error_text() const { return error_text_; }

 private:
  enum class State : uint8_t { kType, kNumber, kText, kSkip };

  const char* ReadNumber(const char* p, const char* end);
  const char* ReadText(const char* p, const char* end);
  bool FinishNumber();
  bool TakeType(char type);

  State state_ = State::kType;
  char type_ = 0;
  bool is_error_ = false;
  bool malformed_ = false;
  bool negative_ = false;
  uint64_t number_ = 0;
  uint64_t skip_bytes_ = 0;
  uint64_t missing_ = 0;  // values until the current reply is whole; zero between replies
  std::string error_text_;
};

}  // namespace resp
