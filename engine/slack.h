// Giving back the room of tables that were once much larger than they are now.
#pragma once

#include <cstddef>

namespace engine {

// A table may have room for so many times what it holds, and for so many elements in any case.
inline constexpr size_t kSlackFactor = 8;
inline constexpr size_t kSlackElements = 1024;

template <typename Table>
bool HasMuchSlack(const Table& table) {
  return table.capacity() > kSlackElements && table.capacity() / kSlackFactor > table.size();
}

template <typename Map>
void TrimMap(Map* map) {
  if (HasMuchSlack(*map)) {
    map->rehash(0);
  }
}

template <typename Vector>
void TrimVector(Vector* vector) {
  if (HasMuchSlack(*vector)) {
    vector->shrink_to_fit();
  }
}

}  // namespace engine
