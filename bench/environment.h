// Where a result came from: what has to be known to judge or repeat it.
//
// Thread: main.
#pragma once

#include <string>

namespace bench {

struct Environment {
  std::string date;  // UTC, ISO 8601
  std::string commit;
  std::string compiler;
  std::string kernel;
  std::string cpu_model;
  unsigned cpu_count = 0;
  std::string disk;  // file system type and device under the data directory
};

Environment DescribeEnvironment(const std::string& data_directory);

}  // namespace bench
