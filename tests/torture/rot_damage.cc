#include "tests/torture/rot_damage.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string_view>

namespace tests {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kSectorBytes = 512;

uint64_t Draw(std::mt19937_64& random, uint64_t below) { return below == 0 ? 0 : random() % below; }

// Kinds of files, with how often each is chosen (of 100).
struct FileKind {
  std::string_view pattern;  // Part of the path.
  uint64_t weight;
};
constexpr FileKind kFileKinds[] = {
    {"journal/segment-", 36}, {".sst", 38},    {"MANIFEST-", 10}, {"CURRENT", 5},
    {"OPTIONS-", 4},          {"IDENTITY", 3}, {"LOCK", 2},       {".log", 2}};

std::vector<std::string> FilesOf(const std::string& directory, std::string_view pattern) {
  std::vector<std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    const std::string name = fs::relative(entry.path(), directory).string();
    if (entry.is_regular_file() && name.find(pattern) != std::string::npos) {
      files.push_back(name);
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::string PickFile(const std::string& directory, std::mt19937_64& random) {
  for (;;) {
    uint64_t ticket = Draw(random, 100);
    for (const FileKind& kind : kFileKinds) {
      if (ticket < kind.weight) {
        const auto files = FilesOf(directory, kind.pattern);
        if (!files.empty()) {
          return files[Draw(random, files.size())];
        }
        break;
      }
      ticket -= kind.weight;
    }
  }
}

// A place in a segment: its header, a header of a fragment, a payload, the last record, anywhere.
uint64_t PlaceInSegment(const std::string& file, uint64_t size, const JournalMap& map,
                        std::mt19937_64& random) {
  std::vector<const JournalMap::Piece*> pieces;
  for (const auto& piece : map.pieces()) {
    if (piece.file == file) {
      pieces.push_back(&piece);
    }
  }
  const uint64_t region = Draw(random, 10);
  if (region < 2 || (pieces.empty() && region < 6)) {
    return Draw(random, 2) == 0 ? Draw(random, 4096) : Draw(random, 88) + 2048 * Draw(random, 2);
  }
  if (region == 9 || pieces.empty()) {
    return Draw(random, size);
  }
  const auto& piece = region == 8 ? *pieces.back() : *pieces[Draw(random, pieces.size())];
  return piece.offset + Draw(random, region < 5 ? engine::kFragmentHeaderBytes : piece.bytes);
}

// Data blocks are most of a table; the index, the filter and the footer are at its end.
uint64_t PlaceInTable(uint64_t size, std::mt19937_64& random) {
  const uint64_t region = Draw(random, 10);
  const uint64_t tail = region < 1 ? 53 : region < 3 ? 1024 : size;
  return size - 1 - Draw(random, std::min(tail, size));
}

uint64_t PlaceIn(const std::string& file, uint64_t size, const JournalMap& map,
                 std::mt19937_64& random) {
  if (file.find("journal/") != std::string::npos) {
    return PlaceInSegment(file, size, map, random);
  }
  return file.ends_with(".sst") ? PlaceInTable(size, random) : Draw(random, size);
}

void Overwrite(std::string* bytes, Damage* damage, std::mt19937_64& random) {
  damage->begin = damage->begin / kSectorBytes * kSectorBytes;
  damage->end =
      std::min<uint64_t>(damage->begin + kSectorBytes * (1 + Draw(random, 8)), bytes->size());
  const uint64_t how = Draw(random, 3);
  const uint64_t from = Draw(random, bytes->size() - (damage->end - damage->begin) + 1);
  const std::string elsewhere = bytes->substr(from, damage->end - damage->begin);
  for (uint64_t i = damage->begin; i < damage->end; ++i) {
    (*bytes)[i] = how == 0   ? '\0'
                  : how == 1 ? static_cast<char>(random())
                             : elsewhere[i - damage->begin];
  }
  damage->words = how == 0 ? "zeros" : how == 1 ? "random bytes" : "bytes from elsewhere";
}

// A segment that is missing altogether may not be told from one that never was, if it is the newest
// and no spare says otherwise yet.
DamageKind PickKind(const std::string& file, const DamageWeights& weights,
                    std::mt19937_64& random) {
  const bool may_go = file.find("journal/") == std::string::npos;
  for (;;) {
    const uint64_t ticket = Draw(random, 20);
    if (ticket < 13) {
      if (weights.flips) return DamageKind::kFlip;
    } else if (ticket < 17) {
      if (weights.truncations) return DamageKind::kTruncate;
    } else if (weights.others) {
      return ticket < 19 || !may_go ? DamageKind::kOverwrite : DamageKind::kRemove;
    }
  }
}

}  // namespace

std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void WriteFile(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

JournalMap::JournalMap(const std::string& directory) {
  for (const std::string& file : FilesOf(directory, "journal/segment-")) {
    const std::string bytes = ReadFile(directory + "/" + file);
    const auto header = engine::DecodeSegmentHeaderBlock(bytes.substr(0, 4096));
    if (!header || header->state != engine::SegmentState::kActive) {
      continue;
    }
    const uint64_t seed = engine::SegmentSeed(header->store_id, header->sequence);
    for (uint64_t at = engine::kSegmentHeaderBlockBytes;
         at + engine::kFragmentHeaderBytes <= bytes.size();) {
      const auto fragment = engine::DecodeFragment(bytes, at, seed);
      if (!fragment) {
        at += engine::kFragmentAlignment;
        continue;
      }
      pieces_.push_back({file, at, engine::kFragmentHeaderBytes + fragment->header.length,
                         fragment->header.turn});
      last_turn_ = std::max(last_turn_, fragment->header.turn);
      at += engine::FragmentBytes(fragment->header.length);
    }
  }
}

bool CoversAllAbove(const JournalMap& map, const Damage& damage, engine::Turn turn) {
  std::set<engine::Turn> untouched;
  std::set<engine::Turn> touched;
  for (const JournalMap::Piece& piece : map.pieces()) {
    if (piece.turn > turn) {
      const bool is_hit = piece.file == damage.file && piece.offset < damage.end &&
                          damage.begin < piece.offset + piece.bytes;
      (is_hit ? touched : untouched).insert(piece.turn);
    }
  }
  return std::includes(touched.begin(), touched.end(), untouched.begin(), untouched.end());
}

void Erase(const std::string& directory, const JournalMap& map, engine::Turn turn) {
  for (const JournalMap::Piece& piece : map.pieces()) {
    if (piece.turn > turn) {
      std::string bytes = ReadFile(directory + "/" + piece.file);
      bytes.replace(piece.offset, piece.bytes, std::string(piece.bytes, '\0'));
      WriteFile(directory + "/" + piece.file, bytes);
    }
  }
}

Damage DoDamage(const std::string& directory, const JournalMap& map, const DamageWeights& weights,
                std::mt19937_64& random) {
  Damage damage;
  damage.file = PickFile(directory, random);
  const std::string path = directory + "/" + damage.file;
  std::string bytes = ReadFile(path);
  damage.kind = bytes.empty() ? DamageKind::kRemove : PickKind(damage.file, weights, random);
  damage.begin = bytes.empty() ? 0 : PlaceIn(damage.file, bytes.size(), map, random);
  damage.end = damage.begin + 1;
  std::string what;
  switch (damage.kind) {
    case DamageKind::kFlip: {
      const auto bit = static_cast<unsigned>(Draw(random, 8));
      bytes[damage.begin] = static_cast<char>(bytes[damage.begin] ^ (1U << bit));
      what = "bit " + std::to_string(bit);
      break;
    }
    case DamageKind::kTruncate:
      damage.end = bytes.size();
      bytes.resize(damage.begin);
      what = "truncated";
      break;
    case DamageKind::kOverwrite:
      Overwrite(&bytes, &damage, random);
      what = damage.words;
      break;
    case DamageKind::kRemove:
      damage.begin = 0;
      damage.end = bytes.size();
      what = "removed";
      break;
  }
  damage.words = damage.file + " " + what + " at " + std::to_string(damage.begin) + " to " +
                 std::to_string(damage.end);
  if (damage.kind == DamageKind::kRemove) {
    fs::remove(path);
  } else {
    WriteFile(path, bytes);
  }
  return damage;
}

}  // namespace tests
