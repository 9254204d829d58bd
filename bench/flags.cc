#include "bench/flags.h"

#include <algorithm>
#include <charconv>

#include "resp/parser.h"

namespace bench {

Flags::Flags(int argc, char** argv, int first) {
  for (int i = first; i < argc; ++i) {
    std::string_view word = argv[i];
    if (!word.starts_with("--")) {
      Complain("unexpected word '" + std::string(word) + "'");
      return;
    }
    word.remove_prefix(2);
    const size_t equals = word.find('=');
    if (equals != std::string_view::npos) {
      values_[std::string(word.substr(0, equals))] = word.substr(equals + 1);
    } else if (i + 1 < argc) {
      values_[std::string(word)] = argv[++i];
    } else {
      Complain("--" + std::string(word) + " needs a value");
    }
  }
}

std::string Flags::Text(std::string_view name, std::string_view fallback) {
  const std::string* value = Take(name);
  return value == nullptr ? std::string(fallback) : *value;
}

double Flags::Number(std::string_view name, double fallback) {
  const std::string* value = Take(name);
  if (value == nullptr) return fallback;
  double number = 0;
  const char* const end = value->data() + value->size();
  const auto [stop, error] = std::from_chars(value->data(), end, number);
  if (error != std::errc() || stop != end || number < 0) {
    Complain("--" + std::string(name) + " needs a number, not '" + *value + "'");
  }
  return number;
}

long long Flags::Whole(std::string_view name, long long fallback, long long minimum) {
  const std::string* value = Take(name);
  if (value == nullptr) return fallback;
  long long number = 0;
  const char* const end = value->data() + value->size();
  const auto [stop, error] = std::from_chars(value->data(), end, number);
  if (error != std::errc() || stop != end || number < minimum) {
    Complain("--" + std::string(name) + " needs a whole number of at least " +
             std::to_string(minimum) + ", not '" + *value + "'");
    return fallback;
  }
  return number;
}

std::string Flags::Problem() const {
  if (!problem_.empty()) return problem_;
  for (const auto& [name, value] : values_) {
    if (std::find(read_.begin(), read_.end(), name) == read_.end()) return "unknown --" + name;
  }
  return "";
}

const std::string* Flags::Take(std::string_view name) {
  read_.emplace_back(name);
  const auto found = values_.find(name);
  return found == values_.end() ? nullptr : &found->second;
}

void Flags::Complain(std::string text) {
  if (problem_.empty()) problem_ = std::move(text);
}

std::vector<std::string> Split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const size_t size = std::min(text.find(separator), text.size());
    if (size > 0) parts.emplace_back(text.substr(0, size));
    text.remove_prefix(std::min(size + 1, text.size()));
  }
  return parts;
}

// An inline request has the quoting rules wanted here.
std::vector<std::string> SplitWords(std::string_view text) {
  resp::Parser parser;
  const std::string line = std::string(text) + "\n";
  if (parser.Next(line, {}) != resp::ParseResult::kRequest) return {};
  const auto& args = parser.request().args;
  return {args.begin(), args.end()};
}

}  // namespace bench
