// One command as it came over the wire. A Request owns nothing.
//
// Thread: any, one at a time.
#pragma once

#include <span>
#include <string_view>

namespace resp {

struct Request {
  // Command name first; never empty for a request a Parser returned. The views point into the
  // bytes given to Parser::Next, or into the parser for quoted inline words: valid until those
  // bytes move or Next is called again, whichever is first.
  std::span<const std::string_view> args;
  // True if the request was a plain line rather than an array of bulk strings.
  bool inline_form = false;
};

}  // namespace resp
