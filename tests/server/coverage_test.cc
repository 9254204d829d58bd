// Every command has a transcript, and a word in the dictionary of fuzzers.
#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string>
#include <string_view>

#include "fmt/format.h"
#include "gtest/gtest.h"
#include "server/core/command_table.h"

namespace server {
namespace {

namespace fs = std::filesystem;

std::string ReadFile(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::string Lower(std::string_view text) {
  std::string lower;
  for (const char character : text) {
    lower += static_cast<char>(std::tolower(static_cast<unsigned char>(character)));
  }
  return lower;
}

// `xadd` and `xgroup|create` of each line `> XADD ...` or `@bob > XGROUP CREATE ...`.
std::set<std::string> CommandsInTranscripts() {
  std::set<std::string> commands;
  for (const fs::directory_entry& entry :
       fs::directory_iterator(fs::path(WEIR_SOURCE_DIR) / "tests" / "transcripts")) {
    if (entry.path().extension() != ".txt") continue;
    std::ifstream file(entry.path());
    for (std::string line; std::getline(file, line);) {
      std::istringstream words(line);
      std::string word;
      words >> word;
      if (word.starts_with('@')) words >> word;
      if (word != ">") continue;
      std::string first;
      std::string second;
      words >> first >> second;
      commands.insert(Lower(first));
      commands.insert(Lower(first + "|" + second));
    }
  }
  return commands;
}

TEST(Coverage, EveryCommandHasATranscript) {
  const std::set<std::string> commands = CommandsInTranscripts();
  for (const CommandSpec& spec : AllCommands()) {
    EXPECT_TRUE(commands.contains(std::string(spec.name))) << spec.name;
  }
}

TEST(Coverage, EveryCommandIsAWordForFuzzers) {
  const std::string dictionary = ReadFile(fs::path(WEIR_SOURCE_DIR) / "tests/fuzz/commands.dict");
  for (const CommandSpec& spec : AllCommands()) {
    const size_t bar = spec.name.rfind('|');
    const std::string_view word =
        bar == std::string_view::npos ? spec.name : spec.name.substr(bar + 1);
    std::string upper;
    for (const char character : word) {
      upper += static_cast<char>(std::toupper(static_cast<unsigned char>(character)));
    }
    EXPECT_NE(dictionary.find(fmt::format("\n\"{}\"\n", upper)), std::string::npos) << spec.name;
  }
}

}  // namespace
}  // namespace server
