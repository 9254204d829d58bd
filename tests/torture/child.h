// Runs a piece of a test in a process of its own, so that an abort or a hang is a finding and not
// the end.
//
// The caller must have no threads: no engine may have been opened in it.
#pragma once

#include <functional>
#include <string>

namespace tests {

struct ChildResult {
  bool ended = false;  // By itself, with exit code 0.
  std::string how;     // Else: which signal, which code, or that it hung.
  std::string said;    // What `work` returned.
  std::string errors;  // The end of what it wrote to standard error.
};

// Killed after `seconds`, or after 60 s of CPU time, which counts as hanging.
ChildResult RunInChild(unsigned seconds, const std::function<std::string()>& work);

}  // namespace tests
