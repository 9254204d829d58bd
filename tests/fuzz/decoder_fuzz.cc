// Records of the store and of the journal: a decoder either refuses the bytes or yields an object
// that can be looked at and written again, and whose written form is read as the same object.
//
// Input: a byte that picks the decoder, then the record without its checksum, which is added here:
// a fuzzer does not guess one, and rot is told by it before any decoder runs.
#include <iterator>
#include <string>
#include <string_view>

#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/record_checks.h"

// What libFuzzer calls.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace fuzz {
namespace {

// A new decoder gets a line here. Its place is its number in the kept corpus: append only.
constexpr void (*kChecks[])(std::string_view bytes) = {
    CheckStreamRecord,    //
    CheckDirectoryPage,   //
    CheckBlock,           //
    CheckBlockSegments,   //
    CheckGroupRecord,     //
    CheckPendingPage,     //
    CheckProducerPage,    //
    CheckScheduledEntry,  //
    CheckStringRecord,    //
    CheckSurvey,          //
    CheckTopGroups,       //
    CheckSegmentHeader,   //
    CheckFragments,       //
    CheckEffects,         //
    CheckPolicySettings,  //
    CheckKeys,            //
    CheckStreamIds,       //
};

}  // namespace
}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  const size_t check = input.TakeBelow(std::size(fuzz::kChecks));
  fuzz::kChecks[check](input.rest());
  return 0;
}
