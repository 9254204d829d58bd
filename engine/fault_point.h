// Named places at which a test build can be made to die, and bugs that it can be made to have.
//
// Compiled in with -DWEIR_FAULT_POINTS=ON (the presets dev, asan and tsan); in a release both
// macros are nothing. What happens is said by two variables of the environment, read once:
//   WEIR_KILL_AT=point:n       SIGKILL to the process when it passes `point` for the n-th time
//   WEIR_PLANTED_BUG=bug[:n]   `bug` is there, each n-th time it could show (default: always)
// Points and bugs are listed in docs/testing.md. Both macros may be used on any thread.
#pragma once

#ifdef WEIR_FAULT_POINTS

namespace engine {

// Calls the hook, then dies if the environment says so. `point` is a string literal.
void PassFaultPoint(const char* point);
// `hook` is called at each pass of a point, on the thread that passes; null = none. Set it while no
// other thread runs.
void SetFaultHook(void (*hook)(const char* point));
// Whether `bug` shows this time.
bool PlantedBugShows(const char* bug);

}  // namespace engine

#define FAULT_POINT(name) ::engine::PassFaultPoint(name)
#define PLANTED_BUG(name) ::engine::PlantedBugShows(name)

#else

#define FAULT_POINT(name) \
  do {                    \
  } while (false)
#define PLANTED_BUG(name) false

#endif
