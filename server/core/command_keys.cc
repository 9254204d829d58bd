#include "server/core/command_keys.h"

#include <algorithm>
#include <charconv>
#include <cstddef>

#include "server/core/text.h"

namespace server {
namespace {

struct ReadOption {
  std::string_view word;
  size_t values = 0;
};
constexpr ReadOption kReadOptions[] = {{"BLOCK", 1}, {"COUNT", 1}, {"GROUP", 2}, {"NOACK", 0}};

const ReadOption* FindReadOption(std::string_view word) {
  for (const ReadOption& option : kReadOptions) {
    if (EqualsIgnoreCase(word, option.word)) return &option;
  }
  return nullptr;
}

}  // namespace

bool FindStreamsKeys(std::span<const std::string_view> args, std::vector<int>* positions) {
  size_t position = 1;
  while (position < args.size() && !EqualsIgnoreCase(args[position], "STREAMS")) {
    const ReadOption* option = FindReadOption(args[position]);
    if (option == nullptr) return false;
    position += 1 + option->values;
  }
  if (position >= args.size()) return false;
  const size_t names = args.size() - position - 1;
  if (names == 0 || names % 2 != 0) return false;
  for (size_t i = 0; i < names / 2; ++i) positions->push_back(static_cast<int>(position + 1 + i));
  return true;
}

bool FindRedriveKeys(std::span<const std::string_view> args, std::vector<int>* positions) {
  positions->push_back(1);
  for (size_t i = 2; i + 1 < args.size(); i += 2) {
    if (EqualsIgnoreCase(args[i], "TO")) positions->push_back(static_cast<int>(i + 1));
    // Behind its ids there may be more options.
    if (EqualsIgnoreCase(args[i], "IDS")) {
      size_t count = 0;
      const std::string_view text = args[i + 1];
      std::from_chars(text.data(), text.data() + text.size(), count);
      i += std::min(count, args.size());
    }
  }
  return true;
}

bool HasKeys(const CommandSpec& spec) {
  if (spec.key_flags == "not_key") return false;
  return spec.keys.first > 0 || spec.find_keys != nullptr;
}

bool FindKeys(const CommandSpec& spec, std::span<const std::string_view> args,
              std::vector<int>* positions) {
  if (spec.find_keys != nullptr) return spec.find_keys(args, positions);
  if (spec.keys.first == 0) return true;
  const int count = static_cast<int>(args.size());
  const int last = spec.keys.last < 0 ? count + spec.keys.last : spec.keys.last;
  if (last >= count) return false;
  for (int i = spec.keys.first; i <= last; i += spec.keys.step) positions->push_back(i);
  return true;
}

}  // namespace server
