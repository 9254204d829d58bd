// How libFuzzer changes command sequences: by lines and by words, with the words of the protocol,
// as bytes changed anywhere seldom make a command. Linked into the fuzzer only. Thread: one.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed);
extern "C" size_t LLVMFuzzerCustomCrossOver(const uint8_t* first, size_t first_size,
                                            const uint8_t* second, size_t second_size, uint8_t* out,
                                            size_t max_size, unsigned int seed);

namespace fuzz {
namespace {

using Lines = std::vector<std::string>;

// Few names, so that commands meet; numbers at the edges.
constexpr std::string_view kAtoms[] = {"s",
                                       "s",
                                       "s",
                                       "t",
                                       "k",
                                       "d",
                                       "s:dead",
                                       "g",
                                       "g",
                                       "h",
                                       "a",
                                       "a",
                                       "b",
                                       "f",
                                       "v",
                                       "*",
                                       "$",
                                       ">",
                                       "-",
                                       "+",
                                       "0",
                                       "0-0",
                                       "1-1",
                                       "1-2",
                                       "2-1",
                                       "5-5",
                                       "0-1",
                                       "1",
                                       "2",
                                       "3",
                                       "10",
                                       "100",
                                       "1000",
                                       "-1",
                                       "-2",
                                       "127",
                                       "65536",
                                       "9223372036854775807",
                                       "-9223372036854775808",
                                       "18446744073709551615",
                                       "18446744073709551615-18446744073709551615",
                                       "(1-1",
                                       "(5-5",
                                       "\"\"",
                                       "1.5",
                                       "0.001",
                                       "inf",
                                       "nan",
                                       "\"\\x00\\xff\"",
                                       "*k*",
                                       "[a-",
                                       "{i}-1",
                                       "5-*",
                                       "1700000000001-0"};
constexpr std::string_view kDirectives[] = {"!advance 1",     "!advance 100",       "!advance 1000",
                                            "!advance 60000", "!advance 100000000", "!close 1",
                                            "!reopen",        "DEBUG RELOAD"};

class Mutator {
 public:
  explicit Mutator(unsigned int seed) : random_(seed) {}

  size_t Draw(size_t below) { return random_() % below; }

  void Change(Lines* lines) {
    if (lines->empty()) lines->emplace_back("PING");
    std::string& line = (*lines)[Draw(lines->size())];
    switch (Draw(14)) {
      case 0:
        lines->erase(lines->begin() + static_cast<ptrdiff_t>(Draw(lines->size())));
        return;
      case 1: {
        const std::string copy = line;
        lines->insert(lines->begin() + static_cast<ptrdiff_t>(Draw(lines->size() + 1)), copy);
        return;
      }
      case 2:
        std::swap(line, (*lines)[Draw(lines->size())]);
        return;
      case 3:
        lines->insert(lines->begin() + static_cast<ptrdiff_t>(Draw(lines->size() + 1)), NewLine());
        return;
      case 4:
        ChangeClient(&line);
        return;
      case 5:
        if (!line.starts_with('!')) {
          line.insert(0, "!repeat " + std::to_string(1 + Draw(150)) + " ");
        }
        return;
      case 6:
        ChangeBytes(&line);
        return;
      default:
        ChangeWord(*lines, &line);
    }
  }

  Lines Cross(Lines first, const Lines& second) {
    const size_t from = second.empty() ? 0 : Draw(second.size());
    const size_t count = second.empty() ? 0 : 1 + Draw(second.size() - from);
    first.insert(first.begin() + static_cast<ptrdiff_t>(Draw(first.size() + 1)),
                 second.begin() + static_cast<ptrdiff_t>(from),
                 second.begin() + static_cast<ptrdiff_t>(from + count));
    return first;
  }

 private:
  static const std::vector<std::string>& Words() {
    static const std::vector<std::string> words = [] {
      std::vector<std::string> read;
      std::ifstream file(WEIR_FUZZ_DICTIONARY);
      for (std::string line; std::getline(file, line);) {
        // Those with escapes are for fuzzers of bytes.
        const bool is_word = line.size() > 2 && line.front() == '"';
        if (is_word && line.find('\\') == line.npos)
          read.push_back(line.substr(1, line.size() - 2));
      }
      return read;
    }();
    return words;
  }

  std::string Word() {
    if (Words().empty() || Draw(2) == 0) return std::string(kAtoms[Draw(std::size(kAtoms))]);
    return Words()[Draw(Words().size())];
  }

  std::string NewLine() {
    if (Draw(4) == 0) return std::string(kDirectives[Draw(std::size(kDirectives))]);
    std::string line = Words().empty() ? "PING" : Words()[Draw(Words().size())];
    for (size_t words = Draw(7); words > 0; --words) line += " " + Word();
    return line;
  }

