#include "server/net/memory.h"

#include <cstdlib>
#include <new>

namespace server {
namespace {

void* OrEnd(void* memory, size_t bytes) {
  if (memory == nullptr && bytes > 0) {
    if (const std::new_handler end = std::get_new_handler()) end();
    std::abort();
  }
  return memory;
}

}  // namespace

void* Allocate(size_t bytes) { return OrEnd(std::malloc(bytes), bytes); }

void* Reallocate(void* memory, size_t bytes) { return OrEnd(std::realloc(memory, bytes), bytes); }

}  // namespace server
