// Other text that people write: glob patterns, configuration files, and replies as a client of ours
// reads them.
//
// Input: a byte that picks the check, then the text.
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "resp/glob.h"
#include "resp/reply.h"
#include "server/core/config.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/support/test_server.h"

// What libFuzzer calls.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace fuzz {
namespace {

// ---- Globs ----

// Bytes of the pattern element that begins at `pattern`, which is no '*', and whether it takes `c`:
// the rules of docs for KEYS, written for clarity.
struct Element {
  size_t size = 1;
  bool takes = false;
};

Element ReadClass(std::string_view pattern, uint8_t c) {
  size_t at = 1;
  const bool negated = at < pattern.size() && pattern[at] == '^';
  at += negated ? 1 : 0;
  bool found = false;
  for (; at < pattern.size() && pattern[at] != ']'; ++at) {
    const size_t left = pattern.size() - at;
    if (pattern[at] == '\\' && left >= 2) {
      ++at;
      found = found || static_cast<uint8_t>(pattern[at]) == c;
    } else if (left >= 3 && pattern[at + 1] == '-') {
      const auto from = static_cast<uint8_t>(pattern[at]);
      const auto to = static_cast<uint8_t>(pattern[at + 2]);
      found = found || (std::min(from, to) <= c && c <= std::max(from, to));
      at += 2;
    } else {
      found = found || static_cast<uint8_t>(pattern[at]) == c;
    }
  }
  return {std::min(at + 1, pattern.size()), found != negated};
}

Element ReadElement(std::string_view pattern, uint8_t c) {
  if (pattern[0] == '[') return ReadClass(pattern, c);
  if (pattern[0] == '?') return {1, true};
  if (pattern[0] == '\\' && pattern.size() > 1) return {2, static_cast<uint8_t>(pattern[1]) == c};
  return {1, static_cast<uint8_t>(pattern[0]) == c};
}

// Which suffixes of the text the pattern may have come to; no choice is ever undone.
bool MatchesSlowly(std::string_view pattern, std::string_view text) {
  std::vector<bool> reached(text.size() + 1);
  reached[0] = true;
  while (!pattern.empty()) {
    std::vector<bool> next(text.size() + 1);
    size_t taken = 1;
    if (pattern[0] == '*') {
      bool any = false;
      for (size_t i = 0; i <= text.size(); ++i) next[i] = any = any || reached[i];
    } else {
      taken = ReadElement(pattern, 0).size;
      for (size_t i = 0; i < text.size(); ++i) {
        next[i + 1] = reached[i] && ReadElement(pattern, static_cast<uint8_t>(text[i])).takes;
      }
    }
    pattern.remove_prefix(taken);
    reached = std::move(next);
  }
  return reached[text.size()];
}

void CheckGlob(std::string_view bytes) {
  Input input(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  const std::string_view pattern = input.TakeBytes(input.TakeByte() % 64);
  const std::string_view text = input.rest().substr(0, 128);
  const bool matches = resp::GlobMatch(pattern, text);
  Require(matches == MatchesSlowly(pattern, text), "a glob matches what it says");
  Require(!resp::IsGlobLiteral(pattern) || matches == (pattern == text), "a literal is itself");
  static_cast<void>(resp::GlobMatch(pattern, text, resp::GlobCase::kAsciiInsensitive));
  static_cast<void>(resp::GlobMatch(pattern, text, resp::GlobCase::kSensitive, 10));
}

// ---- Configuration ----

void CheckConfig(std::string_view text) {
  // Which would read whatever files there are.
  for (size_t i = 0; i + 7 <= text.size(); ++i) {
    if ((text[i] | 32) == 'i' && (text[i + 1] | 32) == 'n' && (text[i + 2] | 32) == 'c') return;
  }
  server::Config config;
  if (!config.LoadText(text, "input").ok()) return;
  const std::string written = server::RewriteConfigText(text, config.settings());
  server::Config again;
  Require(again.LoadText(written, "written").ok(), "a file that was accepted is rewritten as one");
  Require(server::RewriteConfigText(written, again.settings()) == written,
          "rewriting again changes nothing");
}

void CheckLine(std::string_view text) {
  for (const std::string& word : tests::SplitLine(text)) {
    Require(word.size() <= text.size(), "unquoting never lengthens");
  }
}

// ---- Replies ----

// All whole replies, rendered, then what is wrong.
std::string Decode(std::string_view bytes, size_t step) {
  resp::ReplyDecoder decoder;
  std::string out;
  while (!bytes.empty()) {
    decoder.Feed(bytes.substr(0, step));
    bytes.remove_prefix(std::min(step, bytes.size()));
    while (const std::optional<resp::Reply> reply = decoder.Next()) {
      out += resp::Render(*reply) + "\n";
    }
  }
  return out.append(decoder.error());
}

size_t Skip(std::string_view bytes, size_t step) {
  resp::ReplySkipper skipper;
  size_t replies = 0;
  while (!bytes.empty()) {
    size_t used = 0;
    const auto outcome = skipper.Next(bytes.substr(0, step), &used);
    Require(used <= bytes.size(), "no more is used than there is");
    bytes.remove_prefix(used);
    if (outcome == resp::ReplySkipper::Outcome::kMalformed) return replies + 1'000'000;
    replies += outcome == resp::ReplySkipper::Outcome::kNeedMore ? 0 : 1;
  }
  return replies;
}

void CheckReplies(std::string_view bytes) {
  const std::string whole = Decode(bytes, SIZE_MAX);
  Require(Decode(bytes, 1) == whole && Decode(bytes, 7) == whole, "cuts do not change replies");
  const size_t count = Skip(bytes, SIZE_MAX);
  Require(Skip(bytes, 1) == count && Skip(bytes, 5) == count, "cuts do not change their number");
}

constexpr void (*kChecks[])(std::string_view bytes) = {CheckGlob, CheckConfig, CheckLine,
                                                       CheckReplies};

}  // namespace
}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  const size_t check = input.TakeBelow(std::size(fuzz::kChecks));
  fuzz::kChecks[check](input.rest());
  return 0;
}
