#include "tests/support/transcript.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdint>
#include <optional>

namespace tests {
namespace {

constexpr std::string_view kDirectives[] = {"tags",   "resp2",   "resp3", "advance",
                                            "reopen", "blocked", "raw",   "repeat"};

bool IsWordByte(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// Takes leading word bytes.
std::string_view TakeWord(std::string_view* text) {
  size_t size = 0;
  while (size < text->size() && IsWordByte((*text)[size])) ++size;
  const std::string_view word = text->substr(0, size);
  text->remove_prefix(size);
  return word;
}

// What follows behind one blank, or nothing at the end of the line.
std::optional<std::string_view> Rest(std::string_view text) {
  if (text.empty()) return text;
  if (text[0] != ' ') return std::nullopt;
  return text.substr(1);
}

// The head of a step, or nothing when the line is not one.
std::optional<TranscriptStep> ParseHead(std::string_view line, size_t number) {
  TranscriptStep step;
  step.client = "main";
  step.line = number;
  if (line.starts_with('@')) {
    line.remove_prefix(1);
    step.client = TakeWord(&line);
    if (step.client.empty() || !line.starts_with(' ')) return std::nullopt;
    line.remove_prefix(1);
  }
  if (line.empty()) return std::nullopt;
  const char mark = line[0];
  line.remove_prefix(1);
  if (mark == '!') {
    step.kind = TakeWord(&line);
    if (std::ranges::find(kDirectives, step.kind) == std::end(kDirectives)) return std::nullopt;
  } else if (mark == '>' || mark == '<') {
    step.kind = mark == '>' ? "send" : "receive";
  } else {
    return std::nullopt;
  }
  const std::optional<std::string_view> rest = Rest(line);
  if (!rest) return std::nullopt;
  step.argument = *rest;
  return step;
}

bool IsComment(std::string_view line) {
  return std::ranges::all_of(line, [](unsigned char c) { return std::isspace(c) != 0; }) ||
         line == "#" || line.starts_with("# ");
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Adds a line below the head of a step. False when there is nothing it could belong to.
bool AddReplyLine(std::string_view line, TranscriptStep* step) {
  if (line[0] != ' ' && line[0] != '\t') {
    step->replies.emplace_back(line);
    return true;
  }
  if (step->replies.empty()) return false;
  std::string& reply = step->replies.back();
  if (reply.ends_with(',') || reply.ends_with(':')) reply += ' ';
  reply += Trim(line);
  return true;
}

std::vector<std::string> SplitTags(std::string_view text) {
  std::vector<std::string> tags;
  while (!(text = Trim(text)).empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    tags.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return tags;
}

// --- Patterns
// --------------------------------------------------------------------------------------

size_t CountDigits(std::string_view text) {
  size_t count = 0;
  while (count < text.size() && text[count] >= '0' && text[count] <= '9') ++count;
  return count;
}

size_t TakeInteger(std::string_view text) {
  const size_t sign = text.starts_with('-') ? 1 : 0;
  const size_t digits = CountDigits(text.substr(sign));
  return digits == 0 ? 0 : sign + digits;
}

size_t TakeId(std::string_view text) {
  const size_t ms = CountDigits(text);
  if (ms == 0 || ms == text.size() || text[ms] != '-') return 0;
  const size_t sequence = CountDigits(text.substr(ms + 1));
  return sequence == 0 ? 0 : ms + 1 + sequence;
}

size_t TakeHex40(std::string_view text) {
  if (text.size() < 40) return 0;
  const bool hex = std::ranges::all_of(text.substr(0, 40), [](unsigned char c) {
    return std::isxdigit(c) != 0 && std::isupper(c) == 0;
  });
  return hex ? 40 : 0;
}

// `pattern` is "int:LOW..HIGH".
size_t TakeBounded(std::string_view pattern, std::string_view text) {
  const std::string_view bounds = pattern.substr(pattern.find(':') + 1);
  const size_t dots = bounds.find("..");
  if (dots == bounds.npos) return 0;
  const size_t size = TakeInteger(text);
  int64_t low = 0, high = 0, value = 0;
  std::from_chars(bounds.data(), bounds.data() + dots, low);
  std::from_chars(bounds.data() + dots + 2, bounds.data() + bounds.size(), high);
  std::from_chars(text.data(), text.data() + size, value);
  return low <= value && value <= high ? size : 0;
}

// Bytes that the named pattern takes; 0 = does not match.
size_t TakePattern(std::string_view name, std::string_view text) {
  if (name == "int") return TakeInteger(text);
  if (name == "id") return TakeId(text);
  if (name == "hex40") return TakeHex40(text);
  return name.starts_with("int:") ? TakeBounded(name, text) : 0;
}

bool IsPattern(std::string_view name) {
  return name == "any" || name == "int" || name == "id" || name == "hex40" ||
         name.starts_with("int:");
}

}  // namespace

bool Transcript::HasTag(std::string_view tag) const {
  return std::ranges::find(tags, tag) != tags.end();
}

Transcript ParseTranscript(std::string_view text) {
  Transcript transcript;
  bool in_step = false;
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (IsComment(line)) continue;
    if (std::optional<TranscriptStep> head = ParseHead(line, number)) {
      in_step = head->kind != "tags";
      if (in_step) {
        transcript.steps.push_back(std::move(*head));
      } else {
        transcript.tags = SplitTags(head->argument);
      }
    } else if (!in_step || !AddReplyLine(line, &transcript.steps.back())) {
      transcript.error = "line " + std::to_string(number) + ": a reply without a command";
      return transcript;
    }
  }
  return transcript;
}

bool MatchesExpected(std::string_view expected, std::string_view actual) {
  while (!expected.empty()) {
    const size_t close = expected[0] == '<' ? expected.find('>') : expected.npos;
    const std::string_view name =
        close == expected.npos ? std::string_view() : expected.substr(1, close - 1);
    if (!IsPattern(name)) {
      if (actual.empty() || actual[0] != expected[0]) return false;
      expected.remove_prefix(1);
      actual.remove_prefix(1);
      continue;
    }
    const std::string_view rest = expected.substr(close + 1);
    if (name == "any") {
      for (size_t skip = 0; skip <= actual.size(); ++skip) {
        if (MatchesExpected(rest, actual.substr(skip))) return true;
      }
      return false;
    }
    const size_t size = TakePattern(name, actual);
    if (size == 0) return false;
    expected = rest;
    actual.remove_prefix(size);
  }
  return actual.empty();
}

}  // namespace tests
