// Append-only encoder of replies in RESP2 or RESP3. It appends to a string of the caller's and
// never reads back or reorders, except to fix the count of an aggregate whose size was not known
// when it began.
//
// Thread: any, one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace resp {

class Writer {
 public:
  // `out` must outlive the writer; others may append to it between calls.
  explicit Writer(std::string* out) : out_(out) {}

  // 2 (how connections start) or 3.
  void set_protocol(int protocol) { protocol_ = protocol; }
  int protocol() const { return protocol_; }

  void SimpleString(std::string_view text);
  // `text` starts with the error's code word and has no '-' in front. CR and LF become blanks.
  void Error(std::string_view text);
  void Integer(int64_t value);
  void Bulk(std::string_view bytes);
  // The number's decimal form as a bulk string.
  void BulkInteger(int64_t value);
  void Null();
  void NullArray();

  void ArrayHeader(size_t count) { Header('*', count); }
  // In RESP2 a flat array of keys and values.
  void MapHeader(size_t pairs);
  void SetHeader(size_t count) { Header(protocol_ == 3 ? '~' : '*', count); }
  void PushHeader(size_t count) { Header(protocol_ == 3 ? '>' : '*', count); }

  // RESP2: the shortest decimal form that reads back the same, as a bulk string.
  void Double(double value);
  void Boolean(bool value);
  // Text for people: a bulk string in RESP2.
  void Verbatim(std::string_view text);
  // Decimal digits with an optional minus; a bulk string in RESP2.
  void BigNumber(std::string_view digits);
  // Bytes that are encoded already.
  void Raw(std::string_view encoded) { out_->append(encoded); }

  // An array or map of a size known only later. Begin returns a mark; after the elements End sets
  // the count (of pairs, for a map). Nested ones end before the outer one. Ending costs a move of
  // the bytes behind the mark if the count has more than one digit.
  size_t BeginArray();
  void EndArray(size_t mark, size_t count) { EndHeader(mark, '*', count); }
  size_t BeginMap() { return BeginArray(); }
  void EndMap(size_t mark, size_t pairs);
  // Takes back everything since `mark`, a value of size() or of Begin: for a reply that turns out
  // to be another one.
  void Rewind(size_t mark) { out_->resize(mark); }
  size_t size() const { return out_->size(); }

 private:
  void Header(char type, size_t count);
  void EndHeader(size_t mark, char type, size_t count);

  std::string* out_;
  int protocol_ = 2;
};

}  // namespace resp
