// What the operating system says about this process.
//
// Thread: any.
#pragma once

#include <cstdint>
#include <string>

namespace server {

// Resident memory in bytes; 0 if it cannot be told.
uint64_t ResidentBytes();
// The most there has been of it since the start.
uint64_t PeakResidentBytes();

// Processor time in seconds, of all threads.
struct ProcessorTime {
  double user_seconds = 0;
  double system_seconds = 0;
};
ProcessorTime ProcessorTimeUsed();

// The memory allocator's numbers, in bytes.
struct AllocatorUsage {
  uint64_t allocated = 0;  // In use.
  uint64_t held = 0;       // Taken from the system, in use or not.
  uint64_t mapped = 0;     // Of those in use: large blocks, mapped one by one.
};
AllocatorUsage AllocatorUsed();
// From now on memory that is freed stays for reuse. Blocks, batches and memtables come and go by
// the megabyte, and memory that went back to the system costs a page fault for every 4 KB of its
// next use: measured, that was half of the time of an XADD.
void KeepFreedMemory();
// What is kept goes back to the system: of all threads, but for the end of each thread's part...
void ReturnFreeMemory();
// ...of which this returns that of the calling thread.
void ReturnFreeTop();

// Physical memory of the machine in bytes; 0 if it cannot be told.
uint64_t SystemMemoryBytes();
// Name, release and machine of the kernel: "Linux 6.1.0 x86_64".
std::string OperatingSystem();
std::string ExecutablePath();

}  // namespace server
