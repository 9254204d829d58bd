#include "server/core/config_value.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "fmt/format.h"
#include "server/core/text.h"

namespace server {
namespace {

struct MemoryUnit {
  std::string_view name;
  int64_t bytes = 1;
};
constexpr MemoryUnit kMemoryUnits[] = {
    {"", 1},         {"b", 1},          {"k", 1000},     {"kb", 1 << 10}, {"m", 1000 * 1000},
    {"mb", 1 << 20}, {"g", 1000000000}, {"gb", 1 << 30},
};

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = LowerCase(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

char Unescape(char c) {
  switch (c) {
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'a':
      return '\a';
    case 'b':
      return '\b';
    default:
      return c;
  }
}

// Reads the words of one line; a member per position so that the quoted forms can be told apart.
class WordReader {
 public:
  explicit WordReader(std::string_view line) : line_(line) {}

  std::optional<std::vector<std::string>> ReadAll() {
    std::vector<std::string> words;
    for (;;) {
      while (!AtEnd() && IsBlank(line_[at_])) ++at_;
      if (AtEnd()) return words;
      std::string word;
      if (!ReadWord(&word)) return std::nullopt;
      words.push_back(std::move(word));
    }
  }

 private:
  bool AtEnd() const { return at_ == line_.size(); }

  bool ReadWord(std::string* word) {
    while (!AtEnd() && !IsBlank(line_[at_])) {
      const char c = line_[at_++];
      if (c == '"' || c == '\'') {
        if (!(c == '"' ? ReadDoubleQuoted(word) : ReadSingleQuoted(word))) return false;
        return AtEnd() || IsBlank(line_[at_]);
      }
      word->push_back(c);
    }
    return true;
  }

  bool ReadDoubleQuoted(std::string* word) {
    while (!AtEnd()) {
      const char c = line_[at_++];
      if (c == '"') return true;
      if (c != '\\' || AtEnd()) {
        word->push_back(c);
        continue;
      }
      const char escaped = line_[at_++];
      if (escaped == 'x' && line_.size() - at_ >= 2 && HexDigit(line_[at_]) >= 0 &&
          HexDigit(line_[at_ + 1]) >= 0) {
        word->push_back(static_cast<char>(HexDigit(line_[at_]) * 16 + HexDigit(line_[at_ + 1])));
        at_ += 2;
      } else {
        word->push_back(Unescape(escaped));
      }
    }
    return false;
  }

  bool ReadSingleQuoted(std::string* word) {
    while (!AtEnd()) {
      const char c = line_[at_++];
      if (c == '\'') return true;
      const bool escaped_quote = c == '\\' && !AtEnd() && line_[at_] == '\'';
      if (escaped_quote) ++at_;
      word->push_back(escaped_quote ? '\'' : c);
    }
    return false;
  }

  std::string_view line_;
  size_t at_ = 0;
};

}  // namespace

std::optional<int64_t> ParseConfigInteger(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  const std::string_view digits = text.substr(text.front() == '-' ? 1 : 0);
  const bool leading_zero = digits.size() > 1 && digits.front() == '0';
  if (leading_zero || text == "-0") return std::nullopt;
  return value;
}

std::optional<int64_t> ParseConfigOctal(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 8);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<int64_t> ParseConfigMemory(std::string_view text) {
  const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + digits, count);
  if (digits == 0 || error != std::errc() || end != text.data() + digits) return std::nullopt;
  for (const MemoryUnit& unit : kMemoryUnits) {
    if (!EqualsIgnoreCase(text.substr(digits), unit.name)) continue;
    if (count > std::numeric_limits<int64_t>::max() / unit.bytes) return std::nullopt;
    return count * unit.bytes;
  }
  return std::nullopt;
}

std::optional<bool> ParseConfigBool(std::string_view text) {
  if (EqualsIgnoreCase(text, "yes")) return true;
  if (EqualsIgnoreCase(text, "no")) return false;
  return std::nullopt;
}

std::optional<std::vector<std::string>> SplitWords(std::string_view line) {
  return WordReader(line).ReadAll();
}

std::string QuoteWord(std::string_view word) {
  const bool plain = !word.empty() && word.front() != '#' &&
                     word.find_first_of(" \t\r\n\"'\\") == std::string_view::npos;
  bool printable = true;
  for (char c : word) printable = printable && c >= ' ' && c <= '~';
  if (plain && printable) return std::string(word);
  std::string quoted = "\"";
  for (char c : word) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (c >= ' ' && c <= '~') {
      quoted += c;
    } else {
      quoted += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
  }
  return quoted + '"';
}

}  // namespace server
