#include "server/core/config_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <system_error>
#include <utility>

#include "fmt/format.h"
#include "resp/glob.h"
#include "server/core/config_value.h"
#include "server/core/text.h"
#include "server/core/version.h"

namespace server {
namespace {

// An include that includes itself would never end.
constexpr int kMaxIncludeDepth = 16;

using engine::Code;
using engine::Result;
using engine::Status;

std::string SystemError() { return std::generic_category().message(errno); }

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

// Files that match a path whose last part is a pattern, by name.
std::vector<std::string> MatchingFiles(const std::filesystem::path& pattern) {
  const std::filesystem::path parent = pattern.parent_path();
  std::vector<std::string> paths;
  std::error_code error;
  for (const auto& entry :
       std::filesystem::directory_iterator(parent.empty() ? "." : parent, error)) {
    const std::string name = entry.path().filename().string();
    if (resp::GlobMatch(pattern.filename().string(), name)) {
      paths.push_back((parent / name).string());
    }
  }
  std::ranges::sort(paths);
  return paths;
}

bool HasGlobCharacters(std::string_view path) {
  return path.find_first_of("*?[") != std::string_view::npos;
}

class ConfigReader {
 public:
  Status ReadText(std::string_view text, std::string_view source, int depth) {
    int number = 0;
    while (!text.empty()) {
      const size_t end = text.find('\n');
      RETURN_IF_ERROR(ReadLine(text.substr(0, end), source, ++number, depth));
      text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return engine::OkStatus();
  }

  std::vector<ConfigLine> TakeLines() { return std::move(lines_); }

 private:
  Status ReadLine(std::string_view raw, std::string_view source, int number, int depth) {
    const std::string_view text = Trimmed(raw);
    if (text.empty() || text.front() == '#') return engine::OkStatus();
    ConfigLine line = {std::string(source), number, std::string(text), {}};
    std::optional<std::vector<std::string>> words = SplitWords(text);
    if (!words) {
      return {Code::kInvalid, ConfigLineError(line, "Unbalanced quotes in configuration line")};
    }
    line.words = std::move(*words);
    line.words[0] = LowerCase(line.words[0]);
    if (line.words[0] == "include") return Include(line, depth);
    lines_.push_back(std::move(line));
    return engine::OkStatus();
  }

  Status Include(const ConfigLine& line, int depth) {
    if (line.words.size() != 2) {
      return {Code::kInvalid, ConfigLineError(line, "wrong number of arguments")};
    }
    if (depth >= kMaxIncludeDepth) {
      return {Code::kInvalid, ConfigLineError(line, "too many nested include directives")};
    }
    const std::string& path = line.words[1];
    // A pattern may match nothing; a plain name must be there.
    const std::vector<std::string> paths =
        HasGlobCharacters(path) ? MatchingFiles(path) : std::vector<std::string>{path};
    for (const std::string& file : paths) {
      Result<std::string> text = ReadConfigFile(file);
      if (!text.ok()) {
        return {Code::kInvalid, ConfigLineError(line, text.status().message())};
      }
      RETURN_IF_ERROR(ReadText(*text, file, depth + 1));
    }
    return engine::OkStatus();
  }

  std::vector<ConfigLine> lines_;
};

bool IsOptionName(std::string_view argument) { return argument.starts_with("--"); }

// Collects options as lines: a name opens a line, what follows are its words.
class OptionLines {
 public:
  void AddName(std::string_view argument, bool is_last, std::string_view next) {
    if (!text_.empty()) text_ += '\n';
    text_.append(argument.substr(2)).append(" ");
    const std::optional<std::vector<std::string>> words = SplitWords(argument);
    const bool is_name_alone = words && words->size() == 1;
    expects_value_ = is_name_alone;
    if (is_name_alone && EqualsIgnoreCase(words->front(), "--save") &&
        (is_last || IsOptionName(next))) {
      text_ += "\"\"";
      expects_value_ = false;
    }
  }
  void AddValue(std::string_view argument) {
    text_.append(QuoteWord(argument)).append(" ");
    expects_value_ = false;
  }
  bool expects_value() const { return expects_value_; }
  bool empty() const { return text_.empty(); }
  std::string Take() { return std::move(text_); }

