#include "tests/torture/torture_main.h"

#include <cstdio>
#include <cstdlib>
#include <utility>

namespace tests {

TortureArguments TortureArguments::Parse(int argc, char** argv) {
  TortureArguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--list") {
      arguments.list = true;
      continue;
    }
    if (name == "--expect-fault") {
      arguments.expect_fault = true;
      continue;
    }
    if (++i == argc) {
      std::fprintf(stderr, "%s: unknown, or without its value\n", name.c_str());
      std::exit(2);
    }
    const char* const value = argv[i];
    if (name == "--seed") {
      arguments.seed = std::strtoull(value, nullptr, 10);
    } else if (name == "--seeds") {
      arguments.seeds = std::strtoull(value, nullptr, 10);
    } else if (name == "--runs") {
      arguments.runs = std::strtoull(value, nullptr, 10);
    } else if (name == "--minutes") {
      arguments.minutes = std::strtod(value, nullptr);
    } else if (name == "--blow-every") {
      arguments.blow_every = std::strtoull(value, nullptr, 10);
    } else if (name == "--point") {
      arguments.points.emplace_back(value);
    } else {
      std::fprintf(stderr, "unknown option %s\n", name.c_str());
      std::exit(2);
    }
  }
  return arguments;
}

TortureRun::TortureRun(std::string name, TortureArguments arguments)
    : name_(std::move(name)), arguments_(std::move(arguments)) {
  std::printf("seed %llu\n", static_cast<unsigned long long>(arguments_.seed));
  std::fflush(stdout);
}

double TortureRun::seconds() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
}

bool TortureRun::goes_on() const {
  return runs_ < arguments_.runs && seconds() < arguments_.minutes * 60 &&
         !(arguments_.expect_fault && faults_ > 0);
}

void TortureRun::Fault(const std::string& text) {
  ++faults_;
  std::printf("FAULT: %s\n", text.c_str());
  std::fflush(stdout);
}

int TortureRun::End(const std::string& more) const {
  std::printf("torture: %s runs=%llu faults=%llu seed=%llu seconds=%.0f %s\n", name_.c_str(),
              static_cast<unsigned long long>(runs_), static_cast<unsigned long long>(faults_),
              static_cast<unsigned long long>(arguments_.seed), seconds(), more.c_str());
  return (faults_ > 0) == arguments_.expect_fault ? 0 : 1;
}

int RunWithFaultPoints(int argc, char** argv, int (*run)(const TortureArguments& arguments)) {
#ifndef WEIR_FAULT_POINTS
  constexpr int kSkipped = 77;
  std::puts("skipped: this build has no fault points (WEIR_FAULT_POINTS)");
  return kSkipped;
#endif
  return run(TortureArguments::Parse(argc, argv));
}

}  // namespace tests
