#include "engine/hash_slot.h"

#include <array>

namespace engine {
namespace {

constexpr uint16_t kPolynomial = 0x1021;
constexpr uint16_t kSlots = 16384;

constexpr std::array<uint16_t, 256> MakeTable() {
  std::array<uint16_t, 256> table = {};
  for (size_t byte = 0; byte < table.size(); ++byte) {
    auto value = static_cast<uint32_t>(byte) << 8;
    for (int bit = 0; bit < 8; ++bit) {
      value = (value & 0x8000) != 0 ? (value << 1) ^ kPolynomial : value << 1;
    }
    table[byte] = static_cast<uint16_t>(value);
  }
  return table;
}

constexpr std::array<uint16_t, 256> kTable = MakeTable();

}  // namespace

std::string_view HashTag(std::string_view key) {
  const size_t open = key.find('{');
  if (open == std::string_view::npos) {
    return key;
  }
  const size_t close = key.find('}', open + 1);
  if (close == std::string_view::npos || close == open + 1) {
    return key;
  }
  return key.substr(open + 1, close - open - 1);
}

uint16_t HashSlot(std::string_view key) {
  uint32_t crc = 0;
  for (const char byte : HashTag(key)) {
    const uint32_t index = ((crc >> 8) ^ static_cast<uint8_t>(byte)) & 0xff;
    crc = ((crc << 8) ^ kTable[index]) & 0xffff;
  }
  return static_cast<uint16_t>(crc % kSlots);
}

}  // namespace engine
