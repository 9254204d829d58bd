#include "engine/lookahead.h"

#include <array>
#include <cstdint>

#include "engine/directory.h"
#include "engine/stream.h"

namespace engine {
namespace {

constexpr size_t kLineBytes = 64;

template <size_t kBytes>
void Fetch(const void* at) {
  for (size_t offset = 0; offset < kBytes; offset += kLineBytes) {
    __builtin_prefetch(static_cast<const char*>(at) + offset, /*rw=*/1);
  }
}

// What an entry that is appended to a block touches.
constexpr size_t kTailBytes = 3 * kLineBytes;

void FetchTails(std::span<const Directory* const> directories) {
  for (const Directory* directory : directories) {
    Fetch<sizeof(DirectoryPage)>(directory->pages().back().get());
  }
  for (const Directory* directory : directories) {
    Fetch<sizeof(BlockSlot)>(&directory->Back());
  }
  std::array<const Block*, kLookaheadNames> blocks;
  size_t count = 0;
  for (const Directory* directory : directories) {
    if (const BlockUnit* unit = directory->Back().unit.get()) {
      Fetch<sizeof(BlockUnit)>(unit);
      blocks[count++] = &unit->block;
    }
  }
  for (const Block* block : std::span(blocks).first(count)) {
    Fetch<kTailBytes>(block->end_of_bytes());
  }
}

}  // namespace

void Lookahead::Prepare(const Database& database, std::span<const std::string_view> names) {
  hashes_.Set(names);
  const size_t count = hashes_.size();
  for (size_t i = 0; i < count; ++i) {
    database.holders.Fetch(hashes_.at(i));
  }
  std::array<const KeyHolder*, kLookaheadNames> holders;
  size_t found = 0;
  for (size_t i = 0; i < count; ++i) {
    if (const KeyHolder* holder = database.holders.Guess(hashes_.at(i))) {
      Fetch<sizeof(Stream)>(holder);
      holders[found++] = holder;
    }
  }
  std::array<const Directory*, kLookaheadNames> directories;
  size_t streams = 0;
  for (const KeyHolder* holder : std::span(holders).first(found)) {
    Fetch<kLineBytes>(holder->key.data());
    if (holder->kind == UnitKind::kStream) {
      const Directory& directory = static_cast<const Stream*>(holder)->directory;
      if (!directory.empty()) {
        Fetch<sizeof(DirectoryPage*)>(&directory.pages().back());
        directories[streams++] = &directory;
      }
    }
  }
  FetchTails(std::span(directories).first(streams));
}

}  // namespace engine
