// Under what the steward has last looked at every stream there was; a record of its own in the
// store, docs/disk-format.md. Thread: any.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/status.h"

namespace engine {

struct Survey {
  uint64_t rules = 0;  // PolicyRules::Fingerprint().
  // Unix time minus store time, at the lowest; INT64_MAX: not known.
  int64_t offset_ms = INT64_MAX;
  bool operator==(const Survey&) const = default;
};

std::string EncodeSurvey(const Survey& survey);
Result<Survey> DecodeSurvey(std::string_view stored);

}  // namespace engine
