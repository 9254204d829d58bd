#include "server/core/huge_pages.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "server/core/process_usage.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define WEIR_HAS_GLIBC_MALLOC 0
#else
#define WEIR_HAS_GLIBC_MALLOC 1
#endif

namespace server {
namespace {

constexpr const char* kVariable = "GLIBC_TUNABLES";
constexpr std::string_view kTunable = "glibc.malloc.hugetlb";

// To those who ask only: where everybody gets them, or nobody, glibc does not ask.
bool GivesToThoseWhoAsk() {
  std::ifstream file("/sys/kernel/mm/transparent_hugepage/enabled");
  std::string modes;
  return std::getline(file, modes) && modes.find("[madvise]") != std::string::npos;
}

// For this process, by whoever started it.
bool AreOff() { return prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) > 0; }

}  // namespace

std::string TunablesWithHugePages(std::string_view tunables) {
  if (tunables.find(kTunable) != std::string_view::npos) return std::string();
  std::string result(tunables);
  if (!result.empty()) result += ':';
  return result.append(kTunable).append("=1");
}

void AskForHugePages(char** arguments) {
  if (!WEIR_HAS_GLIBC_MALLOC || AreOff() || !GivesToThoseWhoAsk()) return;
  const char* const now = std::getenv(kVariable);
  const std::string wanted = TunablesWithHugePages(now == nullptr ? "" : now);
  if (wanted.empty() || setenv(kVariable, wanted.c_str(), 1) != 0) return;
  execv(ExecutablePath().c_str(), arguments);
}

HugePages::HugePages() : are_off_for_good_(AreOff()) { Pause(); }

void HugePages::Pause() {
  if (!are_off_for_good_) prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
}

void HugePages::Resume() {
  if (!are_off_for_good_) prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0);
}

}  // namespace server
