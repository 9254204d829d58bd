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

}  // namespace

std::string TunablesWithHugePages(std::string_view tunables) {
  if (tunables.find(kTunable) != std::string_view::npos) return std::string();
  std::string result(tunables);
  if (!result.empty()) result += ':';
  return result.append(kTunable).append("=1");
}

void AskForHugePages(char** arguments) {
  if (!WEIR_HAS_GLIBC_MALLOC || !GivesToThoseWhoAsk()) return;
  const char* const now = std::getenv(kVariable);
  const std::string wanted = TunablesWithHugePages(now == nullptr ? "" : now);
  if (wanted.empty() || setenv(kVariable, wanted.c_str(), 1) != 0) return;
  execv(ExecutablePath().c_str(), arguments);
}

void PauseHugePages(bool is_paused) {
  // Whoever started this process may have switched them off for it.
  static const bool are_off_for_good = prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) > 0;
  if (!are_off_for_good) prctl(PR_SET_THP_DISABLE, is_paused ? 1 : 0, 0, 0, 0);
}

}  // namespace server
