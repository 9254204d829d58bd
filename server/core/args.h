// Reads the arguments of a command one after another and keeps the first error.
//
//   Args args(context.args, 1);
//   const int64_t count = args.Integer();
//   while (args.more()) {
//     if (args.Word("MATCH")) { pattern = args.Text(); } else { args.Fail(Error::kSyntax); }
//   }
//   RETURN_IF_FAILED(args.Finish());
//
// After an error everything reads as empty or 0, and more() is false. Words are compared without
// regard to case. Thread: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string_view>

#include "server/core/error_reply.h"

namespace server {

// Digits with an optional minus in front, nothing else, no leading zero, within 64 bits.
std::optional<int64_t> ParseInteger(std::string_view text);

class Args {
 public:
  // Starts at args[first].
  explicit Args(std::span<const std::string_view> args, size_t first = 1)
      : args_(args), next_(first) {}

  bool more() const { return outcome_.ok() && next_ < args_.size(); }
  size_t left() const { return more() ? args_.size() - next_ : 0; }
  // The argument that comes next. Precondition: more().
  std::string_view Peek() const { return args_[next_]; }

  // Takes the next argument if it is `word`.
  bool Word(std::string_view word);
  // Takes the next argument if it is `word` and `count` values follow it.
  bool WordWithValues(std::string_view word, size_t count);
  // The next argument; `missing` when there is none.
  std::string_view Text(Error missing = Error::kSyntax);
  // The next argument as an integer; `invalid` when it is none, a syntax error when it is missing.
  int64_t Integer(Error invalid = Error::kNotInteger);

  // Keeps the error unless there was one before.
  void Fail(Error error, std::initializer_list<std::string_view> words = {});
  bool failed() const { return !outcome_.ok(); }
  // The first error; a syntax error when arguments are left.
  Outcome Finish();

 private:
  std::span<const std::string_view> args_;
  size_t next_;
  Outcome outcome_;
};

}  // namespace server
