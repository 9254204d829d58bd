// Memory from malloc in pages of 2 MiB: a process that grows fast spends up to a third of its
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

// No huge pages for this process, or again as it was when this was called first. A server at rest
// has given back what it does not use, and the kernel would fill these holes to make huge pages of
// the rest; one that has little to do does not need 2 MiB for each thread. Thread: any.
void PauseHugePages(bool is_paused);

}  // namespace server