  void ChangeClient(std::string* line) {
    if (line->starts_with('@') && line->size() > 3) line->erase(0, 3);
    line->insert(0, "@" + std::to_string(Draw(4)) + " ");
  }

  void ChangeBytes(std::string* line) {
    std::vector<uint8_t> bytes(line->begin(), line->end());
    const size_t room = line->size() + 32;
    bytes.resize(room);
    bytes.resize(LLVMFuzzerMutate(bytes.data(), line->size(), room));
    line->assign(bytes.begin(), bytes.end());
    std::replace(line->begin(), line->end(), '\n', ' ');
  }

  // Replaces a word, removes it, or puts one before it: of the dictionary, or from elsewhere.
  void ChangeWord(const Lines& lines, std::string* line) {
    Lines words = Split(*line, ' ');
    const size_t at = Draw(words.size() + 1);
    std::string word = Word();
    if (Draw(4) == 0) {
      const Lines others = Split(lines[Draw(lines.size())], ' ');
      word = others.empty() ? word : others[Draw(others.size())];
    }
    const size_t what = Draw(4);
    if (at == words.size() || what == 0) {
      words.insert(words.begin() + static_cast<ptrdiff_t>(at), word);
    } else if (what == 1) {
      words.erase(words.begin() + static_cast<ptrdiff_t>(at));
    } else {
      words[at] = word;
    }
    *line = Join(words, ' ');
  }

 public:
  static Lines Split(std::string_view text, char separator) {
    Lines parts;
    while (!text.empty()) {
      const size_t end = std::min(text.find(separator), text.size());
      if (end > 0) parts.emplace_back(text.substr(0, end));
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    return parts;
  }
  static std::string Join(const Lines& parts, char separator) {
    std::string text;
    for (const std::string& part : parts) {
      if (!text.empty()) text += separator;
      text += part;
    }
    return text;
  }

 private:
  std::minstd_rand random_;
};

Lines LinesOf(const uint8_t* data, size_t size) {
  return Mutator::Split({reinterpret_cast<const char*>(data), size}, '\n');
}

bool HasAny(const std::string& line, std::span<const std::string_view> words) {
  return std::ranges::any_of(words,
                             [&](std::string_view word) { return line.find(word) != line.npos; });
}

// A start takes as long as some hundred commands, a checkpoint as long as ten: one input in 64 and
// one in 16 have any. One in eight has commands that are repeated often.
void KeepShort(Mutator* mutator, Lines* lines) {
  static constexpr std::string_view kStarts[] = {"!reopen", "reload",   "RELOAD",  "loadaof",
                                                 "LOADAOF", "shutdown", "SHUTDOWN"};
  static constexpr std::string_view kCheckpoints[] = {"save", "SAVE", "rewriteaof", "REWRITEAOF"};
  constexpr std::string_view kRepeat = "!repeat ";
  if (mutator->Draw(64) != 0) {
    std::erase_if(*lines, [](const std::string& line) { return HasAny(line, kStarts); });
  }
  if (mutator->Draw(16) != 0) {
    std::erase_if(*lines, [](const std::string& line) { return HasAny(line, kCheckpoints); });
  }
  if (mutator->Draw(8) == 0) return;
  for (std::string& line : *lines) {
    const size_t at = line.find(kRepeat);
    if (at == line.npos) continue;
    const size_t digits = at + kRepeat.size();
    const size_t end = std::min(line.find_first_not_of("0123456789", digits), line.size());
    if (end - digits > 1) line.replace(digits, end - digits, std::to_string(1 + mutator->Draw(9)));
  }
}

size_t Write(const Lines& lines, uint8_t* out, size_t max_size) {
  const std::string text = Mutator::Join(lines, '\n');
  const size_t size = std::min(text.size(), max_size);
  std::copy_n(text.data(), size, out);
  return size;
}

}  // namespace
}  // namespace fuzz

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed) {
  fuzz::Mutator mutator(seed);
  fuzz::Lines lines = fuzz::LinesOf(data, size);
  for (size_t changes = 1 + mutator.Draw(3); changes > 0; --changes) mutator.Change(&lines);
  fuzz::KeepShort(&mutator, &lines);
  return fuzz::Write(lines, data, max_size);
}

extern "C" size_t LLVMFuzzerCustomCrossOver(const uint8_t* first, size_t first_size,
                                            const uint8_t* second, size_t second_size, uint8_t* out,
                                            size_t max_size, unsigned int seed) {
  fuzz::Mutator mutator(seed);
  fuzz::Lines lines =
      mutator.Cross(fuzz::LinesOf(first, first_size), fuzz::LinesOf(second, second_size));
  fuzz::KeepShort(&mutator, &lines);
  return fuzz::Write(lines, out, max_size);
}
