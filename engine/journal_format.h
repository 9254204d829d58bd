// Bytes of a journal segment: header block, fragments, checksums. Pure functions, thread: any.
// Format: docs/disk-format-journal.md, pinned by tests/golden/journal_record.hex.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/types.h"

namespace engine {

using JournalStoreId = std::array<unsigned char, 16>;

// One turn as Replay yields it.
struct JournalRecord {
  Turn turn = 0;
  int64_t store_ms = 0;
  std::string_view payload;
};

// One turn on its way to the disk.
struct JournalRecordBuffer {
  Turn turn = 0;
  int64_t store_ms = 0;
  std::string payload;
};

inline constexpr uint32_t kJournalFormatVersion = 1;
// Two copies of the header live in the first block of a segment; fragments follow it.
inline constexpr size_t kSegmentHeaderBlockBytes = 4096;
inline constexpr size_t kSegmentHeaderCopyOffset = 2048;
inline constexpr size_t kSegmentHeaderBytes = 88;
inline constexpr size_t kFragmentHeaderBytes = 48;
// Fragments begin at multiples of this.
inline constexpr size_t kFragmentAlignment = 8;
// A first_turn that voids nothing.
inline constexpr Turn kVoidsNothing = UINT64_MAX;

enum class SegmentState : uint32_t { kSpare = 0, kActive = 1 };

struct SegmentHeader {
  SegmentState state = SegmentState::kSpare;
  JournalStoreId store_id{};
  // Active: the place of the segment in the journal. Spare: the highest place used when it was
  // written. Never used twice, since it seeds the checksums.
  uint64_t sequence = 0;
  uint32_t epoch = 0;
  // Records of a lower epoch with this turn or a higher one are void.
  Turn first_turn = kVoidsNothing;
  // The newest checkpoint when the header was written.
  Turn checkpoint_turn = 0;
  Turn durable_turn = 0;
  uint64_t segment_bytes = 0;
  // The file had all of segment_bytes when it got its name: one that is shorter was cut.
  bool has_whole_size = false;

  bool operator==(const SegmentHeader&) const = default;
};

// The whole header block of kSegmentHeaderBlockBytes.
std::string EncodeSegmentHeaderBlock(const SegmentHeader& header);
// The valid copy, of two the one with the higher sequence (then epoch). Nothing if both are
// damaged. `block` has kSegmentHeaderBlockBytes.
std::optional<SegmentHeader> DecodeSegmentHeaderBlock(std::string_view block);

// What the checksums of a segment's fragments start from: bytes of an earlier use never match.
uint64_t SegmentSeed(const JournalStoreId& store_id, uint64_t sequence);

struct FragmentHeader {
  uint32_t length = 0;
  uint32_t epoch = 0;
  Turn turn = 0;
  int64_t store_ms = 0;
  Turn durable_turn = 0;
  uint16_t index = 0;    // 0, 1, ... within the record.
  bool is_last = false;  // The commit mark.

  bool operator==(const FragmentHeader&) const = default;
};

// Bytes that a fragment of `length` payload bytes takes, with its padding.
constexpr uint64_t FragmentBytes(uint64_t length) {
  return (kFragmentHeaderBytes + length + kFragmentAlignment - 1) / kFragmentAlignment *
         kFragmentAlignment;
}

// Writes kFragmentHeaderBytes to `out`. `offset` is where the fragment begins in the segment.
void EncodeFragmentHeader(const FragmentHeader& header, std::string_view payload, uint64_t seed,
                          uint64_t offset, char* out);

struct Fragment {
  FragmentHeader header;
  std::string_view payload;
};
// Whether there is an intact header at `offset`, whatever has become of the payload.
bool HasFragmentHeader(std::string_view segment, uint64_t offset, uint64_t seed);
// The fragment at `offset` of a whole segment in memory, if header and payload are intact.
std::optional<Fragment> DecodeFragment(std::string_view segment, uint64_t offset, uint64_t seed);

}  // namespace engine
