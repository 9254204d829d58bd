// What follows in a pipeline, seen before its time.
//
// For a server that wants to get ready for the requests to come. Nothing is judged: bytes that are
// not requests of the usual form end the look. Thread: any.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace resp {

// A request with more than this takes so long that getting ready for it would not be noticed, and
// looking at it would.
inline constexpr size_t kPeekedArguments = 64;

// The second argument (of most commands: the key) of each of the requests at the head of `input`,
// up to the first that is not a whole array of 2 to kPeekedArguments bulk strings; as many as fit
// into `found`. Views into `input`. Returns how many.
size_t PeekSecondArguments(std::string_view input, std::span<std::string_view> found);

}  // namespace resp
