// The one table of options: the command line, the configuration file, CONFIG GET, SET and REWRITE
// and docs/configuration.md read it.
//
// Adding an option: a member of Settings, a row, the table in docs/configuration.md (a test writes
// it). Thread: any; immutable.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "server/core/settings.h"

namespace server {

enum class OptionKind : uint8_t {
  kBool,
  kInteger,
  kOctal,
  kMemory,
  kEnum,
  kString,
  kSpecial,  // Has functions of its own.
  kIgnored,  // A word of redis.conf that is accepted, changes nothing and is not kept.
};

enum OptionFlag : uint8_t {
  kMutable = 1u << 0,    // CONFIG SET may change it.
  kProtected = 1u << 1,  // CONFIG SET may not, for safety.
  kNoEffect = 1u << 2,   // Kept and read back; nothing acts on it.
  kManyWords = 1u << 3,  // The value is a list of words.
  kRules = 1u << 4,      // A text of rules; each line of the file may add one, as words.
};

struct EnumValue {
  std::string_view name;
  int64_t value = 0;
};

// How a special option takes its words.
enum class AssignMode : uint8_t {
  kLine,   // A line of the file: several of them may add up.
  kWhole,  // CONFIG SET: the whole value.
};

// What is wrong, in the words of CONFIG SET; empty = fine.
using AssignFunction = std::string (*)(std::span<const std::string> words, AssignMode mode,
                                       Settings* settings);
using ShowFunction = std::string (*)(const Settings& settings);

using OptionTarget =
    std::variant<std::monostate, bool Settings::*, int64_t Settings::*, std::string Settings::*>;

struct OptionSpec {
  std::string_view name;
  OptionKind kind = OptionKind::kIgnored;
  uint8_t flags = 0;
  std::string_view default_text = {};
  OptionTarget target = {};
  int64_t min = 0;
  int64_t max = 0;
  std::span<const EnumValue> values = {};
  AssignFunction assign = nullptr;
  ShowFunction show = nullptr;
  std::string_view alias = {};  // An older name that means the same.
  std::string_view summary = {};
};

// Sorted by name, without those that are ignored.
std::span<const OptionSpec> AllOptions();
// In any case, by name or alias. Null when there is none.
const OptionSpec* FindOption(std::string_view name);

// One of the accepted words without meaning, a kIgnored row. Null when there is none.
const OptionSpec* FindIgnoredOption(std::string_view name);

// Sets one option. What is wrong, in the words of CONFIG SET; empty = fine.
std::string AssignOption(const OptionSpec& option, std::span<const std::string> words,
                         AssignMode mode, Settings* settings);
// The value as CONFIG GET shows it. Precondition: not kIgnored.
std::string ShowOption(const OptionSpec& option, const Settings& settings);

// Settings with every option at its default.
Settings DefaultSettings();

}  // namespace server
