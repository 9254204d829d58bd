// weir-server: command line -> configuration -> Server::Run; nothing else.

#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/checker.h"
#include "server/core/config.h"
#include "server/core/config_file.h"
#include "server/core/huge_pages.h"
#include "server/core/log.h"
#include "server/core/process_usage.h"
#include "server/core/version.h"
#include "server/process.h"
#include "server/server.h"

namespace {

using server::ExitCode;

constexpr const char* kUsage =
    R"(Usage: weir-server [config-file] [-] [--option value ...]
       weir-server --accept-loss [config-file] ...
       weir-server --check DIR
       weir-server --version | --help

  config-file      Options, one on a line, in the form of redis.conf.
  -                Options from standard input.
  --option value   Any option of the file, for example --port 7000 --dir /var/lib/weir
                   --appendfsync always. What comes later wins.
  --accept-loss    First of all words: starts even if turns that were durable are missing from
                   the journal, without them. The log says how many.
  --check DIR      Verifies the data of a stopped server. Ends with 0 if all is well, with 1 if
                   there are faults, with 2 if it cannot be read.

Options are described in docs/configuration.md, running it in docs/operations.md.
)";

// Done with what can be said without a server.
std::optional<int> RunWithoutServer(const std::vector<std::string_view>& arguments) {
  if (arguments.empty()) return std::nullopt;
  const std::string_view first = arguments[0];
  if (arguments.size() == 1 && (first == "--version" || first == "-v")) {
    std::cout << "Weir server v=" << server::kWeirVersion << "\n";
    return 0;
  }
  if (arguments.size() == 1 && (first == "--help" || first == "-h")) {
    std::cout << kUsage;
    return 0;
  }
  if (first != "--check") return std::nullopt;
  if (arguments.size() != 2) {
    std::cerr << kUsage;
    return 2;
  }
  return engine::CheckStoreAndReport(std::string(arguments[1]), std::cout);
}

engine::Status LoadConfig(const std::vector<std::string_view>& arguments, server::Config* config) {
  ASSIGN_OR_RETURN(const server::CommandLine command_line, server::ParseCommandLine(arguments));
  std::string standard_input;
  if (command_line.reads_stdin) {
    standard_input.assign(std::istreambuf_iterator<char>(std::cin), {});
  }
  return config->Load(command_line, standard_input);
}

std::string RandomHex(std::random_device& source) {
  constexpr size_t kDigits = 40;
  std::uniform_int_distribution<size_t> digit(0, 15);
  std::string text(kDigits, '0');
  for (char& c : text) c = "0123456789abcdef"[digit(source)];
  return text;
}

server::ProcessFacts MakeFacts(server::Clock& clock, std::random_device& source) {
  return {.run_id = RandomHex(source),
          .replication_id = RandomHex(source),
          .executable = server::ExecutablePath(),
          .start_unix_ms = clock.UnixMs()};
}

std::string Join(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

const char* FsyncWord(engine::FsyncMode mode) {
  switch (mode) {
    case engine::FsyncMode::kAlways:
      return "always";
    case engine::FsyncMode::kEverySecond:
      return "everysec";
    case engine::FsyncMode::kNo:
      return "no";
  }
  return "?";
}

void PrintBanner(const server::Server& running, const server::Settings& settings) {
  std::cout << "Weir " << server::kWeirVersion << ", durable streams for Redis clients\n"
            << "  address      " << Join(running.addresses()) << "\n"
            << "  data         " << settings.dir << "\n"
            << "  appendfsync  " << FsyncWord(settings.fsync_mode()) << "\n"
            << "  process      " << getpid() << "\n"
            << std::flush;
}

int Fail(ExitCode code, std::string_view reason) {
  std::cerr << "weir-server: " << reason << "\n";
  return static_cast<int>(code);
}

int RunServer(server::Config& config, bool accepts_loss) {
  server::EndWhenOutOfMemory();
  server::KeepFreedMemory();
  const server::Settings& settings = config.settings();
  auto log = server::Log::Open(settings.logfile, settings.log_threshold());
  if (!log.ok()) return Fail(ExitCode::kCannotStart, log.status().message());
  if (!config.options_without_effect().empty()) {
    (*log)->Warning("options without effect", {{"options", Join(config.options_without_effect())}});
  }
  server::SystemClock clock;
  std::random_device source;
  std::mt19937_64::result_type seed = source();
  seed = seed << 32 | source();
  server::ProcessFacts facts = MakeFacts(clock, source);
  facts.accepts_loss = accepts_loss;
  auto started = server::Server::Start(config, clock, **log, std::move(facts), seed);
  if (!started.ok()) {
    const bool refused = started.code() == engine::Code::kCorruption;
    (*log)->Warning("cannot start", {{"reason", started.status().message()}});
    return Fail(refused ? ExitCode::kDataRefused : ExitCode::kCannotStart,
                started.status().message());
  }
  PrintBanner(**started, settings);
  return static_cast<int>((*started)->Run());
}

}  // namespace

int main(int argument_count, char** argument_values) {
  std::vector<std::string_view> arguments(argument_values + 1, argument_values + argument_count);
  const bool accepts_loss = !arguments.empty() && arguments.front() == "--accept-loss";
  if (accepts_loss) arguments.erase(arguments.begin());
  if (const std::optional<int> code = RunWithoutServer(arguments)) return *code;
  server::AskForHugePages(argument_values);
  server::Config config;
  const engine::Status loaded = LoadConfig(arguments, &config);
  if (!loaded.ok()) {
    std::cerr << server::FatalConfigError(loaded.message());
    return static_cast<int>(ExitCode::kCannotStart);
  }
  return RunServer(config, accepts_loss);
}
