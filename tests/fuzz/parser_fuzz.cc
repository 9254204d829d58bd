// RESP requests: whatever the bytes, and however they are cut into reads, the parser yields the
// same requests and the same error, looks at nothing outside of what it was given, and asks for no
// more than it needs.
//
// Input: a byte of limits, two bytes that choose the cuts, then what a client sends.
#include <array>
#include <cstring>
#include <string>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WEIR_FUZZ_POISON 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define WEIR_FUZZ_POISON 1
#endif
#ifdef WEIR_FUZZ_POISON
#include <sanitizer/asan_interface.h>
#endif

#include "resp/parser.h"
#include "tests/fuzz/fuzz_input.h"

// What libFuzzer calls.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace fuzz {
namespace {

constexpr size_t kMaxInputBytes = 1 << 17;

// Shows the parser its bytes at the end of one of two buffers in turn, all else of which is
// forbidden: a read outside of them, or through a view into the last call's, is a finding.
class Window {
 public:
  Window() {
    static const bool forbidden = ForbidAll();
    static_cast<void>(forbidden);
  }
  ~Window() { Forbid(buffers_[turn_]); }
  std::string_view Show(std::string_view bytes) {
    Forbid(buffers_[turn_]);
    turn_ = 1 - turn_;
    Buffer& buffer = buffers_[turn_];
    char* const begin = buffer.data() + buffer.size() - bytes.size();
    Allow(begin, bytes.size());
    if (!bytes.empty()) std::memcpy(begin, bytes.data(), bytes.size());
    shown_ = bytes.size();
    return {begin, bytes.size()};
  }

 private:
  using Buffer = std::array<char, kMaxInputBytes>;

#ifdef WEIR_FUZZ_POISON
  // Only what was shown was allowed.
  void Forbid(Buffer& buffer) {
    __asan_poison_memory_region(buffer.data() + buffer.size() - shown_, shown_);
  }
  void Allow(char* begin, size_t size) { __asan_unpoison_memory_region(begin, size); }
  static bool ForbidAll() {
    __asan_poison_memory_region(buffers_.data(), sizeof(buffers_));
    return true;
  }
#else
  static bool ForbidAll() { return false; }
  void Forbid(Buffer&) {}
  void Allow(char*, size_t) {}
#endif

  static std::array<Buffer, 2> buffers_;
  size_t turn_ = 0;
  size_t shown_ = 0;
};

std::array<Window::Buffer, 2> Window::buffers_;

// What a connection would see, folded into a number.
class Outcome {
 public:
  void Add(std::string_view bytes) {
    AddNumber(bytes.size());
    for (const char c : bytes) hash_ = (hash_ ^ static_cast<uint8_t>(c)) * kPrime;
  }
  void AddNumber(uint64_t number) { hash_ = (hash_ ^ number) * kPrime; }
  bool operator==(const Outcome&) const = default;

 private:
  static constexpr uint64_t kPrime = 0x100000001b3;
  uint64_t hash_ = 0xcbf29ce484222325;
};

// Where the bytes of a read end.
class Cuts {
 public:
  enum class Kind : uint8_t { kNone, kOnce, kEveryByte, kIrregular };
  Cuts(Kind kind, uint32_t seed) : kind_(kind), state_(seed) {}

  size_t Next(size_t from, size_t size) {
    switch (kind_) {
      case Kind::kNone:
        return size;
      case Kind::kOnce: {
        const size_t cut = size == 0 ? 0 : state_ % size;
        return from < cut ? cut : size;
      }
      case Kind::kEveryByte:
        return from + 1;
      case Kind::kIrregular:
        state_ = state_ * 1664525 + 1013904223;
        return std::min(size, from + 1 + (state_ >> 16) % 24);
    }
    return size;
  }

 private:
  const Kind kind_;
  uint32_t state_;
};

void AddRequest(const resp::Request& request, Outcome* outcome) {
  Require(!request.args.empty(), "a request has a name");
  outcome->AddNumber(request.args.size());
  outcome->AddNumber(request.inline_form ? 1 : 0);
  for (const std::string_view arg : request.args) outcome->Add(arg);
}

Outcome Feed(std::string_view input, Cuts cuts, const resp::ParserLimits& limits) {
  Window window;
  resp::Parser parser;
  Outcome outcome;
  size_t done = 0;       // Bytes that the parser is done with.
  size_t shown = 0;      // Bytes that have arrived.
  size_t needed_to = 0;  // No request ends before so many have.
  do {
    shown = cuts.Next(shown, input.size());
    for (;;) {
      const std::string_view view = window.Show(input.substr(done, shown - done));
      const resp::ParseResult result = parser.Next(view, limits);
      if (result == resp::ParseResult::kProtocolError) {
        Require(shown >= needed_to, "an error is not known before the bytes that were wanted");
        outcome.Add(parser.error());
        Require(parser.Next(view, limits) == result, "an error stays");
        return outcome;
      }
      Require(parser.consumed() <= view.size(), "no more is consumed than was shown");
      if (result == resp::ParseResult::kRequest) {
        Require(shown >= needed_to, "a request does not end before the bytes that were wanted");
        Require(parser.consumed() > 0, "a request takes bytes");
        AddRequest(parser.request(), &outcome);
      }
      done += parser.consumed();
      if (result == resp::ParseResult::kNeedMore) break;
    }
    Require(parser.wanted() >= 1 && parser.wanted() <= resp::kMaxWantedBytes, "wanted is sane");
    needed_to = shown + parser.wanted();
  } while (shown < input.size());
  outcome.AddNumber(input.size() - done);
  return outcome;
}

resp::ParserLimits LimitsFrom(uint8_t byte) {
  resp::ParserLimits limits;
  limits.authenticated = (byte & 1) == 0;
  constexpr int64_t kBulkBytes[] = {resp::kDefaultMaxBulkBytes, 4, 16, 20000};
  limits.max_bulk_bytes = kBulkBytes[byte >> 1 & 3];
  return limits;
}

}  // namespace
}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > fuzz::kMaxInputBytes) return 0;
  fuzz::Input input(data, size);
  const resp::ParserLimits limits = fuzz::LimitsFrom(input.TakeByte());
  const uint32_t seed = uint32_t{input.TakeByte()} << 8 | input.TakeByte();
  using Kind = fuzz::Cuts::Kind;
  const fuzz::Outcome whole = fuzz::Feed(input.rest(), {Kind::kNone, 0}, limits);
  const Kind kinds[] = {Kind::kOnce, Kind::kIrregular, Kind::kEveryByte};
  for (const Kind kind : kinds) {
    // Byte by byte is dear where there are many; the seed says for which of those it is done.
    const bool is_long = input.rest().size() > (seed % 16 == 0 ? 512 : 48);
    if (kind == Kind::kEveryByte && is_long) continue;
    fuzz::Require(fuzz::Feed(input.rest(), {kind, seed}, limits) == whole,
                  "cuts do not change the outcome");
  }
  return 0;
}
