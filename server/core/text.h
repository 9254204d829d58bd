// Small questions about ASCII words: comparing without regard to case, as the protocol and the
// configuration do. Bytes outside ASCII only equal themselves.
//
// Thread: any.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace server {

constexpr char LowerCase(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

constexpr char UpperCase(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c & ~0x20) : c; }

constexpr bool EqualsIgnoreCase(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (LowerCase(a[i]) != LowerCase(b[i])) return false;
  }
  return true;
}

inline std::string LowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = LowerCase(c);
  return lower;
}

}  // namespace server
