#include "engine/fault_point.h"

#ifdef WEIR_FAULT_POINTS

#include <atomic>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace engine {
namespace {

// "name:n" from the environment, with a count of the passes so far.
struct Choice {
  explicit Choice(const char* variable, uint64_t default_number) : number(default_number) {
    const char* value = std::getenv(variable);
    if (value == nullptr) {
      return;
    }
    const std::string_view text = value;
    const size_t colon = text.rfind(':');
    name = text.substr(0, colon);
    // RocksDB's names have colons of their own: what is not a number belongs to the name.
    if (colon != std::string_view::npos) {
      const char* end = text.data() + text.size();
      const auto [rest, error] = std::from_chars(text.data() + colon + 1, end, number);
      if (error != std::errc() || rest != end || number == 0) {
        number = default_number;
        name = text;
      }
    }
  }

  std::string name;
  uint64_t number;
  std::atomic<uint64_t> passes{0};
};

std::atomic<void (*)(const char*)> fault_hook{nullptr};

}  // namespace

void PassFaultPoint(const char* point) {
  static Choice kill("WEIR_KILL_AT", 1);
  if (void (*hook)(const char*) = fault_hook.load(std::memory_order_relaxed)) {
    hook(point);
  }
  if (!kill.name.empty() && kill.name == point && kill.passes.fetch_add(1) + 1 == kill.number) {
    std::raise(SIGKILL);
  }
}

void SetFaultHook(void (*hook)(const char* point)) { fault_hook.store(hook); }

bool PlantedBugShows(const char* bug) {
  static Choice planted("WEIR_PLANTED_BUG", 1);
  return !planted.name.empty() && planted.name == bug &&
         (planted.passes.fetch_add(1) + 1) % planted.number == 0;
}

}  // namespace engine

#endif
