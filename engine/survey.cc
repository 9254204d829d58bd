#include "engine/survey.h"

#include <optional>

#include "engine/checksum.h"
#include "engine/codec.h"

namespace engine {
namespace {

constexpr uint8_t kSurveyVersion = 1;

}  // namespace

std::string EncodeSurvey(const Survey& survey) {
  std::string out;
  PutU8(&out, kSurveyVersion);
  PutU64(&out, survey.rules);
  PutSignedVarint(&out, survey.offset_ms);
  SealRecord(&out, 0);
  return out;
}

Result<Survey> DecodeSurvey(std::string_view stored) {
  const std::optional<std::string_view> body = OpenRecord(stored);
  if (body.has_value()) {
    Decoder decoder(*body);
    Survey survey;
    const uint8_t version = decoder.ReadU8();
    survey.rules = decoder.ReadU64();
    survey.offset_ms = decoder.ReadSignedVarint();
    if (decoder.AtEnd() && version == kSurveyVersion) {
      return survey;
    }
  }
  return Status(Code::kCorruption, "the store's survey record is damaged");
}

}  // namespace engine
