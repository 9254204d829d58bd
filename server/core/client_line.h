// One client as CLIENT LIST and CLIENT INFO show it: connection specification section 4.
//
// Thread: loop.
#pragma once

#include <cstdint>
#include <string>

#include "server/core/session.h"

namespace server {

// Appends the line, with its LF. Names and order of the fields are fixed: parsers of clients know
// just these. `blocked`: it waits in a blocking read.
void AppendClientLine(const Session& session, bool blocked, int64_t now_monotonic_us,
                      std::string* out);

}  // namespace server