 private:
  std::string text_;
  bool expects_value_ = false;
};

Status WriteAll(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return {Code::kIo, SystemError()};
    text.remove_prefix(static_cast<size_t>(written));
  }
  return engine::OkStatus();
}

// The new file's name must be durable too.
Status SyncDirectoryOf(const std::string& path) {
  const std::filesystem::path parent = std::filesystem::path(path).parent_path();
  const int fd = open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return {Code::kIo, SystemError()};
  const bool synced = fsync(fd) == 0;
  const Status status = synced ? engine::OkStatus() : Status(Code::kIo, SystemError());
  close(fd);
  return status;
}

Status WriteAndSync(int fd, std::string_view text, mode_t mode) {
  RETURN_IF_ERROR(WriteAll(fd, text));
  if (fchmod(fd, mode) != 0 || fsync(fd) != 0) return {Code::kIo, SystemError()};
  return engine::OkStatus();
}

}  // namespace

Result<CommandLine> ParseCommandLine(std::span<const std::string_view> arguments) {
  CommandLine result;
  OptionLines options;
  size_t i = 0;
  if (!arguments.empty() && !arguments[0].starts_with('-')) {
    result.config_file = std::filesystem::absolute(arguments[0]).lexically_normal().string();
    ++i;
  }
  for (; i < arguments.size(); ++i) {
    const bool is_last = i + 1 == arguments.size();
    const std::string_view argument = arguments[i];
    if (argument == "-" && (i == 0 || is_last)) {
      result.reads_stdin = true;
    } else if (IsOptionName(argument) && !options.expects_value()) {
      options.AddName(argument, is_last, is_last ? std::string_view() : arguments[i + 1]);
    } else if (options.empty()) {
      return Status(Code::kInvalid,
                    fmt::format("unexpected argument '{}': options begin with --", argument));
    } else {
      options.AddValue(argument);
    }
  }
  result.options = options.Take();
  return result;
}

Result<std::vector<ConfigLine>> ParseConfigText(std::string_view text, std::string_view source) {
  ConfigReader reader;
  RETURN_IF_ERROR(reader.ReadText(text, source, 0));
  return reader.TakeLines();
}

Result<std::string> ReadConfigFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::error_code error;
  if (!file || std::filesystem::is_directory(path, error)) {
    const std::string reason = file ? std::generic_category().message(EISDIR) : SystemError();
    return Status(Code::kIo, fmt::format("can't open config file '{}': {}", path, reason));
  }
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (file.bad()) return Status(Code::kIo, fmt::format("can't read config file '{}'", path));
  return text;
}

std::string ConfigLineError(const ConfigLine& line, std::string_view reason) {
  return fmt::format("{}, at line {}\n>>> '{}'\n{}", line.source, line.number, line.text, reason);
}

std::string FatalConfigError(std::string_view reason) {
  return fmt::format("*** FATAL CONFIG FILE ERROR (Weir {}) ***\nReading {}\n", kWeirVersion,
                     reason);
}

Status ReplaceFile(const std::string& path, std::string_view text) {
  struct stat old = {};
  const mode_t mode = stat(path.c_str(), &old) == 0 ? old.st_mode & 07777u : 0644u;
  const std::string temporary = fmt::format("{}.{}.tmp", path, getpid());
  const int fd = open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return {Code::kIo, SystemError()};
  Status status = WriteAndSync(fd, text, mode);
  close(fd);
  if (status.ok() && rename(temporary.c_str(), path.c_str()) != 0) {
    status = Status(Code::kIo, SystemError());
  }
  if (!status.ok()) {
    unlink(temporary.c_str());
    return status;
  }
  return SyncDirectoryOf(path);
}

}  // namespace server
