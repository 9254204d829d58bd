#include "bench/environment.h"

#include <sys/utsname.h>

#include <array>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>
#include <system_error>
#include <thread>

namespace bench {
namespace {

std::string Date() {
  const std::time_t now = std::time(nullptr);
  std::tm parts = {};
  ::gmtime_r(&now, &parts);
  std::array<char, 32> text;
  const size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {text.data(), size};
}

// First line a command prints, or "unknown".
std::string FirstLine(const char* command) {
  FILE* const pipe = ::popen(command, "re");
  if (pipe == nullptr) return "unknown";
  std::array<char, 256> line;
  std::string text = std::fgets(line.data(), line.size(), pipe) == nullptr ? "" : line.data();
  ::pclose(pipe);
  while (text.ends_with('\n')) text.pop_back();
  return text.empty() ? "unknown" : text;
}

std::string CpuModel() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) {
      return line.substr(colon + 2);
    }
  }
  return "unknown";
}

std::string Kernel() {
  utsname name = {};
  if (::uname(&name) != 0) return "unknown";
  return std::string(name.sysname) + ' ' + name.release + ' ' + name.machine;
}

// The mount with the longest path that leads to `directory`, from /proc/self/mounts: device,
// mount point, type.
std::string Disk(const std::string& directory) {
  std::error_code ignored;
  const std::string path = std::filesystem::weakly_canonical(directory, ignored).string() + '/';
  std::ifstream file("/proc/self/mounts");
  std::string best = "unknown";
  size_t best_size = 0;
  for (std::string line; std::getline(file, line);) {
    std::istringstream fields(line);
    std::string device;
    std::string mount;
    std::string type;
    fields >> device >> mount >> type;
    const std::string prefix = mount == "/" ? mount : mount + '/';
    if (path.starts_with(prefix) && prefix.size() >= best_size) {
      best = type + " on " + device;
      best_size = prefix.size();
    }
  }
  return best;
}

}  // namespace

Environment DescribeEnvironment(const std::string& data_directory) {
  Environment environment;
  environment.date = Date();
  environment.commit = FirstLine("git describe --always --dirty --abbrev=12 2>/dev/null");
  environment.compiler = "g++ " __VERSION__;
  environment.kernel = Kernel();
  environment.cpu_model = CpuModel();
  environment.cpu_count = std::thread::hardware_concurrency();
  environment.disk = Disk(data_directory);
  return environment;
}

}  // namespace bench
