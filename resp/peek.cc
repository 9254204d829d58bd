#include "resp/peek.h"

namespace resp {
namespace {

// Takes `mark`, a number of at most nine digits, and the end of the line.
bool TakeLength(std::string_view* input, char mark, size_t* length) {
  constexpr size_t kMaxDigits = 9;
  if (input->empty() || input->front() != mark) return false;
  size_t at = 1;
  size_t value = 0;
  while (at < input->size() && at <= kMaxDigits) {
    const auto digit = static_cast<unsigned>((*input)[at] - '0');
    if (digit > 9) break;
    value = value * 10 + digit;
    ++at;
  }
  if (at == 1 || at + 1 >= input->size() || (*input)[at] != '\r') return false;
  input->remove_prefix(at + 2);
  *length = value;
  return true;
}

bool TakeBulk(std::string_view* input, std::string_view* bulk) {
  constexpr size_t kLineEnd = 2;
  size_t length = 0;
  if (!TakeLength(input, '$', &length) || length + kLineEnd > input->size()) return false;
  *bulk = input->substr(0, length);
  input->remove_prefix(length + kLineEnd);
  return true;
}

}  // namespace

size_t PeekSecondArguments(std::string_view input, std::span<std::string_view> found) {
  size_t count = 0;
  size_t arguments = 0;
  while (count < found.size() && TakeLength(&input, '*', &arguments) && arguments >= 2 &&
         arguments <= kPeekedArguments) {
    std::string_view bulk;
    for (size_t i = 0; i < arguments; ++i) {
      if (!TakeBulk(&input, &bulk)) return count;
      if (i == 1) found[count] = bulk;
    }
    ++count;
  }
  return count;
}

}  // namespace resp
