// One damage to one file of a data directory, drawn so that every kind of file and region is met.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "engine/journal_format.h"

namespace tests {

// Where the journal's records lie; of the files as they are when the object is made.
class JournalMap {
 public:
  struct Piece {
    std::string file;  // Relative to the data directory.
    uint64_t offset = 0;
    uint64_t bytes = 0;  // With header, without padding.
    engine::Turn turn = 0;
  };
  explicit JournalMap(const std::string& directory);

  const std::vector<Piece>& pieces() const { return pieces_; }
  engine::Turn last_turn() const { return last_turn_; }

 private:
  std::vector<Piece> pieces_;
  engine::Turn last_turn_ = 0;
};

enum class DamageKind { kFlip, kTruncate, kOverwrite, kRemove };

struct Damage {
  DamageKind kind = DamageKind::kFlip;
  std::string file;
  uint64_t begin = 0;  // Of the bytes that are touched.
  uint64_t end = 0;
  std::string words;  // All of it, for people.
};

struct DamageWeights {
  bool flips = true;
  bool truncations = true;
  bool others = true;  // Overwritten sectors, missing files.
};

// Whether the damage has touched the records of all turns above `turn`.
bool CoversAllAbove(const JournalMap& map, const Damage& damage, engine::Turn turn);
// Fills the records above `turn` with zeros, as if they had never been written.
void Erase(const std::string& directory, const JournalMap& map, engine::Turn turn);

// Draws a damage and does it. The directory is a copy: it is not used for anything else after it.
Damage DoDamage(const std::string& directory, const JournalMap& map, const DamageWeights& weights,
                std::mt19937_64& random);

std::string ReadFile(const std::string& path);
void WriteFile(const std::string& path, const std::string& bytes);

}  // namespace tests
