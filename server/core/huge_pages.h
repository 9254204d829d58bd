// Memory from malloc in pages of 2 MiB: a process that grows fast spends more than a quarter of its
// processor time on touching small ones for the first time (docs/performance.md).
#pragma once

#include <string>
#include <string_view>

namespace server {

// What GLIBC_TUNABLES has to be for malloc to ask for huge pages, given what it is now. Empty: it
// says something of them already, whatever that is. Thread: any.
std::string TunablesWithHugePages(std::string_view tunables);

// Runs this program anew with such an environment, where the system gives huge pages to those who
// ask (`madvise`): malloc reads it before main, and has no call for it. Returns if that is so
// already, would have no effect, was declined by the user in GLIBC_TUNABLES, or fails.
// `arguments`: of main. Thread: main, first of all.
void AskForHugePages(char** arguments);

// Whether this process gets huge pages now. Not at first: one that has little to do does not need
// 2 MiB for each thread. Not at rest: it has given back what it does not use, and the kernel would
// fill these holes to make huge pages of the rest. Never, if they were off for the process before.
// Owner: Server, one in a process. Thread: loop.
class HugePages {
 public:
  HugePages();
  void Pause();
  void Resume();

 private:
  const bool are_off_for_good_;
};

}  // namespace server
