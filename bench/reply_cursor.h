// Walks over the bytes of one whole reply in RESP2 without building anything. After a surprise it
// stays `failed` and returns zeros.
//
// Thread: any, one at a time.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <system_error>

namespace bench {

class ReplyCursor {
 public:
  explicit ReplyCursor(std::string_view bytes) : p_(bytes.data()), end_(p_ + bytes.size()) {}

  bool failed() const { return failed_; }

  // Reads the number of a line of this type.
  int64_t Line(char type) {
    int64_t number = 0;
    if (p_ == end_ || *p_ != type) return Fail();
    const auto [stop, error] = std::from_chars(p_ + 1, end_, number);
    if (error != std::errc() || end_ - stop < 2) return Fail();
    p_ = stop + 2;
    return number;
  }

  // Passes over a bulk string and returns it as encoded.
  std::string_view EncodedBulk() {
    const char* const begin = p_;
    const int64_t bytes = Line('$');
    if (bytes < 0 || end_ - p_ < bytes + 2) Fail();
    if (failed_) return {};
    p_ += bytes + 2;
    return {begin, static_cast<size_t>(p_ - begin)};
  }

  // The text of a bulk string as encoded.
  static std::string_view BulkText(std::string_view encoded) {
    const size_t begin = encoded.find('\n') + 1;
    return encoded.substr(begin, encoded.size() - begin - 2);
  }

 private:
  int64_t Fail() {
    failed_ = true;
    return 0;
  }

  const char* p_;
  const char* end_;
  bool failed_ = false;
};

}  // namespace bench
