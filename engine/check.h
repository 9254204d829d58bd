// CHECK: an invariant of ours. If it fails the program is wrong and stops before it writes more.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace engine {

[[noreturn]] inline void CheckFailed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "CHECK failed: %s at %s:%d\n", expression, file, line);
  std::fflush(stderr);
  std::abort();
}

}  // namespace engine

#define CHECK(expression)                                     \
  do {                                                        \
    if (!(expression)) [[unlikely]] {                         \
      ::engine::CheckFailed(#expression, __FILE__, __LINE__); \
    }                                                         \
  } while (false)

// Documentation of which mutex guards a member; checked by clang's thread-safety analysis.
#if defined(__clang__)
#define WEIR_GUARDED_BY(mutex) __attribute__((guarded_by(mutex)))
#else
#define WEIR_GUARDED_BY(mutex)
#endif
