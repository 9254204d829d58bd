#include "server/core/process_usage.h"

#include <malloc.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "fmt/format.h"

namespace server {
namespace {

// Bytes of free memory above all that is in use.
constexpr int kKeptAtTop = 128 << 20;
// Bytes that the heap grows by, at least: where every program gets huge pages without asking, only
// memory that is there as a whole becomes one.
constexpr int kGrownAtOnce = 16 << 20;

uint64_t PageBytes() { return static_cast<uint64_t>(sysconf(_SC_PAGESIZE)); }

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

}  // namespace

uint64_t ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  uint64_t total_pages = 0;
  uint64_t resident_pages = 0;
  if (!(statm >> total_pages >> resident_pages)) return 0;
  return resident_pages * PageBytes();
}

uint64_t PeakResidentBytes() {
  constexpr uint64_t kBytesPerUnit = 1024;
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<uint64_t>(usage.ru_maxrss) * kBytesPerUnit;
}

ProcessorTime ProcessorTimeUsed() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return {Seconds(usage.ru_utime), Seconds(usage.ru_stime)};
}

AllocatorUsage AllocatorUsed() {
  const struct mallinfo2 info = mallinfo2();
  return {.allocated = info.uordblks + info.hblkhd,
          .held = info.arena + info.hblkhd,
          .mapped = info.hblkhd};
}

void KeepFreedMemory() {
  constexpr int kLargestFromHeap = 256 << 20;
  mallopt(M_MMAP_THRESHOLD, kLargestFromHeap);
  mallopt(M_TRIM_THRESHOLD, kKeptAtTop);
  mallopt(M_TOP_PAD, kGrownAtOnce);
}

void ReturnFreeMemory() { malloc_trim(0); }

void ReturnFreeTop() {
  // What is above all that is in use goes back only when a large block is freed, and not all the
  // time.
  constexpr size_t kLargeBlock = 256 << 10;
  mallopt(M_TRIM_THRESHOLD, 0);
  mallopt(M_TOP_PAD, 0);
  void* volatile block = std::malloc(kLargeBlock);
  std::free(block);
  mallopt(M_TRIM_THRESHOLD, kKeptAtTop);
  mallopt(M_TOP_PAD, kGrownAtOnce);
}

uint64_t SystemMemoryBytes() {
  const long pages = sysconf(_SC_PHYS_PAGES);
  return pages > 0 ? static_cast<uint64_t>(pages) * PageBytes() : 0;
}

std::string OperatingSystem() {
  utsname name = {};
  if (uname(&name) != 0) return "unknown";
  return fmt::format("{} {} {}", name.sysname, name.release, name.machine);
}

std::string ExecutablePath() {
  std::error_code error;
  const std::filesystem::path path = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? std::string() : path.string();
}

}  // namespace server
