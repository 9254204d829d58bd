#include "engine/stream_id.h"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace engine {
namespace {

constexpr size_t kMaxIdArgumentBytes = 127;

// Digits, in front of them blanks, one plus and leading zeros, as clients may pad.
std::optional<uint64_t> ParseNumber(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t\n\v\f\r"), text.size()));
  if (text.starts_with('+')) {
    text.remove_prefix(1);
  }
  uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) {
    return std::nullopt;
  }
  return value;
}

}  // namespace

std::optional<StreamId> StreamId::Next() const {
  if (seq != UINT64_MAX) {
    return StreamId{ms, seq + 1};
  }
  if (ms != UINT64_MAX) {
    return StreamId{ms + 1, 0};
  }
  return std::nullopt;
}

std::optional<StreamId> StreamId::Previous() const {
  if (seq != 0) {
    return StreamId{ms, seq - 1};
  }
  if (ms != 0) {
    return StreamId{ms - 1, UINT64_MAX};
  }
  return std::nullopt;
}

std::string StreamId::ToString() const {
  char buffer[kMaxStreamIdText];
  return std::string(buffer, FormatStreamId(*this, buffer));
}

size_t FormatStreamId(StreamId id, char* buffer) {
  // Many ids in a row have the same milliseconds; their digits and the dash are kept.
  struct Kept {
    uint64_t ms = 0;
    size_t size = 2;
    char text[kMaxStreamIdText] = {'0', '-'};
  };
  thread_local Kept kept;
  if (id.ms != kept.ms) {
    kept.ms = id.ms;
    char* const dash = std::to_chars(kept.text, kept.text + sizeof(kept.text), id.ms).ptr;
    *dash = '-';
    kept.size = static_cast<size_t>(dash + 1 - kept.text);
  }
  std::memcpy(buffer, kept.text, sizeof(kept.text));  // A constant size is a few moves.
  const char* const end = std::to_chars(buffer + kept.size, buffer + kMaxStreamIdText, id.seq).ptr;
  return static_cast<size_t>(end - buffer);
}

std::optional<StreamId> ParseStreamIdStrict(std::string_view text, uint64_t missing_seq) {
  if (text.size() > kMaxIdArgumentBytes) {
    return std::nullopt;
  }
  const size_t dash = text.find('-');
  const std::optional<uint64_t> ms = ParseNumber(text.substr(0, dash));
  if (!ms.has_value()) {
    return std::nullopt;
  }
  if (dash == std::string_view::npos) {
    return StreamId{*ms, missing_seq};
  }
  const std::optional<uint64_t> seq = ParseNumber(text.substr(dash + 1));
  if (!seq.has_value()) {
    return std::nullopt;
  }
  return StreamId{*ms, *seq};
}

std::optional<StreamId> ParseStreamIdLoose(std::string_view text, uint64_t missing_seq) {
  if (text == "-") {
    return StreamId::Min();
  }
  if (text == "+") {
    return StreamId::Max();
  }
  return ParseStreamIdStrict(text, missing_seq);
}

}  // namespace engine
