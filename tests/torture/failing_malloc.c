// For LD_PRELOAD: from some allocation on, malloc and its kin say that there is no memory.
//
// WEIR_MALLOC_FAIL_AT=n    the n-th call fails, counted over all threads from the start of the process
// WEIR_MALLOC_FAIL_COUNT=k and k - 1 more calls after it; 0 = all of them
// WEIR_MALLOC_FAIL_MIN=b   only calls for at least b bytes count
#define _GNU_SOURCE
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

extern void* __libc_malloc(size_t);
extern void* __libc_calloc(size_t, size_t);
extern void* __libc_realloc(void*, size_t);
extern void* __libc_memalign(size_t, size_t);

static unsigned long fail_at, fail_count = 1, fail_min;
static atomic_ulong calls;

__attribute__((constructor)) static void read_environment(void) {
  const char* text = getenv("WEIR_MALLOC_FAIL_AT");
  if (text != NULL) fail_at = strtoul(text, NULL, 10);
  text = getenv("WEIR_MALLOC_FAIL_COUNT");
  if (text != NULL) fail_count = strtoul(text, NULL, 10);
  text = getenv("WEIR_MALLOC_FAIL_MIN");
  if (text != NULL) fail_min = strtoul(text, NULL, 10);
}

static int fails(size_t bytes) {
  if (fail_at == 0 || bytes < fail_min) return 0;
  const unsigned long call = atomic_fetch_add(&calls, 1) + 1;
  if (call < fail_at || (fail_count != 0 && call >= fail_at + fail_count)) return 0;
  errno = ENOMEM;
  return 1;
}

void* malloc(size_t bytes) { return fails(bytes) ? NULL : __libc_malloc(bytes); }
void* calloc(size_t count, size_t bytes) {
  return fails(count * bytes) ? NULL : __libc_calloc(count, bytes);
}
void* realloc(void* memory, size_t bytes) {
  return fails(bytes) ? NULL : __libc_realloc(memory, bytes);
}
void* memalign(size_t alignment, size_t bytes) {
  return fails(bytes) ? NULL : __libc_memalign(alignment, bytes);
}
void* aligned_alloc(size_t alignment, size_t bytes) { return memalign(alignment, bytes); }
int posix_memalign(void** memory, size_t alignment, size_t bytes) {
  void* const got = memalign(alignment, bytes);
  if (got == NULL) return ENOMEM;
  *memory = got;
  return 0;
}
