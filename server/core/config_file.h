// Configuration as lines: where they come from (file, includes, standard input, command line), and
// writing a file back. What a line means is config.cc's business.
//
// Thread: main at start, later loop.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/status.h"

namespace server {

// One line that sets something.
struct ConfigLine {
  std::string source;  // Path, "standard input" or "command line".
  int number = 0;      // From 1.
  std::string text;
  std::vector<std::string> words;  // At least one; the option's name is in lower case.
};

// How the server was started: `[config-file] [-] [--name value ...]`.
struct CommandLine {
  std::string config_file;  // Empty = none.
  bool reads_stdin = false;
  std::string options;  // The options as lines of a configuration file.
};

// Arguments without the program's name. The rules are those of redis-server: the argument right
// behind a lone `--name` is its value even if it begins with two dashes, `--save` in front of
// another option or at the end means `--save ""`, and `--name value` may be one argument. kInvalid
// otherwise.
engine::Result<CommandLine> ParseCommandLine(std::span<const std::string_view> arguments);

// Splits text into lines; comments and empty lines are dropped, `include` is followed (glob
// patterns allowed). kInvalid with words for the operator that name the line.
engine::Result<std::vector<ConfigLine>> ParseConfigText(std::string_view text,
                                                        std::string_view source);
// kIo when it cannot be read.
engine::Result<std::string> ReadConfigFile(const std::string& path);

// The words an operator sees when the configuration stops the start.
std::string ConfigLineError(const ConfigLine& line, std::string_view reason);

// The same as main prints it before it gives up.
std::string FatalConfigError(std::string_view reason);

// Replaces a file in one step: readers see the old text or the new one, also after a crash. Keeps
// the file's permissions. kIo with the system's words.
engine::Status ReplaceFile(const std::string& path, std::string_view text);

}  // namespace server
