// Memory from malloc, for what must be able to grow in place and for libraries in C. Without it the
// process ends as it does when `new` finds none. Thread: any.
#pragma once

#include <cstddef>

namespace server {

// Never null unless `bytes` is 0.
void* Allocate(size_t bytes);
// The same for memory that may have been allocated already.
void* Reallocate(void* memory, size_t bytes);

}  // namespace server
