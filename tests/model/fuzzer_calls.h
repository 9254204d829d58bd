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

// `call(op, stream)`; kNotFound when there is no such key.
template <typename Call>
auto Fuzzer::OnStream(Call call) {
  using Answer = decltype(call(std::declval<engine::Op&>(), std::declval<engine::Stream&>()));
  return engine_.Run(db_, [&](engine::Op& op) -> Answer {
    ASSIGN_OR_RETURN(engine::Stream * stream, engine_->OpenStream(op, key_));
    return call(op, *stream);
  });
}

template <typename Call>
auto Fuzzer::OnGroup(Call call) {
  return OnStream(
      [&](engine::Op& op,
          engine::Stream& stream) -> decltype(call(op, stream, std::declval<engine::Group&>())) {
        ASSIGN_OR_RETURN(engine::Group * group, engine_->OpenGroup(op, stream, group_));
        return call(op, stream, *group);
      });
}

}  // namespace tests
