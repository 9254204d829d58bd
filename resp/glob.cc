#include "resp/glob.h"

#include <algorithm>

namespace resp {
namespace {

unsigned char Fold(char c, GlobCase letter_case) {
  const bool lower = letter_case == GlobCase::kAsciiInsensitive && c >= 'A' && c <= 'Z';
  return static_cast<unsigned char>(lower ? c - 'A' + 'a' : c);
}

struct ElementResult {
  bool matched;
  size_t size;   // pattern bytes of this element
  size_t steps;  // work done
};

// `pattern` starts at '['. In the order of the cases below: an escape, the end, a range, a byte.
ElementResult MatchClass(std::string_view pattern, char c, GlobCase letter_case) {
  const unsigned char wanted = Fold(c, letter_case);
  size_t i = 1;
  const bool negated = i < pattern.size() && pattern[i] == '^';
  if (negated) ++i;
  bool found = false;
  while (i < pattern.size() && pattern[i] != ']') {
    if (pattern[i] == '\\' && pattern.size() - i >= 2) {
      found |= Fold(pattern[i + 1], letter_case) == wanted;
      i += 2;
    } else if (pattern.size() - i >= 3 && pattern[i + 1] == '-') {
      const auto [low, high] =
          std::minmax({Fold(pattern[i], letter_case), Fold(pattern[i + 2], letter_case)});
      found |= low <= wanted && wanted <= high;
      i += 3;
    } else {
      found |= Fold(pattern[i], letter_case) == wanted;
      i += 1;
    }
  }
  const size_t size = std::min(i + 1, pattern.size());
  return {.matched = found != negated, .size = size, .steps = size};
}

// Matches one byte against the element at the start of `pattern`, which is no '*'.
ElementResult MatchElement(std::string_view pattern, char c, GlobCase letter_case) {
  switch (pattern.front()) {
    case '?':
      return {.matched = true, .size = 1, .steps = 1};
    case '[':
      return MatchClass(pattern, c, letter_case);
    case '\\':
      if (pattern.size() >= 2) {
        const bool same = Fold(pattern[1], letter_case) == Fold(c, letter_case);
        return {.matched = same, .size = 2, .steps = 1};
      }
      break;
    default:
      break;
  }
  const bool same = Fold(pattern.front(), letter_case) == Fold(c, letter_case);
  return {.matched = same, .size = 1, .steps = 1};
}

}  // namespace

bool GlobMatch(std::string_view pattern, std::string_view text, GlobCase letter_case,
               size_t max_steps) {
  constexpr size_t kNone = std::string_view::npos;
  size_t p = 0;
  size_t t = 0;
  // On a mismatch only the last star has to take one byte more: what an earlier star could still
  // gain, the last one can gain too. That makes the worst case a product, not an exponential.
  size_t after_star = kNone;
  size_t star_text = 0;
  size_t steps = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      ++steps;
      after_star = ++p;
      star_text = t;
      if (p == pattern.size()) return true;
      continue;
    }
    ElementResult element = {.matched = false, .size = 0, .steps = 1};
    if (p < pattern.size()) element = MatchElement(pattern.substr(p), text[t], letter_case);
    steps += element.steps;
    if (steps > max_steps) return false;
    if (element.matched) {
      p += element.size;
      ++t;
    } else if (after_star != kNone) {
      p = after_star;
      t = ++star_text;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == kNone;
}

bool IsGlobLiteral(std::string_view pattern) {
  return pattern.find_first_of("*?[\\") == std::string_view::npos;
}

}  // namespace resp
