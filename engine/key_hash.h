// Hashes of key names. Thread: any.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "engine/limits.h"

namespace engine {

// Stable over versions and machines: part of the disk format and of SCAN's order.
uint64_t Hash64(std::string_view bytes);

// For maps whose keys clients choose: SipHash under a key drawn at start, so that nobody can make
// colliding names. Transparent, for look-ups by std::string_view.
struct HashedName {
  std::string_view name;
  size_t hash = 0;  // A KeyedHash.
};
// Any name with this hash; seldom another one: what is found by it is a guess.
struct NameGuess {
  size_t hash = 0;
};
struct KeyedHash {
  using is_transparent = void;
  size_t operator()(std::string_view bytes) const;
  size_t operator()(const HashedName& hashed) const { return hashed.hash; }
  size_t operator()(NameGuess guess) const { return guess.hash; }
};
struct BytesEqual {
  using is_transparent = void;
  bool operator()(std::string_view a, std::string_view b) const { return a == b; }
  bool operator()(std::string_view a, const HashedName& b) const { return a == b.name; }
  bool operator()(std::string_view, NameGuess) const { return true; }
};

// The hashes of names that are about to be looked up in this order, by where the names lie. Thread:
// one.
class NameHashes {
 public:
  // The bytes stay as they are until Clear() or the next call. Those behind kLookaheadNames are
  // left out.
  void Set(std::span<const std::string_view> names);
  void Clear() { size_ = 0; }
  size_t size() const { return size_; }
  size_t at(size_t index) const { return names_[index].hash; }
  // Of any name; of the next one that is expected, and the one behind it, it is known.
  size_t Of(std::string_view name);

 private:
  std::array<HashedName, kLookaheadNames> names_;
  size_t size_ = 0;
  size_t next_ = 0;
};

}  // namespace engine
