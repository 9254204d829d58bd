// Transcripts: text files of commands and the replies expected for them. docs/testing.md describes
// the format; transcript.py beside this reads the same.
//
// Thread: one.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace tests {

// What is done in one place of a file, and the replies that must follow. A send without replies
// must leave the client blocked.
struct TranscriptStep {
  std::string kind;  // "send" (a command), "receive" (the reply to an earlier one), or a directive.
  std::string client;
  std::string argument;
  size_t line = 0;
  std::vector<std::string> replies;
};

struct Transcript {
  std::vector<std::string> tags;
  std::vector<TranscriptStep> steps;
  std::string error;  // What is wrong with the text; empty = nothing.

  bool HasTag(std::string_view tag) const;
};

Transcript ParseTranscript(std::string_view text);

// Whether a rendered reply is the expected one, where <any>, <int>, <int:1..5>, <id> and <hex40>
// stand for parts.
bool MatchesExpected(std::string_view expected, std::string_view actual);

}  // namespace tests
