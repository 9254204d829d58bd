#include "bench/result_file.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

namespace bench {
namespace {

using Json = nlohmann::ordered_json;

bool IsFlat(const Json& json) {
  return std::none_of(json.begin(), json.end(), [](const Json& v) { return v.is_structured(); });
}

void Print(const Json& json, size_t indent, std::string* out) {
  if (!json.is_structured() || (indent > 0 && IsFlat(json))) {
    *out += json.dump();
    return;
  }
  const std::string line_start = '\n' + std::string(indent + 1, ' ');
  *out += json.is_object() ? '{' : '[';
  bool is_first = true;
  for (const auto& [key, value] : json.items()) {
    *out += (is_first ? "" : ",") + line_start;
    if (json.is_object()) *out += Json(key).dump() + ": ";
    Print(value, indent + 1, out);
    is_first = false;
  }
  *out += line_start.substr(0, indent + 1) + (json.is_object() ? '}' : ']');
}

}  // namespace

Problem WriteFile(const std::string& path, std::string_view text) {
  std::ofstream file(path, std::ios::trunc);
  file << text;
  file.close();
  return file.good() ? "" : "cannot write " + path;
}

Json ToJson(const Environment& environment) {
  return {{"date", environment.date},
          {"commit", environment.commit},
          {"compiler", environment.compiler},
          {"kernel", environment.kernel},
          {"cpu_model", environment.cpu_model},
          {"cpu_count", environment.cpu_count},
          {"disk", environment.disk}};
}

Problem WriteResult(const std::string& path, const Json& json) {
  if (path.empty()) return "";
  std::string text;
  Print(json, 0, &text);
  return WriteFile(path, text + '\n');
}

}  // namespace bench
