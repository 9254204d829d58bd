// The 128-bit id of an entry: milliseconds and a sequence number, ordered as a pair.
// Grammar and arithmetic: streams specification section 2.2. Thread: any.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace engine {

struct StreamId {
  uint64_t ms = 0;
  uint64_t seq = 0;

  auto operator<=>(const StreamId&) const = default;

  static constexpr StreamId Min() { return {0, 0}; }
  static constexpr StreamId Max() { return {UINT64_MAX, UINT64_MAX}; }
  bool IsZero() const { return ms == 0 && seq == 0; }

  // The id right after / before this one, carrying between the two numbers; nothing past the ends.
  std::optional<StreamId> Next() const;
  std::optional<StreamId> Previous() const;

  std::string ToString() const;
};

// Longest printed form: two 20-digit numbers and a dash.
inline constexpr size_t kMaxStreamIdText = 41;

// Prints `id` as "ms-seq" into `buffer`, which has room for kMaxStreamIdText bytes.
// Returns the number of bytes written; no terminating zero.
size_t FormatStreamId(StreamId id, char* buffer);

// What stands for the sequence when the text has no dash: 0, or 2^64-1 for the end of a range.
// "Strict": `-` and `+` are not ids. Nothing on any failure. At most 127 bytes are accepted.
std::optional<StreamId> ParseStreamIdStrict(std::string_view text, uint64_t missing_seq);
// "Loose": also `-` for Min() and `+` for Max().
std::optional<StreamId> ParseStreamIdLoose(std::string_view text, uint64_t missing_seq);

}  // namespace engine
