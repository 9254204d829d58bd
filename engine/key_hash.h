// Hashes of key names. Thread: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace engine {

// Stable over versions and machines: part of the disk format and of SCAN's order.
uint64_t Hash64(std::string_view bytes);

// For maps whose keys clients choose: SipHash under a key drawn at start, so that nobody can make
// colliding names. Transparent, for look-ups by std::string_view.
struct KeyedHash {
  using is_transparent = void;
  size_t operator()(std::string_view bytes) const;
};
struct BytesEqual {
  using is_transparent = void;
  bool operator()(std::string_view a, std::string_view b) const { return a == b; }
};

}  // namespace engine
