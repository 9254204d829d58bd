// What the programs of this folder have in common: their arguments, their time, their last line.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace tests {

struct TortureArguments {
  uint64_t seed = 1;
  uint64_t seeds = 1;
  uint64_t runs = UINT64_MAX;
  double minutes = 1e9;
  bool list = false;
  bool expect_fault = false;  // For a planted bug: success is to have found it.
  uint64_t blow_every = 40;   // linear_histories: one run of so many has a blow; 0 = none.
  std::vector<std::string> points;

  // Ends the process with words where they are wrong.
  static TortureArguments Parse(int argc, char** argv);
};

class TortureRun {
 public:
  TortureRun(std::string name, TortureArguments arguments);
  const TortureArguments& arguments() const { return arguments_; }
  // Whether another run may begin.
  bool goes_on() const;
  void Begin() { ++runs_; }
  void Fault(const std::string& text);
  uint64_t faults() const { return faults_; }
  // Says the last line, with `more` at its end; the result of the process.
  int End(const std::string& more) const;

 private:
  double seconds() const;
  const std::string name_;
  const TortureArguments arguments_;
  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  uint64_t runs_ = 0;
  uint64_t faults_ = 0;
};

// main() of a program that dies at fault points: `run` unless this build has none.
int RunWithFaultPoints(int argc, char** argv, int (*run)(const TortureArguments& arguments));

}  // namespace tests
