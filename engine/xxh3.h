// XXH3 for much data: with the widest vectors that the processor has, where the library can choose.
// The values are the same either way.
#pragma once

#if defined(__x86_64__)
#include <xxh_x86dispatch.h>
#else
#include <xxhash.h>
#endif
