// How far a stream has removed the entries that no group needs any more (option RETAIN UNACKED).
//
// Entries that an acknowledgement leaves unneeded go at once, so it is only what became unneeded
// otherwise that has to be looked for: by a change of the groups, or before the option was set. The
// state is stored, so that a sweep is neither forgotten nor done again with each load. Thread: any.
#pragma once

#include <cstdint>

namespace engine {

// Numbers are written to disk: never reuse one.
enum class Retirement : uint8_t {
  kOff = 0,       // Unneeded entries may be anywhere.
  kSweeping = 1,  // They may be from a known id on.
  kDone = 2,      // There are none.
};

}  // namespace engine
