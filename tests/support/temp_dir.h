// A directory that lives as long as the object.
#pragma once

#include <string>

namespace tests {

class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// Copies a whole tree; `to` must not exist.
void CopyTree(const std::string& from, const std::string& to);

}  // namespace tests
