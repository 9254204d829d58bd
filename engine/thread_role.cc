#include "engine/thread_role.h"

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

namespace engine {

void NameThisThread(const char* name) { pthread_setname_np(pthread_self(), name); }

void YieldToLoop(Yielding yielding) {
  // A third, and a tenth, of the share of a thread that does not yield. No less: what starves ends
  // in writers that wait for the end of a checkpoint.
  constexpr int kSomeNice = 5;
  constexpr int kMuchNice = 10;
  thread_local bool is_done = false;
  if (is_done) {
    return;
  }
  is_done = true;
  const auto thread = static_cast<id_t>(gettid());
  const int now = getpriority(PRIO_PROCESS, thread);
  // Fails where the policy of the machine has it so; then the thread runs like the others.
  setpriority(PRIO_PROCESS, thread, now + (yielding == Yielding::kSome ? kSomeNice : kMuchNice));
}

}  // namespace engine
