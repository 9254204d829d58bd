#include "server/core/command_table.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

#include "engine/check.h"
#include "server/core/text.h"

namespace server {
namespace {

// A name in lower case, followed by zeros up to the capacity, so that it can be hashed by words.
class LowerName {
 public:
  LowerName() { bytes_.fill(0); }

  // False when it does not fit.
  bool Append(std::string_view text) {
    if (text.size() > bytes_.size() - size_) return false;
    for (char c : text) bytes_[size_++] = LowerCase(c);
    return true;
  }
  std::string_view view() const { return {bytes_.data(), size_}; }

  uint64_t Hash(uint64_t seed) const {
    uint64_t hash = seed;
    for (size_t at = 0; at < size_; at += sizeof(uint64_t)) {
      uint64_t word = 0;
      std::memcpy(&word, bytes_.data() + at, sizeof(word));
      hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
      hash ^= hash >> 32;
    }
    return hash;
  }

 private:
  std::array<char, kMaxCommandNameBytes> bytes_;
  size_t size_ = 0;
};
static_assert(kMaxCommandNameBytes % sizeof(uint64_t) == 0);

// The sorted rows and a hash without collisions over their names: a look-up is one hash and one
// comparison. The seed is found by trying; a wide table makes that a matter of a few steps.
class CommandTable {
 public:
  CommandTable() {
    for (std::span<const CommandSpec> family :
         {StreamCommands(), ScheduleCommands(), GroupCommands(), ConnectionCommands(),
          KeyCommands(), StringCommands(), ExpiryCommands(), ObjectCommands(), ServerCommands(),
          AclCommands(), DiagnosisCommands(), TopologyCommands(), TransactionCommands(),
          PubSubCommands()}) {
      rows_.insert(rows_.end(), family.begin(), family.end());
    }
    std::ranges::sort(rows_, {}, &CommandSpec::name);
    for (size_t i = 0; i < rows_.size(); ++i) rows_[i].index = static_cast<uint16_t>(i);
    for (const CommandSpec& row : rows_) CheckRow(row);
    top_level_count_ = static_cast<size_t>(
        std::ranges::count_if(rows_, [](const CommandSpec& row) { return !IsSubcommand(row); }));
    while (!Index(seed_)) ++seed_;
  }

  std::span<const CommandSpec> rows() const { return rows_; }
  size_t top_level_count() const { return top_level_count_; }

  const CommandSpec* Find(const LowerName& name) const {
    const uint16_t slot = slots_[name.Hash(seed_) >> kSlotShift];
    if (slot == 0) return nullptr;
    const CommandSpec& row = rows_[slot - 1u];
    return row.name == name.view() ? &row : nullptr;
  }

 private:
  static constexpr size_t kSlots = 4096;
  // The highest bits: only they depend on every byte of a name.
  static constexpr int kSlotShift = 64 - 12;
  static_assert(kSlots == size_t{1} << (64 - kSlotShift));

  void CheckRow(const CommandSpec& row) const {
    const bool is_last = &row == &rows_.back();
    CHECK(is_last || row.name < (&row + 1)->name);
    CHECK(row.name.size() <= kMaxCommandNameBytes);
    CHECK(row.arity != 0);
    CHECK((row.flags & kContainer) != 0 || row.handler != nullptr);
  }

  bool Index(uint64_t seed) {
    slots_.fill(0);
    for (size_t i = 0; i < rows_.size(); ++i) {
      LowerName name;
      CHECK(name.Append(rows_[i].name));
      uint16_t& slot = slots_[name.Hash(seed) >> kSlotShift];
      if (slot != 0) return false;
      slot = static_cast<uint16_t>(i + 1);
    }
    return true;
  }

  std::vector<CommandSpec> rows_;
  size_t top_level_count_ = 0;
  uint64_t seed_ = 1;
  std::array<uint16_t, kSlots> slots_;  // Position in rows_ plus 1; 0 = empty.
};

const CommandTable& Table() {
  static const CommandTable table;
  return table;
}

}  // namespace

std::span<const CommandSpec> AllCommands() { return Table().rows(); }

const CommandSpec* FindCommand(std::string_view name) {
  const CommandSpec* spec = FindCommandByFullName(name);
  return spec != nullptr && IsSubcommand(*spec) ? nullptr : spec;
}

const CommandSpec* FindSubcommand(const CommandSpec& container, std::string_view word) {
  LowerName name;
  if (!name.Append(container.name) || !name.Append("|") || !name.Append(word)) return nullptr;
  return Table().Find(name);
}

const CommandSpec* FindCommandByFullName(std::string_view name) {
  LowerName lower;
  return lower.Append(name) ? Table().Find(lower) : nullptr;
}

std::span<const CommandSpec> SubcommandsOf(const CommandSpec& container) {
  const std::span<const CommandSpec> rows = AllCommands();
  if ((container.flags & kContainer) == 0) return {};
  const size_t first = CommandIndex(container) + 1;
  size_t end = first;
  while (end < rows.size() && IsSubcommand(rows[end])) ++end;
  return rows.subspan(first, end - first);
}

size_t TopLevelCommandCount() { return Table().top_level_count(); }

}  // namespace server
