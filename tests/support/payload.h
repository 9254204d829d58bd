// Entry payloads in wire form, as the engine keeps them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tests {

inline std::string Bulk(std::string_view text) {
  return "$" + std::to_string(text.size()) + "\r\n" + std::string(text) + "\r\n";
}

inline std::string Payload(const std::vector<std::string>& fields_and_values) {
  std::string payload;
  for (const std::string& text : fields_and_values) {
    payload += Bulk(text);
  }
  return payload;
}

}  // namespace tests
