#include "server/core/args.h"

#include <charconv>
#include <system_error>

#include "server/core/text.h"

namespace server {

std::optional<int64_t> ParseInteger(std::string_view text) {
  const std::string_view digits = text.starts_with('-') ? text.substr(1) : text;
  if (digits.starts_with('0') && text != "0") return std::nullopt;
  int64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, problem] = std::from_chars(text.data(), end, value);
  if (problem != std::errc() || stop != end) return std::nullopt;
  return value;
}

bool Args::Word(std::string_view word) { return WordWithValues(word, 0); }

bool Args::WordWithValues(std::string_view word, size_t count) {
  if (left() <= count || !EqualsIgnoreCase(Peek(), word)) return false;
  ++next_;
  return true;
}

std::string_view Args::Text(Error missing) {
  if (!more()) {
    Fail(missing);
    return {};
  }
  return args_[next_++];
}

int64_t Args::Integer(Error invalid) {
  const std::string_view text = Text();
  if (failed()) return 0;
  const std::optional<int64_t> value = ParseInteger(text);
  if (!value) Fail(invalid);
  return value.value_or(0);
}

void Args::Fail(Error error, std::initializer_list<std::string_view> words) {
  if (outcome_.ok()) outcome_ = Outcome(error, words);
}

Outcome Args::Finish() {
  if (more()) Fail(Error::kSyntax);
  return outcome_;
}

}  // namespace server
