// Command line flags of the form `--name value` or `--name=value`.
//
// Thread: main.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

class Flags {
 public:
  // Reads the words behind the subcommand.
  Flags(int argc, char** argv, int first);

  std::string Text(std::string_view name, std::string_view fallback);
  double Number(std::string_view name, double fallback);
  // A whole number of at least `minimum`.
  long long Whole(std::string_view name, long long fallback, long long minimum);

  // The first thing that was wrong, including flags nobody asked for; empty if nothing was. Call it
  // after reading every flag.
  std::string Problem() const;

 private:
  const std::string* Take(std::string_view name);
  void Complain(std::string text);

  std::map<std::string, std::string, std::less<>> values_;
  std::vector<std::string> read_;
  std::string problem_;
};

// Cuts `text` at each `separator`; empty parts are left out.
std::vector<std::string> Split(std::string_view text, char separator);

// Words as a shell would see them, as far as blanks and quotes go.
std::vector<std::string> SplitWords(std::string_view text);

}  // namespace bench
