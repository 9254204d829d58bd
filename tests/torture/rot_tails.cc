#include "tests/torture/rot_tails.h"

#include <algorithm>

namespace tests {
namespace {

constexpr uint64_t kTailBytes = 8192;

// The segment with the last record, and where that record begins and ends in it.
struct Tail {
  std::string file;
  uint64_t begin = 0;
  uint64_t end = 0;
};

Tail FindTail(const JournalMap& map) {
  Tail tail;
  for (const JournalMap::Piece& piece : map.pieces()) {
    if (piece.turn == map.last_turn() && piece.offset + piece.bytes >= tail.end) {
      tail = {piece.file, piece.offset, piece.offset + piece.bytes};
    }
  }
  return tail;
}

// Bytes of whole old records from an earlier place of the journal.
std::string OldBytes(const std::string& bytes, const JournalMap& map, const std::string& file,
                     size_t size, std::mt19937_64& random) {
  std::vector<uint64_t> offsets;
  for (const JournalMap::Piece& piece : map.pieces()) {
    if (piece.file == file) {
      offsets.push_back(piece.offset);
    }
  }
  return bytes.substr(offsets[random() % offsets.size()], size);
}

}  // namespace

Damage DamageTail(const std::string& directory, const JournalMap& map, std::mt19937_64& random) {
  const Tail tail = FindTail(map);
  const std::string path = directory + "/" + tail.file;
  std::string bytes = ReadFile(path);
  // Within the last record, or up to 8 KB behind it.
  const uint64_t last = std::min<uint64_t>(bytes.size(), tail.end + kTailBytes);
  const uint64_t first = random() % 2 == 0 ? tail.begin : (tail.end + 7) / 8 * 8;
  const uint64_t at = first + random() % std::max<uint64_t>(last - first, 1);
  const uint64_t until = std::min<uint64_t>(bytes.size(), at + 1 + random() % kTailBytes);
  Damage damage{DamageKind::kOverwrite, tail.file, at, until, ""};
  std::string what;
  switch (random() % 4) {
    case 0:
      bytes.resize(at);
      damage.kind = DamageKind::kTruncate;
      what = "cut off";
      break;
    case 1:
      std::fill(bytes.begin() + static_cast<ptrdiff_t>(at),
                bytes.begin() + static_cast<ptrdiff_t>(until), '\0');
      what = "zeros";
      break;
    case 2:
      std::generate(bytes.begin() + static_cast<ptrdiff_t>(at),
                    bytes.begin() + static_cast<ptrdiff_t>(until),
                    [&random] { return static_cast<char>(random()); });
      what = "noise";
      break;
    default: {
      const std::string old = OldBytes(bytes, map, tail.file, until - at, random);
      bytes.replace(at, old.size(), old);
      what = "old records";
    }
  }
  WriteFile(path, bytes);
  damage.words = tail.file + " " + what + " from " + std::to_string(at) + ", last record ends at " +
                 std::to_string(tail.end);
  return damage;
}

}  // namespace tests
