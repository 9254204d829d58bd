// Golden files: bytes as hex text, with comments from '#' to the end of the line.
#pragma once

#include <cstddef>
#include <fstream>
#include <string>

namespace tests {

inline std::string HexToBytes(const std::string& hex) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(digit(hex[i]) * 16 + digit(hex[i + 1])));
  }
  return bytes;
}

inline std::string BytesToHex(const std::string& bytes) {
  std::string hex;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    hex += "0123456789abcdef"[byte >> 4];
    hex += "0123456789abcdef"[byte & 15];
  }
  return hex;
}

// The bytes of tests/golden/<name>; empty if there is no such file.
inline std::string ReadGolden(const std::string& name) {
  std::string path = WEIR_GOLDEN_DIR;
  path.append(1, '/').append(name);
  std::ifstream file(path);
  std::string hex;
  for (std::string line; std::getline(file, line);) {
    for (const char c : line.substr(0, line.find('#'))) {
      if (c != ' ' && c != '\t' && c != '\r') {
        hex += c;
      }
    }
  }
  return HexToBytes(hex);
}

}  // namespace tests
