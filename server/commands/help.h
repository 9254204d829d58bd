// The reply of a container's HELP: a frame that is the same for all of them around lines of its
// own.
//
// Thread: any.
#pragma once

#include <span>
#include <string_view>

#include "resp/writer.h"

namespace server {

// `container` in upper case; `lines` without the frame.
void WriteHelp(resp::Writer& out, std::string_view container,
               std::span<const std::string_view> lines);

}  // namespace server
