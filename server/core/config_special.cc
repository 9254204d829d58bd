#include "server/core/config_special.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "fmt/format.h"
#include "fmt/ranges.h"
#include "server/core/config_value.h"
#include "server/core/text.h"

namespace server {
namespace {

constexpr size_t kMaxBindAddresses = 16;

constexpr std::string_view kClientClassNames[kClientClasses] = {"normal", "slave", "pubsub"};

std::optional<size_t> FindClientClass(std::string_view name) {
  if (EqualsIgnoreCase(name, "replica")) return static_cast<size_t>(ClientClass::kReplica);
  for (size_t i = 0; i < kClientClasses; ++i) {
    if (EqualsIgnoreCase(name, kClientClassNames[i])) return i;
  }
  return std::nullopt;
}

// Letters of event classes, in the order in which they are read back. `A` stands for the first
// nine.
constexpr std::string_view kEventClasses = "g$lshzxet";
constexpr std::string_view kOtherEventLetters = "dKEmnoc";
constexpr std::string_view kEventLetters = "Ag$lshzxetdKEmnoc";

constexpr std::string_view kEventsRefusal =
    "Invalid event class character. Use 'Ag$lshzxeKEtmdnoc'.";

constexpr std::string_view kAutomaticWord = "auto";

std::string AssignBytesOrAuto(const std::string& word, int64_t* bytes) {
  const std::optional<int64_t> given =
      EqualsIgnoreCase(word, kAutomaticWord) ? kAutomatic : ParseConfigMemory(word);
  if (!given || (*given < 0 && *given != kAutomatic)) {
    return "argument must be a memory value or auto";
  }
  *bytes = *given;
  return {};
}

std::string ShowBytesOrAuto(int64_t bytes) {
  return bytes == kAutomatic ? std::string(kAutomaticWord) : std::to_string(bytes);
}

}  // namespace

std::string AssignBind(std::span<const std::string> words, AssignMode, Settings* settings) {
  if (words.size() > kMaxBindAddresses) return "Too many bind addresses specified.";
  // `bind ""` means no address at all.
  const bool none = words.size() == 1 && words[0].empty();
  settings->bind.assign(words.begin(), none ? words.begin() : words.end());
  return {};
}

std::string ShowBind(const Settings& settings) {
  return fmt::format("{}", fmt::join(settings.bind, " "));
}

std::string AssignSave(std::span<const std::string> words, AssignMode mode, Settings* settings) {
  constexpr std::string_view kRefusal = "Invalid save parameters";
  const bool none = words.empty() || (words.size() == 1 && words[0].empty());
  std::vector<SaveRule> rules;
  if (!none && words.size() % 2 != 0) return std::string(kRefusal);
  for (size_t i = 0; !none && i < words.size(); i += 2) {
    const std::optional<int64_t> seconds = ParseConfigInteger(words[i]);
    const std::optional<int64_t> changes = ParseConfigInteger(words[i + 1]);
    if (!seconds || !changes || *seconds < 1 || *changes < 0) return std::string(kRefusal);
    rules.push_back({*seconds, *changes});
  }
  if (none || mode == AssignMode::kWhole) settings->save.clear();
  settings->save.insert(settings->save.end(), rules.begin(), rules.end());
  return {};
}

std::string ShowSave(const Settings& settings) {
  std::string text;
  for (const SaveRule& rule : settings.save) {
    text += fmt::format("{}{} {}", text.empty() ? "" : " ", rule.seconds, rule.changes);
  }
  return text;
}

std::string AssignOutputLimits(std::span<const std::string> words, AssignMode, Settings* settings) {
  constexpr size_t kWordsPerClass = 4;
  if (words.empty() || words.size() % kWordsPerClass != 0) {
    return "Wrong number of arguments in buffer limit configuration.";
  }
  auto limits = settings->client_output_buffer_limit;
  for (size_t i = 0; i < words.size(); i += kWordsPerClass) {
    const std::optional<size_t> kind = FindClientClass(words[i]);
    if (!kind) return "Invalid client class specified in buffer limit configuration.";
    const std::optional<int64_t> hard = ParseConfigMemory(words[i + 1]);
    const std::optional<int64_t> soft = ParseConfigMemory(words[i + 2]);
    const std::optional<int64_t> seconds = ParseConfigInteger(words[i + 3]);
    if (!hard || !soft || !seconds || *seconds < 0) {
      return "Error in hard, soft or soft_seconds setting in buffer limit configuration.";
    }
    limits[*kind] = {*hard, *soft, *seconds};
  }
  settings->client_output_buffer_limit = limits;
  return {};
}

std::string ShowOutputLimits(const Settings& settings) {
  std::string text;
  for (size_t i = 0; i < kClientClasses; ++i) {
    const OutputLimit& limit = settings.client_output_buffer_limit[i];
    text += fmt::format("{}{} {} {} {}", text.empty() ? "" : " ", kClientClassNames[i],
                        limit.hard_bytes, limit.soft_bytes, limit.soft_seconds);
  }
  return text;
}

std::string AssignClientMemory(std::span<const std::string> words, AssignMode, Settings* settings) {
  constexpr int64_t kWhole = 100;
  std::string_view text = words[0];
  if (text.ends_with('%')) {
    text.remove_suffix(1);
    const std::optional<int64_t> percent = ParseConfigInteger(text);
    if (!percent || *percent < 0 || *percent > kWhole) {
      return "argument must be a memory or percent value";
    }
    settings->maxmemory_clients = -*percent;
    return {};
  }
  const std::optional<int64_t> bytes = ParseConfigMemory(text);
  if (!bytes) return "argument must be a memory or percent value";
  settings->maxmemory_clients = *bytes;
  return {};
}

std::string ShowClientMemory(const Settings& settings) {
  const int64_t value = settings.maxmemory_clients;
  return value < 0 ? fmt::format("{}%", -value) : fmt::format("{}", value);
}

std::string AssignKeyspaceEvents(std::span<const std::string> words, AssignMode,
                                 Settings* settings) {
  const std::string& letters = words[0];
  if (letters.find_first_not_of(kEventLetters) != std::string::npos) {
    return std::string(kEventsRefusal);
  }
  const auto has = [&letters](char c) { return letters.find(c) != std::string::npos; };
  std::string classes;
  for (char c : kEventClasses) {
    if (has('A') || has(c)) classes += c;
  }
  std::string others;
  for (char c : kOtherEventLetters) {
    if (has(c)) others += c;
  }
  settings->notify_keyspace_events = (classes == kEventClasses ? "A" : classes) + others;
  return {};
}

std::string ShowKeyspaceEvents(const Settings& settings) { return settings.notify_keyspace_events; }

std::string AssignDaemonize(std::span<const std::string> words, AssignMode, Settings*) {
  const std::optional<bool> on = ParseConfigBool(words[0]);
  if (!on) return "argument must be 'yes' or 'no'";
  if (*on) {
    return "running in the background is not supported: start the server from a service manager, "
           "or with & and nohup";
  }
  return {};
}

std::string ShowDaemonize(const Settings&) { return "no"; }

std::string AssignVersion(std::span<const std::string> words, AssignMode, Settings* settings) {
  const std::string& text = words[0];
  size_t parts = 0;
  int64_t code = 0;
  for (std::string_view rest = text; parts < 3; ++parts) {
    const size_t dot = rest.find('.');
    const std::optional<int64_t> number = ParseConfigInteger(rest.substr(0, dot));
    if (!number || *number < 0 || (dot == std::string_view::npos) != (parts == 2)) break;
    if (parts < 2) code = code * kVersionStep + std::min(*number, kVersionStep - 1);
    rest.remove_prefix(dot == std::string_view::npos ? rest.size() : dot + 1);
  }
  if (parts != 3) return "argument must be a version of three numbers, such as 8.10.0";
  settings->redis_version = text;
  settings->redis_version_code = code;
  return {};
}

std::string ShowVersion(const Settings& settings) { return settings.redis_version; }

std::string AssignPercentiles(std::span<const std::string> words, AssignMode, Settings* settings) {
  std::vector<double> percentiles;
  const bool none = words.size() == 1 && words[0].empty();
  for (const std::string& word : none ? std::span<const std::string>() : words) {
    double value = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (error != std::errc() || end != word.data() + word.size()) {
      return "Invalid latency-tracking-info-percentiles parameters";
    }
    if (!(value >= 0 && value <= 100)) {
      return "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]";
    }
    percentiles.push_back(value);
  }
  settings->latency_percentiles = std::move(percentiles);
  return {};
}

std::string ShowPercentiles(const Settings& settings) {
  return fmt::format("{}", fmt::join(settings.latency_percentiles, " "));
}

std::string AssignMinFreeDisk(std::span<const std::string> words, AssignMode, Settings* settings) {
  return AssignBytesOrAuto(words[0], &settings->min_free_disk);
}

std::string ShowMinFreeDisk(const Settings& settings) {
  return ShowBytesOrAuto(settings.min_free_disk);
}

std::string AssignDiskBallast(std::span<const std::string> words, AssignMode, Settings* settings) {
  return AssignBytesOrAuto(words[0], &settings->disk_ballast);
}

std::string ShowDiskBallast(const Settings& settings) {
  return ShowBytesOrAuto(settings.disk_ballast);
}

std::string AssignDir(std::span<const std::string> words, AssignMode, Settings* settings) {
  if (words[0].empty()) return "argument must be a directory";
  std::error_code error;
  const std::filesystem::path path = std::filesystem::absolute(words[0], error);
  if (error) return error.message();
  settings->dir = path.lexically_normal().string();
  return {};
}

std::string ShowDir(const Settings& settings) { return settings.dir; }

}  // namespace server
