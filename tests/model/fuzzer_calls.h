// What the fuzzer's commands share: calls on what was drawn, and how their arguments are shown.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tests/model/fuzzer.h"

namespace tests {

inline std::string Text(const std::vector<StreamId>& ids) {
  std::string out;
  for (size_t i = 0; i < ids.size() && i < 8; ++i) {
    out += " " + ids[i].ToString();
  }
  return out + (ids.size() > 8 ? " ... " + std::to_string(ids.size()) : "");
}

inline ModelRow RowOf(StreamId id, const engine::EntryView* entry) {
  return {id, entry == nullptr ? std::nullopt
                               : std::optional<std::string>(std::string(entry->payload))};
}

}  // namespace tests
